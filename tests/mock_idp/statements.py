"""Part B of the acceptance list, what a foreign relying party may count on, each statement in a few words.

A test whose name begins with `test_b07_` records statement B07; `seen` records beside it what was really seen. The run
writes the table (`tests.statements`).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.statements import numbers_of

Seen = Callable[[object], None]
Recording = Callable[[str, object], None]

STATEMENTS = {
    "B01": "discovery is JSON with the exact issuer and all that the suite asks for",
    "B02": "a request without response_type=code gets an error and no code",
    "B03": "an unregistered redirect_uri: an error page, no redirect",
    "B04": "redirect_uri with query, suffix, fragment, case or slash changed: an error page",
    "B05": "the authorization request by POST works",
    "B06": "unknown parameters are ignored",
    "B07": "scope and parameters in another order: the same result",
    "B08": "display, ui_locales, claims_locales and login_hint: no error",
    "B09": "prompt=login asks again, and auth_time moves forward",
    "B10": "prompt=none without a session: login_required",
    "B11": "prompt=none with a session, with id_token_hint too: silent, same sub and auth_time",
    "B12": "max_age=1 authenticates anew with auth_time; max_age=10000 does not",
    "B13": "acr_values: signed in, acr returned; a switch returns a weaker one",
    "B14": "claims parameter with essential name: in userinfo",
    "B15": "userinfo by GET and POST; a bad token: 401 invalid_token",
    "B16": "a code used twice, also 30 s later: invalid_grant, first tokens revoked",
    "B17": "PKCE S256 works; wrong, missing or plain verifier: invalid_grant",
    "B18": "a code_verifier without a code_challenge: refused",
    "B19": "a code of another client, another redirect_uri, or too old: invalid_grant",
    "B20": "private_key_jwt with wrong claims, time, jti or algorithm: invalid_client",
    "B21": "PAR: 201, 405, 401, invalid_request; request_uri once, in time, own client only",
    "B22": "a client that must push: a plain request is refused",
    "B23": "every authorization response carries iss",
    "B24": "refresh works, bound to the client; reuse revokes the family; rotation switchable",
    "B25": "key rotation: new kid published before use, old kept; switches for the bad kinds",
    "B26": "RP-initiated logout: session ended, registered address, state",
    "B27": "logout with a bad address or hint: no redirect",
    "B28": "logout without an address: logged out and told so; without state none returns",
    "B29": "back-channel logout token as specified; a client that refuses stops nothing",
    "B30": "the mock brings about every negative module of part A on request",
    "B31": "mod_auth_openidc: login, PKCE S256, private_key_jwt, refresh, both logouts",
    "B32": "openid-client: discovery, PAR, private_key_jwt, iss check, refresh",
    "B33": "oidc-provider as a foreign provider: the positive part of group A",
    "B34": "idpyoidc: a second opinion on discovery, login and logout",
}


@pytest.fixture(autouse=True)
def statement(request: pytest.FixtureRequest, record_property: Recording) -> None:
    """Several statements in one name are read from the name itself."""
    match numbers_of(request.node.originalname):
        case (number,) if number in STATEMENTS:
            record_property("statement", f"{number}: {STATEMENTS[number]}")


@pytest.fixture
def seen(record_property: Recording) -> Seen:
    """Record what was seen, in a few words; never a number of a person."""

    def seen(what: object) -> None:
        record_property("seen", str(what))

    return seen
