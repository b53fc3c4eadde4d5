"""Faults of the token, userinfo, key and discovery endpoints: wrong members in a well-formed answer.

Broken answers that any endpoint can give (500, slow, half a body …) are in `broken_answers`.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from joserfc.jwk import RSAKey
from starlette.responses import Response

from mock_idp import broken_answers
from mock_idp.acm import protection_faults
from mock_idp.acm.answers import NO_STORE, json_answer
from mock_idp.acm.keys import KeyRing
from mock_idp.faults import Armed, Fault, Faults, Stage

Members = dict[str, object]


def catalogue() -> tuple[Fault, ...]:
    return (
        *_token(),
        *_userinfo(),
        *_keys(),
        *_discovery(),
        *broken_answers.catalogue(Stage.TOKEN, "token", statements=("B30", "D77", "D83")),
        *broken_answers.catalogue(Stage.USERINFO, "userinfo", statements=("B30", "D77", "D83")),
        *broken_answers.catalogue(Stage.KEYS, "keys", statements=("B30", "D77", "D81")),
        *broken_answers.catalogue(Stage.DISCOVERY, "discovery", statements=("B30", "D77", "D80")),
    )


class EndpointFaults:
    """Takes what is armed for a stage and answers wrongly in its way; the proper answer goes through otherwise."""

    def __init__(self, faults: Faults, keys: KeyRing, issuer: str) -> None:
        self._faults = faults
        self._keys = keys
        self._issuer = issuer

    async def answer(self, proper: Response, stage: Stage, *, client_id: str | None = None) -> Response:
        armed = self._faults.take(stage, client_id=client_id)
        if armed is None:
            return proper
        manner = broken_answers.manner_of(armed.fault)
        if manner is not None:
            return await broken_answers.broken(proper, armed, manner=manner)
        return self.changed(proper, armed)

    def changed(self, proper: Response, armed: Armed) -> Response:
        name = armed.fault.name
        if name == "userinfo-signed":
            return Response(self._signed(proper), media_type="application/jwt", headers=NO_STORE)
        if name == "userinfo-401":
            challenge = 'Bearer error="invalid_token"'
            return Response(status_code=401, headers={**NO_STORE, "WWW-Authenticate": challenge})
        members = json.loads(bytes(proper.body))
        if name in _errors():
            return json_answer({"error": _errors()[name], "error_description": "armed fault"}, status=400)
        if name in (errors := protection_faults.errors()):
            status, error = errors[name]
            return json_answer({"error": error, "error_description": "armed fault"}, status=status)
        return json_answer({**_changes(), **protection_faults.changes()}[name](members), status=proper.status_code)

    def _signed(self, proper: Response) -> str:
        return self._keys.sign({"iss": self._issuer, **json.loads(bytes(proper.body))}, alg="RS256")


def _fault(stage: Stage, name: str, description: str, expected: str, *statements: str) -> Fault:
    return Fault(name=name, stage=stage, description=description, expected=expected, statements=statements)


def _token() -> tuple[Fault, ...]:
    def fault(name: str, description: str, expected: str, *statements: str) -> Fault:
        return _fault(Stage.TOKEN, name, description, expected, *statements)

    return (
        fault("token-id-token-missing", "The token answer has no ID token.", "reject", "V09"),
        fault("token-access-token-missing", "The token answer has no access token.", "reject"),
        fault("token-expires-in-missing", "No `expires_in`: a short lifetime of one's own applies.", "accept", "A53"),
        fault("token-expires-in-text", "`expires_in` is a text.", "either"),
        fault("token-type-case", "`token_type` is `bEARER`.", "accept", "A54"),
        fault("token-type-missing", "No `token_type`.", "reject"),
        fault("token-type-unknown", "`token_type` is `mac`.", "reject"),
        fault("token-invalid-grant", "The answer is `invalid_grant`.", "reject"),
        fault("token-invalid-client", "The answer is `invalid_client`.", "reject"),
        fault("token-refresh-token-unasked", "A refresh token that nobody asked for.", "accept"),
    )


def _userinfo() -> tuple[Fault, ...]:
    def fault(name: str, description: str, expected: str, *statements: str) -> Fault:
        return _fault(Stage.USERINFO, name, description, expected, *statements)

    return (
        fault("userinfo-sub-wrong", "`sub` is another person's than in the ID token.", "reject", "A13", "V08"),
        fault("userinfo-sub-missing", "No `sub`.", "reject", "A13"),
        fault("userinfo-other-rrn", "The national number is another one than in the ID token.", "reject"),
        fault("userinfo-signed", "A signed JWT in place of JSON.", "either", "A24"),
        fault("userinfo-401", "The access token is refused.", "reject", "A56"),
        fault("userinfo-claim-sources", "Claims are said to be elsewhere; nobody may fetch them.", "accept", "A30"),
    )


def _keys() -> tuple[Fault, ...]:
    def fault(name: str, description: str, expected: str) -> Fault:
        return _fault(Stage.KEYS, name, description, expected, "D77", "D81")

    return (
        fault("keys-none", "An empty key set.", "reject"),
        fault("keys-many", "A thousand keys, the right ones last.", "either"),
        fault("keys-foreign", "Only a key that signs nothing here, under the published kids.", "reject"),
        fault("keys-with-rubbish", "Members that are no keys, beside the right ones.", "accept"),
        fault("keys-symmetric", "A symmetric key among the others.", "accept"),
    )


def _discovery() -> tuple[Fault, ...]:
    def fault(name: str, description: str, expected: str, *statements: str) -> Fault:
        return _fault(Stage.DISCOVERY, name, description, expected, *statements)

    return (
        fault("discovery-issuer-wrong", "`issuer` is another provider.", "reject", "A21", "A44", "V08"),
        fault("discovery-issuer-slash", "`issuer` has a slash too many.", "reject", "A21"),
        fault("discovery-issuer-missing", "No `issuer`.", "reject"),
        fault("discovery-token-endpoint-missing", "No `token_endpoint`.", "reject"),
        fault("discovery-other-host", "The token endpoint is on another host.", "reject", "C10", "D84"),
        fault("discovery-plain-http", "The endpoints are on http and another host.", "reject", "C10"),
        fault("discovery-alg-none", "`none` and HS256 are among the signing algorithms.", "accept", "V06"),
        fault("discovery-pkce-missing", "S256 is not among the PKCE methods.", "reject", "C09"),
        fault("discovery-iss-unsupported", "The response `iss` is not promised.", "either", "C07"),
    )


def _errors() -> dict[str, str]:
    return {"token-invalid-grant": "invalid_grant", "token-invalid-client": "invalid_client"}


def _changes() -> dict[str, Callable[[Members], Members]]:
    return {
        "token-id-token-missing": lambda sent: _without(sent, "id_token"),
        "token-access-token-missing": lambda sent: _without(sent, "access_token"),
        "token-expires-in-missing": lambda sent: _without(sent, "expires_in"),
        "token-expires-in-text": lambda sent: {**sent, "expires_in": "an hour"},
        "token-type-case": lambda sent: {**sent, "token_type": "bEARER"},
        "token-type-missing": lambda sent: _without(sent, "token_type"),
        "token-type-unknown": lambda sent: {**sent, "token_type": "mac"},
        "token-refresh-token-unasked": lambda sent: {**sent, "refresh_token": "unasked"},
        "userinfo-sub-wrong": lambda sent: {**sent, "sub": "f" * 40},
        "userinfo-sub-missing": lambda sent: _without(sent, "sub"),
        "userinfo-other-rrn": lambda sent: {
            **sent,
            "rrn": "90651800257",
            "given_name": "Iemand",
            "family_name": "Anders",
        },
        "userinfo-claim-sources": lambda sent: {
            **sent,
            "_claim_names": {"rrn": "elsewhere"},
            "_claim_sources": {"elsewhere": {"endpoint": "http://127.0.0.1:1/claims", "access_token": "stray"}},
        },
        "keys-none": lambda sent: {"keys": []},
        "keys-many": lambda sent: {"keys": [*_strangers(1000), *_listed(sent)]},
        "keys-foreign": lambda sent: {"keys": [_stranger(str(key["kid"])) for key in _listed(sent)]},
        "keys-with-rubbish": lambda sent: {"keys": [{"kty": "XYZ"}, {}, *_listed(sent)]},
        "keys-symmetric": lambda sent: {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "oct"}, *_listed(sent)]},
        "discovery-issuer-wrong": lambda sent: {**sent, "issuer": "https://idp.evil.example/op"},
        "discovery-issuer-slash": lambda sent: {**sent, "issuer": f"{sent['issuer']}/"},
        "discovery-issuer-missing": lambda sent: _without(sent, "issuer"),
        "discovery-token-endpoint-missing": lambda sent: _without(sent, "token_endpoint"),
        "discovery-other-host": lambda sent: {**sent, "token_endpoint": "https://idp.evil.example/op/v1/token"},
        "discovery-plain-http": _on_plain_http,
        "discovery-alg-none": lambda sent: {
            **sent,
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "ES256"],
        },
        "discovery-pkce-missing": lambda sent: _without(sent, "code_challenge_methods_supported"),
        "discovery-iss-unsupported": lambda sent: _without(sent, "authorization_response_iss_parameter_supported"),
    }


def _without(members: Members, name: str) -> Members:
    return {key: value for key, value in members.items() if key != name}


def _on_plain_http(sent: Members) -> Members:
    prefix = str(sent["issuer"])
    return {
        name: f"http://idp.evil.example{value.removeprefix(prefix)}"
        if name.endswith(("_endpoint", "_uri")) and isinstance(value, str)
        else value
        for name, value in sent.items()
    }


def _listed(sent: Members) -> list[dict[str, object]]:
    keys = sent["keys"]
    return [dict(key) for key in keys] if isinstance(keys, list) else []


def _stranger(kid: str) -> dict[str, object]:
    return {**RSAKey.generate_key(2048).as_dict(private=False), "kid": kid, "use": "sig", "alg": "RS256"}


def _strangers(count: int) -> list[dict[str, object]]:
    one = _stranger("stranger")
    return [{**one, "kid": f"stranger-{n}"} for n in range(count)]
