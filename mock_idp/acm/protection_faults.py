"""Faults of pushed requests and of tokens bound to a key (RFC 9126, RFC 9449).

Those named `dpop-…` wait for a client that sends proofs: nobody else notices them.
"""

from __future__ import annotations

from collections.abc import Callable

from mock_idp import broken_answers
from mock_idp.faults import Fault, Stage

Members = dict[str, object]


def catalogue() -> tuple[Fault, ...]:
    return (
        _par("par-refused", "The pushed request is refused: `invalid_request`.", "C20"),
        _par("par-client-refused", "The client of the pushed request is refused: `invalid_client`.", "C20"),
        _par("par-request-uri-missing", "The answer to a pushed request has no `request_uri`.", "C20"),
        _par("par-request-uri-expired", "The `request_uri` is too old when it is used.", "C21"),
        *broken_answers.catalogue(Stage.PAR, "par", statements=("C20", "B30")),
        _dpop(
            "dpop-nonce-demanded", "The token endpoint asks for a nonce (RFC 9449 section 8).", "accept", "C23", "A55"
        ),
        _dpop("dpop-nonce-missing", "The token endpoint asks for a nonce and gives none.", "reject", "C23"),
        _dpop("dpop-bearer-returned", "`token_type` is Bearer, although a proof was sent.", "reject", "C24"),
        _dpop("dpop-token-type-case", "`token_type` is `dpOP`.", "accept", "A54"),
        _dpop("dpop-userinfo-nonce", "Userinfo asks for a nonce (RFC 9449 section 9).", "accept", "C23", "A55"),
        _dpop("dpop-userinfo-scheme-case", "Userinfo asks for a nonce by the scheme `dPoP`.", "accept", "A55"),
        _dpop("dpop-userinfo-refused", "Userinfo refuses the proof.", "reject", "C22"),
    )


def errors() -> dict[str, tuple[int, str]]:
    return {"par-refused": (400, "invalid_request"), "par-client-refused": (401, "invalid_client")}


def changes() -> dict[str, Callable[[Members], Members]]:
    return {
        "par-request-uri-missing": lambda sent: {key: value for key, value in sent.items() if key != "request_uri"},
        # A name that was never given out: for the authorization endpoint the same as one that is too old.
        "par-request-uri-expired": lambda sent: {**sent, "request_uri": "urn:ietf:params:oauth:request_uri:expired"},
        "dpop-bearer-returned": lambda sent: {**sent, "token_type": "Bearer"},
        "dpop-token-type-case": lambda sent: {**sent, "token_type": "dpOP"},
    }


def _par(name: str, description: str, *statements: str) -> Fault:
    return Fault(name=name, stage=Stage.PAR, description=description, expected="reject", statements=statements)


def _dpop(name: str, description: str, expected: str, *statements: str) -> Fault:
    stage = Stage.DPOP_USERINFO if name.startswith("dpop-userinfo") else Stage.DPOP
    return Fault(name=name, stage=stage, description=description, expected=expected, statements=statements)
