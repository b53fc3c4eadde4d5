"""Signing in to user management: a relying party of ACM like any other, with code, PKCE, state and nonce.

It asks the provider's endpoints over HTTP, but within this process (ASGI), so that it works wherever the program is.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import cast
from urllib.parse import quote, urlencode

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.acm.clients import Client, OrganisationChoice
from mock_idp.acm.keys import base64url
from mock_idp.acm.methods import Method
from mock_idp.acm.provider import Provider
from mock_idp.desk import Desk, ForeignFormError, texts_of
from mock_idp.idm.visitors import COOKIE, Visitors
from mock_idp.signin.browser import remember
from mock_idp.signin.kept import Kept
from mock_idp.world.tables import PersonRow

SPACE = "/gebruikersbeheer"
SIGN_IN = f"{SPACE}/aanmelden"
SIGN_OUT = f"{SPACE}/afmelden"
_CALLBACK = f"{SPACE}/terug"
_SIGNED_OUT = f"{SPACE}/afgemeld"
_CLIENT_ID = "gebruikersbeheer"
_ATTEMPT_COOKIE = "gebruikersbeheer_aanmelding"
# The sites that share this sign-in; anything else is no address to come back to.
SITES = (SPACE, "/mijn-profiel", "/beheer-der-toegangsbeheer")


class SignInFailedError(Exception):
    """ACM sent an error, or something that is not the answer to our question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    browser: str
    nonce: str
    verifier: str
    to: str


