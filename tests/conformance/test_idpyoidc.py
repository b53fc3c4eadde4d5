"""A third relying party that is not ours, PyPI's idpyoidc: a second opinion on discovery, sign-in and both logouts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conformance.government import Government, cast_member
from tests.conformance.node import HERE
from tests.conformance.resident import Resident, resident
from tests.mock_idp.provider import back_channel
from tests.mock_idp.statements import Seen

CLIENT_ID = "foreign-python"
SECRET = "python's own secret: 100% of it"
RETURN = "http://localhost:9/callback"
LOGGED_OUT = "http://localhost:9/logged-out"
SCOPES = ("openid", "profile", "rrn", "vo", "vlaio_inkom", "offline_access")
Doing = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def relying_party(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resident]:
    log = tmp_path_factory.mktemp("idpyoidc") / "relying-party.log"
    with resident((sys.executable, str(HERE / "idpyoidc_party.py")), log) as running:
        yield running


@pytest.fixture
def begin(relying_party: Resident, government: Government) -> Callable[..., Doing]:
    """A new client, registered at the mock; the function that makes it do something."""

    def begun(authentication: str = "client_secret_basic", **registered: object) -> Doing:
        keys = relying_party.ask(
            {
                "do": "begin",
                "issuer": government.issuer,
                "base_url": "http://localhost:9",
                "client_id": CLIENT_ID,
                "secret": SECRET,
                "authentication": authentication,
                "redirect_uri": RETURN,
                "logged_out": LOGGED_OUT,
                "scope": list(SCOPES),
            }
        )
        proof = {"jwks": keys["jwks"]} if authentication == "private_key_jwt" else {"client_secret": SECRET}
        entry = {
            "client_id": CLIENT_ID,
            "redirect_uris": [RETURN],
            "post_logout_redirect_uris": [LOGGED_OUT],
            "scopes": list(SCOPES),
            "organisation_choice": "acm",
            **proof,
            **registered,
        }
        government.tell("/mock/clients", entry)
        return lambda do, **told: relying_party.ask({"do": do, **told})

    return begun


@pytest.mark.parametrize("authentication", ["client_secret_basic", "client_secret_post", "private_key_jwt"])
def test_b34_discovery_and_sign_in_are_to_its_liking(
    begin: Callable[..., Doing], government: Government, seen: Seen, authentication: str
) -> None:
    learnt, person = begin(authentication)("sign-in"), cast_member("employee")

    assert learnt["refused"] is None, learnt
    assert learnt["metadata"]["issuer"] == government.issuer
    assert learnt["asked"]["code_challenge_method"] == "S256"
    assert learnt["claims"]["acr"] == "urn:be:vlaanderen:authmech:csamtotp"
    assert learnt["userinfo"]["given_name"] == person.given_name
    assert learnt["userinfo"]["sub"] == learnt["claims"]["sub"]
    seen(f"discovery, PKCE, ID token and userinfo with {authentication}")


def test_b34_tokens_are_refreshed(begin: Callable[..., Doing], seen: Seen) -> None:
    do = begin()
    learnt, renewed = do("sign-in"), do("refresh")

    assert renewed["claims"]["sub"] == learnt["claims"]["sub"]
    assert do("refresh")["refresh_token"] != renewed["refresh_token"]
    seen("refreshed twice, each time with a new refresh token")


def test_b34_logout_at_the_client_ends_the_providers_session(begin: Callable[..., Doing], seen: Seen) -> None:
    do = begin()
    do("sign-in")
    left = do("log-out")

    assert left["asked"]["id_token_hint"]
    assert left["location"] == f"{LOGGED_OUT}?state={left['asked']['state']}"
    assert left["then"] == "login_required"
    seen("id_token_hint and state; back at the registered address; then login_required")


def test_b34_a_logout_token_ends_the_session_that_it_is_about(begin: Callable[..., Doing], seen: Seen) -> None:
    with back_channel() as listening:
        do = begin(backchannel_logout_uri=listening.address)
        do("sign-in")
        do("log-out")
    (posted,) = listening.received

    assert do("told", logout_token=posted["logout_token"])["ended"] is True
    seen("logout token verified, and the session found by it")


@pytest.mark.parametrize(
    ("fault", "refusal"),
    [
        ("logout-token-aud-wrong", "MessageException"),
        ("logout-token-iss-wrong", "IssuerNotFound"),
        ("logout-token-nonce", "MessageException"),
        ("logout-token-event-wrong", "MessageException"),
    ],
)
def test_b34_a_wrong_logout_token_is_refused(
    begin: Callable[..., Doing], government: Government, seen: Seen, fault: str, refusal: str
) -> None:
    with back_channel() as listening:
        do = begin(backchannel_logout_uri=listening.address)
        do("sign-in")
        government.arm(fault, client_id=CLIENT_ID)
        do("log-out")
    (posted,) = listening.received

    refused = do("told", logout_token=posted["logout_token"])
    assert refused.get("refused") == refusal, refused
    seen(f"{fault}: {refused['refused']} {refused.get('why', '')}")


@pytest.mark.parametrize(
    ("fault", "refusal"),
    [
        ("discovery-issuer-wrong", "OidcServiceError"),
        ("id-token-iss-wrong", "ValueError"),
        ("id-token-aud-wrong", "NotForMe"),
        ("id-token-nonce-wrong", "ValueError"),
        ("id-token-exp-long-past", "EXPError"),
        ("id-token-sub-missing", "MissingRequiredAttribute"),
        ("id-token-signature-rs256", "BadSignature"),
        ("id-token-alg-none", "UnsupportedAlgorithm"),
        ("id-token-foreign-key", "BadSignature"),
        ("userinfo-sub-wrong", "ValueError"),
    ],
)
def test_b34_a_wrong_answer_is_refused(
    begin: Callable[..., Doing], government: Government, seen: Seen, fault: str, refusal: str
) -> None:
    do = begin()
    government.tell("/mock/fault", {"fault": fault})

    refused = do("sign-in")
    assert refused.get("refused") == refusal, refused
    seen(f"{fault}: {refused['refused']} {refused.get('why', '')}")


def test_b34_a_key_that_is_new_just_before_signing_is_fetched(
    begin: Callable[..., Doing], government: Government, seen: Seen
) -> None:
    do = begin()
    government.tell("/mock/keys", {"mode": "just-before-signing"})

    assert do("sign-in")["refused"] is None
    seen("just-before-signing: the new key is fetched")
