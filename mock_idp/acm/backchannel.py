"""Back-channel logout: tells every relying party of a session, directly, that the session is over.

A relying party that doesn't answer is noted in the log; the logout goes on (OpenID Connect Back-Channel Logout 2.7).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping

import httpx2
import structlog

from mock_idp.acm.clients import Client
from mock_idp.acm.keys import base64url, compact, encoded
from mock_idp.acm.provider import Provider
from mock_idp.acm.sessions import Session
from mock_idp.faults import Fault, Stage

EVENT = "http://schemas.openid.net/event/backchannel-logout"
LIFETIME = 120  # seconds: at most two minutes, section 2.4
TIMEOUT = 3.0


class BackchannelLogout:
    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._log = structlog.get_logger("mock_idp.backchannel")

    async def tell(self, session: Session) -> None:
        """Everyone at once; returns when all have answered or had their time."""
        clients = [self._provider.clients.find(client_id) for client_id in sorted(session.clients)]
        listening = [client for client in clients if client is not None and client.backchannel_logout_uri is not None]
        if not listening:
            return
        async with httpx2.AsyncClient(trust_env=False, timeout=TIMEOUT) as post:
            await asyncio.gather(*(self._tell(post, client, session) for client in listening))

    async def _tell(self, post: httpx2.AsyncClient, client: Client, session: Session) -> None:
        armed = self._provider.faults.take(Stage.BACKCHANNEL, client_id=client.client_id)
        name = None if armed is None else armed.fault.name
        token = self._logout_token(client, session, name)
        for _ in range(2 if name == "logout-token-twice" else 1):
            try:
                answer = await post.post(client.backchannel_logout_uri or "", data={"logout_token": token})
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                self._log.warning("logout not delivered", client_id=client.client_id, reason=type(error).__name__)
                return
            if answer.status_code not in (200, 204):
                self._log.warning("logout refused", client_id=client.client_id, status=answer.status_code)

    def _logout_token(self, client: Client, session: Session, fault: str | None) -> str:
        person = self._provider.world.current.person(session.person_key)
        now = self._provider.clock.seconds()
        claims: dict[str, object] = {
            "iss": self._provider.issuer,
            "aud": client.client_id,
            "iat": now,
            "exp": now + LIFETIME,
            "jti": secrets.token_urlsafe(16),
            "sub": "" if person is None else person.subject,
            "sid": session.sid,
            "events": {EVENT: {}},
        }
        return self._signed(_changed(claims, fault), client.id_token_alg, fault)

    def _signed(self, claims: Mapping[str, object], alg: str, fault: str | None) -> str:
        if fault == "logout-token-alg-none":
            return f"{encoded({'alg': 'none', 'typ': 'logout+jwt'})}.{encoded(claims)}."
        if fault == "logout-token-wrong-alg":
            alg = "ES256" if alg == "RS256" else "RS256"
        key = self._provider.keys.signing_key(alg)
        token = compact({"alg": alg, "typ": "logout+jwt", "kid": key.kid}, claims, alg=alg, key=key)
        if fault == "logout-token-signature":
            return token.rpartition(".")[0] + "." + base64url(secrets.token_bytes(256))
        return token


def _changed(claims: dict[str, object], fault: str | None) -> dict[str, object]:
    match fault:
        case "logout-token-event-missing":
            return _without(claims, "events")
        case "logout-token-event-wrong":
            return {**claims, "events": {"http://schemas.openid.net/event/other": {}}}
        case "logout-token-nonce":
            return {**claims, "nonce": "a-nonce"}
        case "logout-token-aud-wrong":
            return {**claims, "aud": "somebody-else"}
        case "logout-token-iss-wrong":
            return {**claims, "iss": "https://idp.evil.example/op"}
        case "logout-token-iat-missing":
            return _without(claims, "iat")
        case "logout-token-jti-missing":
            return _without(claims, "jti")
        case "logout-token-expired":
            return {**claims, "iat": _minus(claims["iat"], 900), "exp": _minus(claims["exp"], 900)}
        case "logout-token-sub-and-sid-missing":
            return _without(_without(claims, "sub"), "sid")
        case "logout-token-only-sub":
            return _without(claims, "sid")
        case "logout-token-only-sid":
            return _without(claims, "sub")
        case _:
            return claims


def _without(claims: dict[str, object], name: str) -> dict[str, object]:
    return {key: value for key, value in claims.items() if key != name}


def _minus(moment: object, seconds: int) -> int:
    return (moment if isinstance(moment, int) else 0) - seconds


def catalogue() -> tuple[Fault, ...]:
    def fault(name: str, description: str, expected: str, *statements: str) -> Fault:
        return Fault(
            name=f"logout-token-{name}",
            stage=Stage.BACKCHANNEL,
            description=description,
            expected=expected,
            statements=statements,
        )

    return (
        fault("alg-none", "The logout token is not signed.", "reject", "A35"),
        fault("wrong-alg", "Signed with another algorithm than the client's ID tokens.", "reject", "A36"),
        fault("signature", "A signature that fits nothing.", "reject", "A36"),
        fault("event-missing", "No `events`.", "reject", "A37"),
        fault("event-wrong", "`events` names another event.", "reject", "A38"),
        fault("nonce", "A `nonce`, which a logout token must not have.", "reject", "A39"),
        fault("aud-wrong", "`aud` is another client.", "reject", "A40"),
        fault("iss-wrong", "`iss` is another provider.", "reject", "A40"),
        fault("iat-missing", "No `iat`.", "reject", "A64"),
        fault("jti-missing", "No `jti`.", "reject", "A64"),
        fault("expired", "`exp` has been for a quarter of an hour.", "reject", "A48"),
        fault("sub-and-sid-missing", "Neither `sub` nor `sid`.", "reject", "A67"),
        fault("only-sub", "Only `sub`: all sessions of the person.", "accept", "A67"),
        fault("only-sid", "Only `sid`: that one session.", "accept", "A67"),
        fault("twice", "The same token is sent twice.", "either", "A65"),
    )
