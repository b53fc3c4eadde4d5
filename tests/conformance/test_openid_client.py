"""A second relying party that is not ours, npm's openid-client, does at the mock government what Apache's module can't.

Pushed requests, refresh tokens, introspection, `iss` in the response, and keys on an elliptic curve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.government import Government, cast_member
from tests.conformance.keys import ec_key_pair, rsa_key_pair
from tests.conformance.node import HERE, node
from tests.conformance.resident import Resident, resident
from tests.mock_idp.statements import Seen

CLIENT_ID = "foreign-node"
SECRET = "node's own secret: 100% of it"
RETURN = "http://localhost:9/callback"
SCOPES = ("openid", "profile", "rrn", "vo", "vlaio_inkom", "offline_access")

Signing = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def relying_party(tmp_path_factory: pytest.TempPathFactory, npm_packages: None) -> Iterator[Resident]:
    log = tmp_path_factory.mktemp("openid-client") / "relying-party.log"
    with resident(node(HERE / "relying_party.mjs"), log) as running:
        yield running


@pytest.fixture
def sign_in(relying_party: Resident, government: Government) -> Signing:
    """Register the client, sign the employee in, and return what the client printed."""

    def signed_in(
        *, registered: dict[str, object] | None = None, metadata: dict[str, object] | None = None, **told: object
    ) -> dict[str, Any]:
        entry = {
            "client_id": CLIENT_ID,
            "redirect_uris": [RETURN],
            "scopes": list(SCOPES),
            "organisation_choice": "acm",
            **(registered or {"client_secret": SECRET}),
        }
        government.tell("/mock/clients", entry)
        instructions = {
            "issuer": government.issuer,
            "client_id": CLIENT_ID,
            "redirect_uri": RETURN,
            "scope": " ".join(SCOPES[:-1]),
            "authentication": "client_secret_basic",
            "secret": SECRET,
            "metadata": metadata or {},
            "shortcut": {"mock_person": "employee", "mock_method": "app"},
            "pushed": False,
            **told,
        }
        return relying_party.ask(instructions)

    return signed_in


@pytest.mark.parametrize("authentication", ["client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize("pushed", [False, True], ids=["sent", "pushed"])
def test_b32_somebody_signs_in(
    sign_in: Signing, government: Government, seen: Seen, authentication: str, pushed: bool
) -> None:
    printed, person = sign_in(authentication=authentication, pushed=pushed), cast_member("employee")

    assert printed["refused"] is None
    learnt = printed["learnt"]
    assert learnt["claims"]["rrn"] == person.national_number
    assert learnt["userinfo"]["given_name"] == person.given_name
    assert learnt["introspection"]["active"] is True
    assert learnt["metadata"]["issuer"] == government.issuer
    assert learnt["metadata"]["code_challenge_methods_supported"] == ["S256"]
    assert "authorization_signing_alg_values_supported" not in learnt["metadata"]  # no JARM
    assert "iss" in learnt["response"]
    assert ("request_uri" in learnt["address"]) is pushed
    seen(f"discovery, login, userinfo, introspection with {authentication}{' and PAR' if pushed else ''}")


@pytest.mark.parametrize("make_pair", [rsa_key_pair, ec_key_pair], ids=["RS256", "ES256"])
@pytest.mark.parametrize("pushed", [False, True], ids=["sent", "pushed"])
def test_b32_the_client_proves_itself_with_a_key(
    sign_in: Signing, seen: Seen, tmp_path: Path, make_pair: Callable[[Path], Any], pushed: bool
) -> None:
    pair = make_pair(tmp_path / "client.pem")
    printed = sign_in(
        registered={"jwks": pair.public, "require_par": pushed},
        authentication="private_key_jwt",
        key=pair.private,
        pushed=pushed,
    )

    assert printed["refused"] is None
    seen(f"private_key_jwt with {pair.private['alg']}{' and PAR' if pushed else ''}")


@pytest.mark.parametrize("nonce", [False, True], ids=["", "nonce"])
def test_b32_requests_are_signed_and_pushed_and_tokens_bound(sign_in: Signing, tmp_path: Path, nonce: bool) -> None:
    pair = ec_key_pair(tmp_path / "client.pem")
    strict = {"require_par": True, "require_signed_request": True, "dpop_bound": True, "dpop_nonce": nonce}
    printed = sign_in(
        registered={"jwks": pair.public, **strict},
        authentication="private_key_jwt",
        key=pair.private,
        pushed=True,
        signed=True,
        dpop=True,
        scope=" ".join(SCOPES),
    )

    assert printed["refused"] is None
    learnt = printed["learnt"]
    assert learnt["token_type"] == "dpop"  # openid-client writes it so
    assert learnt["introspection"]["cnf"].keys() == {"jkt"}
    assert learnt["refreshed"]["rotated"] is True


def test_a_client_that_must_push_its_request_cannot_do_without(sign_in: Signing) -> None:
    printed = sign_in(registered={"client_secret": SECRET, "require_par": True})

    assert "no way back: 400" in printed["refused"]


def test_b32_a_refresh_token_serves_once_and_is_followed_by_a_new_one(sign_in: Signing, seen: Seen) -> None:
    learnt = sign_in(scope=" ".join(SCOPES))["learnt"]

    assert learnt["refreshed"]["rotated"] is True
    assert learnt["refreshed"]["claims"]["sub"] == learnt["claims"]["sub"]
    assert learnt["used_twice"] == "invalid_grant"
    seen("refreshed, same sub; the old refresh token invalid_grant")


def test_signed_userinfo_and_id_tokens_on_a_curve_are_understood(sign_in: Signing) -> None:
    algorithms = {"id_token_signed_response_alg": "ES256", "userinfo_signed_response_alg": "ES256"}
    printed = sign_in(
        registered={"client_secret": SECRET, "id_token_alg": "ES256", "userinfo_signed": True}, metadata=algorithms
    )

    assert printed["refused"] is None
    assert printed["learnt"]["userinfo"]["rrn"] == cast_member("employee").national_number


def test_a_wrong_secret_is_refused(sign_in: Signing) -> None:
    # 401 with WWW-Authenticate, as RFC 9110 section 11.6.1 wants it.
    assert sign_in(secret="another")["refused"] == "OAUTH_WWW_AUTHENTICATE_CHALLENGE"


CLAIM, TIMESTAMP = "OAUTH_JWT_CLAIM_COMPARISON_FAILED", "OAUTH_JWT_TIMESTAMP_CHECK_FAILED"
INVALID, UNSUPPORTED = "OAUTH_INVALID_RESPONSE", "OAUTH_UNSUPPORTED_OPERATION"


@pytest.mark.parametrize(
    ("fault", "refusal"),
    [
        ("id-token-iss-wrong", CLAIM),
        ("id-token-aud-wrong", CLAIM),
        ("id-token-nonce-wrong", CLAIM),
        ("id-token-exp-long-past", TIMESTAMP),
        ("id-token-sub-missing", INVALID),
        ("id-token-iat-missing", INVALID),
        ("id-token-alg-none", INVALID),
        ("id-token-signature-rs256", INVALID),
        ("id-token-foreign-key", INVALID),
        ("id-token-kid-unknown", "OAUTH_KEY_SELECTION_FAILED"),
        ("id-token-crit-unknown", UNSUPPORTED),
        ("response-iss-wrong", INVALID),
        ("response-iss-missing", INVALID),
        ("response-state-wrong", INVALID),
        ("response-state-twice", INVALID),
        ("response-tokens", UNSUPPORTED),
        ("response-code-missing", INVALID),
        ("response-code-unknown", "invalid_grant"),
        ("response-error-denied", "access_denied"),
        ("response-error-iss-wrong", INVALID),
        ("userinfo-sub-wrong", "OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED"),
        ("refresh-iss-wrong", CLAIM),
        ("refresh-aud-wrong", CLAIM),
        ("refresh-signature-rs256", INVALID),
    ],
)
def test_b32_a_wrong_answer_is_refused_for_the_reason_that_its_fault_names(
    sign_in: Signing, government: Government, seen: Seen, fault: str, refusal: str
) -> None:
    government.arm(fault, client_id=CLIENT_ID)

    assert sign_in(scope=" ".join(SCOPES))["refused"] == refusal
    seen(f"{fault}: {refusal}")


@pytest.mark.parametrize("fault", ["id-token-azp-missing", "id-token-aud-array", "id-token-key-rotated"])
def test_what_a_careful_client_accepts_is_accepted_by_this_client_too(
    sign_in: Signing, government: Government, fault: str
) -> None:
    government.arm(fault, client_id=CLIENT_ID)

    assert sign_in()["refused"] is None
