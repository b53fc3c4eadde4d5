"""private_key_jwt, pushed requests, refresh and key rotation: the statements B20 to B25."""

import secrets
from collections.abc import Mapping

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from tests.mock_idp.provider import CALLBACK, SECRET, Mock, Party, brought_back
from tests.mock_idp.statements import Seen

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class KeyHolder:
    """A client that is registered with its public key and has no secret."""

    def __init__(self, acm: Mock) -> None:
        self.acm = acm
        self.rsa = RSAKey.generate_key(2048, {"kid": "rsa"})
        self.ec = ECKey.generate_key("P-256", {"kid": "ec"})
        keys = KeySet([self.rsa, self.ec]).as_dict(private=False)
        acm.post(
            "/mock/clients",
            {
                "client_id": "key-holder",
                "redirect_uris": [CALLBACK],
                "jwks": keys,
                "scopes": ["openid", "offline_access"],
                "assertion_algs": ["ES256"],
            },
        ).raise_for_status()

    def claims(self, **changed: object) -> dict[str, object]:
        now = self.acm.clock.seconds()
        claims = {
            "iss": "key-holder",
            "sub": "key-holder",
            "aud": self.acm.issuer,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_urlsafe(8),
            **changed,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def assertion(self, **changed: object) -> str:
        return jwt.encode({"alg": "ES256", "kid": "ec"}, self.claims(**changed), self.ec)

    def ask_for_a_token(self, assertion: str, **more: str) -> httpx2.Response:
        form = {
            "grant_type": "authorization_code",
            "code": "guess",
            "redirect_uri": CALLBACK,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
            **more,
        }
        return self.acm.direct.post(f"{self.acm.issuer}/v1/token", data=form)


@pytest.fixture
def holder(acm: Mock) -> KeyHolder:
    return KeyHolder(acm)


@pytest.mark.parametrize("audience", ["issuer", "token endpoint", "a list"])
def test_b20_a_proper_assertion_authenticates(holder: KeyHolder, audience: str) -> None:
    issuer = holder.acm.issuer
    named: Mapping[str, object] = {
        "issuer": issuer,
        "token endpoint": f"{issuer}/v1/token",
        "a list": ["https://other.example", issuer],
    }

    answer = holder.ask_for_a_token(holder.assertion(aud=named[audience]))

    assert answer.json()["error"] == "invalid_grant"  # authenticated: only the code is wrong


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "https://other.example/op"},
        {"aud": None},
        {"sub": None},
        {"sub": "somebody-else"},
        {"iss": "demo-client"},
        {"exp": None},
        {"jti": None},
        {"exp": "soon"},
    ],
    ids=str,
)
def test_b20_an_assertion_with_wrong_claims_is_refused(
    holder: KeyHolder, seen: Seen, changed: dict[str, object]
) -> None:
    answer = holder.ask_for_a_token(holder.assertion(**changed))

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    seen(f"{next(iter(changed))} {'missing' if None in changed.values() else 'wrong'}: 401 invalid_client")


@pytest.mark.parametrize(("name", "seconds"), [("exp", -300), ("exp", 3600), ("nbf", 28_800), ("iat", 28_800)])
def test_b20_an_assertion_out_of_its_time_is_refused(holder: KeyHolder, seen: Seen, name: str, seconds: int) -> None:
    moment = holder.acm.clock.seconds() + seconds

    assert holder.ask_for_a_token(holder.assertion(**{name: moment})).json()["error"] == "invalid_client"
    seen(f"{name} {seconds:+} s: invalid_client")


def test_b20_an_assertion_is_good_for_one_use(holder: KeyHolder, seen: Seen) -> None:
    assertion = holder.assertion()
    assert holder.ask_for_a_token(assertion).json()["error"] == "invalid_grant"

    assert holder.ask_for_a_token(assertion).json()["error"] == "invalid_client"
    seen("jti again: invalid_client")