class SignIn:
    def __init__(self, *, desk: Desk, provider: Provider, visitors: Visitors) -> None:
        self._desk = desk
        self._provider = provider
        self._visitors = visitors
        self._attempts: Kept[_Attempt] = Kept()
        self._secret = secrets.token_urlsafe(32)
        self._origin = provider.settings.origin
        provider.clients.put(self._client())

    def routes(self) -> list[BaseRoute]:
        return [
            Route(SIGN_IN, self.begin, methods=["GET"]),
            Route(_CALLBACK, self.back, methods=["GET"]),
            Route(SIGN_OUT, self.end, methods=["POST"]),
            Route(_SIGNED_OUT, self.ended, methods=["GET"]),
        ]

    def reset(self) -> None:
        self._attempts.clear()

    async def begin(self, request: Request) -> Response:
        """Off to ACM; `naar` in the address says where the person wanted to be."""
        attempt = _Attempt(
            browser=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            to=own_address(request.query_params.get("naar")),
        )
        state = secrets.token_urlsafe(24)
        self._attempts.put(state, attempt)
        question = {
            "client_id": _CLIENT_ID,
            "redirect_uri": self._origin + _CALLBACK,
            "response_type": "code",
            "scope": "openid profile rrn",
            "state": state,
            "nonce": attempt.nonce,
            "code_challenge": base64url(hashlib.sha256(attempt.verifier.encode()).digest()),
            "code_challenge_method": "S256",
            "ui_locales": self._desk.language(request),
        }
        answer = self._desk.see_other(f"{self._provider.issuer}/v1/auth?{urlencode(question)}")
        remember(answer, request, _ATTEMPT_COOKIE, attempt.browser, max_age=3600)
        return answer

    async def back(self, request: Request) -> Response:
        """From ACM, with a code or an error."""
        attempt = self._attempts.take(request.query_params.get("state", ""))
        browser = request.cookies.get(_ATTEMPT_COOKIE, "")
        if attempt is None or not hmac.compare_digest(attempt.browser.encode(), browser.encode()):
            return self._failed(request, to=SPACE)
        try:
            person_key = await self._person(request, attempt)
        except SignInFailedError:
            return self._failed(request, to=attempt.to)
        self._visitors.end(request.cookies.get(COOKIE))
        answer = self._desk.see_other(attempt.to)
        remember(answer, request, COOKIE, self._visitors.begin(person_key))
        answer.delete_cookie(_ATTEMPT_COOKIE, path="/")
        return answer

    async def end(self, request: Request) -> Response:
        """Sign out here, and then at ACM (its own form of logout, with client_id)."""
        name = request.cookies.get(COOKIE)
        visitor = self._visitors.find(name)
        try:
            fields = texts_of(await self._desk.form(request))
        except ForeignFormError:
            return self._desk.page(request, "idm/stale_form.html", status=403)
        if visitor is not None and not hmac.compare_digest(
            fields.get("form_token", "").encode(), visitor.form_token.encode()
        ):
            return self._desk.page(request, "idm/stale_form.html", status=403)
        self._visitors.end(name)
        parameters = {"client_id": _CLIENT_ID, "post_logout_redirect_uri": self._origin + _SIGNED_OUT}
        answer = self._desk.see_other(f"{self._provider.issuer}/v1/logout?{urlencode(parameters)}")
        answer.delete_cookie(COOKIE, path="/")
        return answer

    async def ended(self, request: Request) -> Response:
        return self._desk.page(request, "idm/signed_out.html")

    def _failed(self, request: Request, *, to: str) -> Response:
        return self._desk.page(request, "idm/sign_in_failed.html", status=400, again=sign_in_address(to))

    async def _person(self, request: Request, attempt: _Attempt) -> str:
        code = request.query_params.get("code")
        if code is None or request.query_params.get("iss") != self._provider.issuer:
            raise SignInFailedError("no code")
        transport = httpx2.ASGITransport(app=request.app)
        async with httpx2.AsyncClient(transport=transport, base_url=self._origin) as acm:
            tokens = await acm.post(
                "/op/v1/token",
                data={
                    "grant_type": "authorization_code",
                    "code": code,
                    "redirect_uri": self._origin + _CALLBACK,
                    "code_verifier": attempt.verifier,
                },
                auth=(_CLIENT_ID, self._secret),
            )
            keys = await acm.get("/op/v1/keys")
        try:
            number = self._national_number(tokens.json()["id_token"], keys.json(), nonce=attempt.nonce)
        except (ValueError, KeyError, TypeError, JoseError) as error:
            raise SignInFailedError("the answer of the token endpoint") from error
        with self._provider.world.reading() as session:
            key = session.scalars(select(PersonRow.key).where(PersonRow.national_number == number)).one_or_none()
        if key is None:
            raise SignInFailedError("nobody has that number")
        return key

    def _national_number(self, id_token: str, keys: object, *, nonce: str) -> str:
        """Checked as OpenID Connect Core section 3.1.3.7 asks."""
        key_set = KeySet.import_key_set(cast(KeySetSerialization, keys))
        token = jwt.decode(id_token, key_set, algorithms=["RS256"])
        jwt.JWTClaimsRegistry(
            now=self._provider.clock.seconds(),
            iss={"essential": True, "value": self._provider.issuer},
            aud={"essential": True, "value": _CLIENT_ID},
            exp={"essential": True},
            nonce={"essential": True, "value": nonce},
        ).validate(token.claims)
        return str(token.claims["rrn"])

    def _client(self) -> Client:
        return Client(
            client_id=_CLIENT_ID,
            name="Gebruikersbeheer van de Vlaamse overheid",
            redirect_uris=(self._origin + _CALLBACK,),
            post_logout_redirect_uris=(self._origin + _SIGNED_OUT,),
            secret=self._secret,
            jwks=None,
            jwks_uri=None,
            scopes=("openid", "profile", "rrn"),
            organisation_choice=OrganisationChoice.GATEWAY,
            methods=tuple(Method),
            acr_always=True,
            role_claim_suffix="3d",
            id_token_alg="RS256",
            assertion_algs=(),
            require_par=False,
            rotate_refresh_tokens=True,
            backchannel_logout_uri=None,
            userinfo_signed=False,
        )


def sign_in_address(to: str) -> str:
    return f"{SIGN_IN}?naar={quote(to, safe='')}"


def own_address(to: str | None) -> str:
    """An address of one of our own sites, to go to after the sign-in; the main page for anything else."""
    if to is None or any(character in to for character in "\\\r\n\t") or "//" in to:
        return SPACE
    path = to.partition("?")[0]
    return to if any(path == site or path.startswith(f"{site}/") for site in SITES) else SPACE