def test_b20_another_algorithm_than_the_registered_one_is_refused(holder: KeyHolder, seen: Seen) -> None:
    assertion = jwt.encode({"alg": "RS256", "kid": "rsa"}, holder.claims(), holder.rsa)

    assert holder.ask_for_a_token(assertion).json()["error"] == "invalid_client"
    seen("RS256 where ES256 is registered: invalid_client")


@pytest.mark.parametrize("assertion", ["", "rubbish", "a.b.c", "e30.e30.", "e30.W10.AAAA"])
def test_b20_rubbish_is_refused(holder: KeyHolder, assertion: str) -> None:
    assert holder.ask_for_a_token(assertion).json()["error"] == "invalid_client"


def test_b20_another_client_id_beside_the_assertion_is_refused(holder: KeyHolder) -> None:
    assert holder.ask_for_a_token(holder.assertion(), client_id="demo-client").json()["error"] == "invalid_client"


def push(acm: Mock, party: Party, **changed: str | None) -> httpx2.Response:
    return acm.direct.post(f"{acm.issuer}/v1/par", data=party.request(**changed), auth=("demo-client", SECRET))


def use(party: Party, request_uri: str, client_id: str = "demo-client") -> httpx2.Response:
    query = {"client_id": client_id, "request_uri": request_uri, "mock_person": "employee"}
    return party.browser.get(f"{party.mock.issuer}/v1/auth", params=query)


def test_b21_a_pushed_request_is_answered_with_an_address_that_works_once(acm: Mock, party: Party, seen: Seen) -> None:
    pushed = push(acm, party)

    assert pushed.status_code == 201
    assert pushed.json()["expires_in"] == 60
    request_uri = pushed.json()["request_uri"]
    assert "code" in brought_back(use(party, request_uri))
    assert use(party, request_uri).status_code == 400
    seen("201 with request_uri and expires_in 60; a second use 400")


def test_b21_a_pushed_request_grows_too_old(acm: Mock, party: Party, seen: Seen) -> None:
    request_uri = push(acm, party).json()["request_uri"]
    acm.clock.forward(seconds=61)

    assert use(party, request_uri).status_code == 400
    seen("after 61 s: 400")


def test_b21_a_pushed_request_belongs_to_its_client(acm: Mock, party: Party, seen: Seen) -> None:
    acm.register("another")
    request_uri = push(acm, party).json()["request_uri"]

    assert use(party, request_uri, client_id="another").status_code == 400
    assert use(party, request_uri).status_code == 303
    seen("another client: 400")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
        ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
        ({"scope": "openid sesame"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
    ids=str,
)
def test_b21_a_bad_request_is_refused_when_it_is_pushed(
    acm: Mock, party: Party, seen: Seen, changed: dict[str, str], error: str
) -> None:
    answer = push(acm, party, **changed)

    assert (answer.status_code, answer.json()["error"]) == (400, error)
    seen(f"{next(iter(changed))} inside: {error}")


def test_b21_pushing_needs_a_client_and_a_post(acm: Mock, party: Party, seen: Seen) -> None:
    assert acm.direct.post(f"{acm.issuer}/v1/par", data=party.request()).status_code == 401
    assert acm.direct.get(f"{acm.issuer}/v1/par").status_code == 405
    seen("unauthenticated 401, GET 405")


def test_b22_a_client_that_must_push_cannot_ask_plainly(acm: Mock, party: Party, seen: Seen) -> None:
    acm.register("pusher", require_par=True)
    pushed = acm.direct.post(
        f"{acm.issuer}/v1/par", data=party.request(client_id="pusher"), auth=("pusher", SECRET)
    ).json()

    assert party.ask(client_id="pusher").status_code == 400
    assert "code" in brought_back(use(party, pushed["request_uri"], client_id="pusher"))
    seen("plain: 400; pushed: a code")


@pytest.fixture
def refreshing(party: Party) -> tuple[Party, dict[str, str]]:
    scope = "openid profile offline_access"
    return party, party.tokens(scope=scope)


def refresh(party: Party, refresh_token: str, **more: str) -> httpx2.Response:
    return party.token_request({"grant_type": "refresh_token", "refresh_token": refresh_token, **more})


def test_b24_a_refresh_token_gives_new_tokens_for_the_same_person(
    refreshing: tuple[Party, dict[str, str]], seen: Seen
) -> None:
    party, tokens = refreshing

    renewed = refresh(party, tokens["refresh_token"]).json()

    assert renewed["refresh_token"] != tokens["refresh_token"]
    assert party.userinfo(renewed["access_token"]).json()["given_name"] == "Britt"
    before = jwt.decode(tokens["id_token"], party.mock.keys(), algorithms=["RS256"]).claims
    after = jwt.decode(renewed["id_token"], party.mock.keys(), algorithms=["RS256"]).claims
    assert (after["sub"], after["auth_time"]) == (before["sub"], before["auth_time"])
    seen("new tokens, same sub and auth_time")


def test_b24_an_old_refresh_token_revokes_the_whole_family(
    refreshing: tuple[Party, dict[str, str]], seen: Seen
) -> None:
    party, tokens = refreshing
    renewed = refresh(party, tokens["refresh_token"]).json()

    assert refresh(party, tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert refresh(party, renewed["refresh_token"]).json()["error"] == "invalid_grant"
    assert party.userinfo(renewed["access_token"]).status_code == 401
    seen("reuse: invalid_grant, the family revoked")


def test_b24_a_refresh_token_is_bound_to_its_client(refreshing: tuple[Party, dict[str, str]], seen: Seen) -> None:
    party, tokens = refreshing
    party.mock.register("another")
    thief = Party(mock=party.mock, client_id="another")

    assert refresh(thief, tokens["refresh_token"]).json()["error"] == "invalid_grant"
    seen("another client: invalid_grant")
    thief.close()


def test_b24_a_refresh_narrows_the_scope_and_never_widens_it(refreshing: tuple[Party, dict[str, str]]) -> None:
    party, tokens = refreshing
    assert refresh(party, tokens["refresh_token"], scope="openid rrn").json()["error"] == "invalid_scope"

    assert refresh(party, tokens["refresh_token"], scope="openid").json()["scope"] == "openid"


def test_b24_rotation_can_be_switched_off(acm: Mock, seen: Seen) -> None:
    acm.register("keeps-its-token", rotate_refresh_tokens=False)
    party = Party(mock=acm, client_id="keeps-its-token")
    token = party.tokens(scope="openid offline_access")["refresh_token"]

    assert refresh(party, token).status_code == 200
    assert refresh(party, token).status_code == 200
    party.close()
    seen("rotate_refresh_tokens false: the same token twice")


def test_b24_without_offline_access_there_is_no_refresh_token(party: Party) -> None:
    assert "refresh_token" not in party.tokens()


def test_introspection_tells_about_a_token_without_the_national_number(party: Party) -> None:
    token = party.tokens()["access_token"]
    address = f"{party.mock.issuer}/v1/introspect"

    known = party.browser.post(address, data={"token": token}, auth=("demo-client", SECRET)).json()
    unknown = party.browser.post(address, data={"token": "guess"}, auth=("demo-client", SECRET)).json()

    assert (known["active"], known["client_id"], known["vo_orgcode"]) == (True, "demo-client", "1999999943")
    assert "rrn" not in known
    assert unknown == {"active": False}
    assert party.browser.post(address, data={"token": token}).status_code == 401


@pytest.mark.parametrize("changed", [{"exp": float("inf")}, {"iat": float("nan")}, {"nbf": [1]}, {"jti": {}}], ids=str)
def test_an_assertion_with_odd_times_is_refused_and_breaks_nothing(acm: Mock, changed: dict[str, object]) -> None:
    holder = KeyHolder(acm)
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": holder.assertion(**changed),
    }

    answer = acm.direct.post(f"{acm.issuer}/v1/token", data=form)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
