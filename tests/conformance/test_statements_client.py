"""How the gateway protects what it asks ACM and what it gets: statements on PAR, JAR, DPoP, `iss` and client keys.

One gateway does all of it at once: its requests are signed and pushed, its tokens bound by DPoP, and it proves itself
with the first of two keys, which the mock fetches from `/_inkom/jwks.json`. What must be refused, the mock does on
request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
import pytest

from tests.conformance.browser import Browser
from tests.conformance.gateway import CLIENT_ID, Gateway, new_gateway, running_gateway
from tests.conformance.government import Government
from tests.conformance.keys import KeyPair, ec_key_pair, rsa_key_pair
from tests.conformance.meeting import assert_employee_arrives

SCOPES = ["openid", "profile", "rrn", "vo", "wettelijkvertegenwoordiger", "vlaio_inkom"]
SHORTCUT = {"mock_person": "employee", "mock_method": "eid"}
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[KeyPair, KeyPair]:
    folder = tmp_path_factory.mktemp("client-keys")
    return ec_key_pair(folder / "newer.pem"), rsa_key_pair(folder / "older.pem")


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, started_government: Government, redis: str, keys: tuple[KeyPair, KeyPair]
) -> Iterator[Gateway]:
    made = new_gateway(tmp_path_factory.mktemp("strict"))
    entry = made.registration(
        scopes=SCOPES,
        organisation_choice="gateway",
        jwks_uri=f"{made.origin}/_inkom/jwks.json",
        require_par=True,
        require_signed_request=True,
        dpop_bound=True,
    )
    started_government.tell("/mock/clients", entry)
    acm = {
        "issuer": started_government.issuer,
        "scopes": SCOPES,
        "client_authentication": "private_key_jwt",
        "private_key_files": [str(pair.file) for pair in keys],
        "assertion_audience": "issuer",
        "request": "signed-and-pushed",
        "sender_constrained": "dpop",
    }
    with running_gateway(made, acm=acm, government=started_government, redis=redis) as running:
        yield running


@pytest.fixture
def seen(record_property: Record) -> Callable[[str, str], None]:
    def record(statement: str, what: str) -> None:
        record_property("statement", statement)
        record_property("seen", what)

    return record


def sign_in(browser: Browser, gateway: Gateway) -> httpx2.Response:
    return browser.open(gateway.application, **SHORTCUT)


def refused(browser: Browser, gateway: Gateway) -> httpx2.Response:
    """The page on which a sign-in ended that should not succeed; nobody is signed in."""
    page = sign_in(browser, gateway)
    assert page.status_code >= 400, f"{page.status_code} {page.url}"
    assert gateway.arrived(browser) is None
    return page


def armed(government: Government) -> list[dict[str, object]]:
    """The faults that are still to come."""
    left: list[dict[str, object]] = httpx2.get(f"{government.origin}/mock/faults", trust_env=False).json()["armed"]
    return left


def test_a43_a_sign_in_with_everything_that_fapi_asks_for(
    gateway: Gateway, government: Government, browser: Browser, seen: Callable[[str, str], None]
) -> None:
    page = sign_in(browser, gateway)

    assert str(page.url) == gateway.application
    assert_employee_arrives(browser, gateway)
    assert browser.asked("/_inkom/callback")["iss"] == government.issuer
    seen("A43: PAR, PKCE, private_key_jwt and bound tokens: signed in", "signed in; the mock takes nothing less")


def test_c20_the_browser_carries_only_the_client_and_the_name_of_its_request(
    gateway: Gateway, government: Government, browser: Browser, seen: Callable[[str, str], None]
) -> None:
    login = f"{gateway.origin}/_inkom/login"
    address = browser.sent_to("/op/v1/auth", browser.get(f"{login}?return_to=/kmo-portefeuille/"))

    assert parse_qs(urlsplit(address).query).keys() == {"client_id", "request_uri"}
    seen("C20: browser carries client_id and request_uri only", "client_id, request_uri")


@pytest.mark.parametrize(
    "fault", ["par-refused", "par-client-refused", "par-500", "par-redirect", "par-request-uri-missing"]
)
def test_c20_a_refused_push_is_an_error_page_and_never_a_plain_request(
    gateway: Gateway, government: Government, browser: Browser, fault: str, seen: Callable[[str, str], None]
) -> None:
    government.arm(fault, client_id=CLIENT_ID)

    page = browser.open(gateway.application, **SHORTCUT)

    assert page.status_code == 503
    assert not any("/op/v1/auth" in address for address in browser.visited)
    assert sign_in(browser, gateway).status_code == 200  # the next attempt finds the provider well again
    seen("C20: PAR 4xx or 5xx ends on a page, no plain request", f"{fault}: 503 page, ACM's page never opened")


def test_c21_a_request_that_grew_too_old_is_pushed_anew(
    gateway: Gateway, government: Government, browser: Browser, seen: Callable[[str, str], None]
) -> None:
    government.arm("par-request-uri-expired", client_id=CLIENT_ID)
    assert browser.open(gateway.application, **SHORTCUT).status_code == 400  # at ACM, which knows no way back
    old = browser.asked("/op/v1/auth")["request_uri"]

    assert str(sign_in(browser, gateway).url) == gateway.application
    assert browser.asked("/op/v1/auth")["request_uri"] != old
    seen("C21: request_uri expired: new PAR on retry", "another request_uri, signed in")


@pytest.mark.parametrize("fault", ["dpop-nonce-demanded", "dpop-userinfo-nonce"])
def test_c23_a_nonce_that_is_asked_for_is_given_once_with_a_new_assertion(
    gateway: Gateway, government: Government, browser: Browser, fault: str, seen: Callable[[str, str], None]
) -> None:
    government.arm(fault, client_id=CLIENT_ID)

    # The mock refuses an assertion or a proof whose jti it saw before: the second try had others.
    assert str(sign_in(browser, gateway).url) == gateway.application
    seen("C23: use_dpop_nonce: one retry with the nonce, new assertion jti", f"{fault}: signed in")


def test_c23_who_asks_for_a_nonce_again_and_again_is_not_served_again_and_again(
    gateway: Gateway, government: Government, browser: Browser, seen: Callable[[str, str], None]
) -> None:
    government.tell("/mock/fault", {"fault": "dpop-nonce-demanded", "client_id": CLIENT_ID, "times": 3})

    refused(browser, gateway)

    (left,) = armed(government)
    assert left["times"] == 1  # two of three were met
    seen("C23: one retry only", "two calls, then refused")


@pytest.mark.parametrize("fault", ["dpop-bearer-returned", "dpop-nonce-missing", "dpop-userinfo-refused"])
def test_c24_a_token_that_is_not_bound_as_asked_signs_nobody_in(
    gateway: Gateway, government: Government, browser: Browser, fault: str, seen: Callable[[str, str], None]
) -> None:
    government.arm(fault, client_id=CLIENT_ID)

    refused(browser, gateway)
    seen("C24: Bearer comes back although DPoP required: fails", f"{fault}: refused, no session")


def test_a54_the_token_type_is_read_without_regard_to_capitals(
    gateway: Gateway, government: Government, browser: Browser, seen: Callable[[str, str], None]
) -> None:
    government.arm("dpop-token-type-case", client_id=CLIENT_ID)

    assert str(sign_in(browser, gateway).url) == gateway.application
    seen("A54: token_type in any capitals: accept", "dpOP: signed in")


def test_a55_the_scheme_of_a_challenge_is_read_without_regard_to_capitals(
    gateway: Gateway, government: Government, browser: Browser, seen: Callable[[str, str], None]
) -> None:
    government.arm("dpop-userinfo-scheme-case", client_id=CLIENT_ID)

    assert str(sign_in(browser, gateway).url) == gateway.application
    seen("A55: DPoP with and without nonce, scheme in any capitals", "dPoP challenge met, signed in")


def test_a53_a_token_response_without_expires_in_is_accepted(
    gateway: Gateway, government: Government, browser: Browser, seen: Callable[[str, str], None]
) -> None:
    government.arm("token-expires-in-missing", client_id=CLIENT_ID)

    assert str(sign_in(browser, gateway).url) == gateway.application
    seen("A53: token response without expires_in: accept, own short lifetime", "signed in; the token serves once")


Refusing = Callable[[str], httpx2.Response]


@pytest.fixture
def refusing(gateway: Gateway, government: Government, browser: Browser) -> Refusing:
    """Arm a fault of the authorization response: the page on which that ends, before the code is redeemed."""

    def before_redeeming(fault: str) -> httpx2.Response:
        government.arm(fault, client_id=CLIENT_ID)
        # Whatever is asked at the token endpoint would use this one up.
        government.arm("token-invalid-grant", client_id=CLIENT_ID)
        page = refused(browser, gateway)
        assert [one["fault"] for one in armed(government)] == ["token-invalid-grant"]
        return page

    return before_redeeming


def test_a50_another_issuer_in_the_response_ends_the_sign_in(
    refusing: Refusing, seen: Callable[[str, str], None]
) -> None:
    refusing("response-iss-wrong")
    seen("A50: wrong iss in the callback: error, no call to any endpoint", "refused, token endpoint not asked")


def test_a51_c07_a_promised_issuer_that_is_missing_ends_the_sign_in(
    refusing: Refusing, seen: Callable[[str, str], None]
) -> None:
    refusing("response-iss-missing")
    seen("A51, C07: promised iss missing: error, no further call", "refused, token endpoint not asked")


@pytest.mark.parametrize("fault", ["response-state-wrong", "response-state-missing"])
def test_a52_another_state_or_none_ends_the_sign_in(
    refusing: Refusing, fault: str, seen: Callable[[str, str], None]
) -> None:
    refusing(fault)
    seen("A52: invalid or missing state: error, code not redeemed", f"{fault}: refused, token endpoint not asked")


def test_c06_issuers_are_compared_character_by_character(refusing: Refusing, seen: Callable[[str, str], None]) -> None:
    refusing("response-iss-slash")
    seen("C06: iss with a slash too many: refuse", "refused, token endpoint not asked")


def test_c08_an_error_of_another_issuer_is_not_believed(
    refusing: Refusing, gateway: Gateway, seen: Callable[[str, str], None]
) -> None:
    refusing("response-error-iss-wrong")

    assert "another issuer" in gateway.log
    assert "the provider says access_denied" not in gateway.log
    seen("C08: iss of an error response is checked before the error is shown", "refused as another issuer's")


def test_c11_a_token_endpoint_that_redirects_is_not_followed(
    gateway: Gateway, government: Government, browser: Browser, seen: Callable[[str, str], None]
) -> None:
    government.arm("token-redirect", client_id=CLIENT_ID)

    page = sign_in(browser, gateway)

    assert page.status_code == 503
    assert gateway.arrived(browser) is None
    seen("C11: token endpoint redirects: not followed", "503 page, nobody signed in")


def test_c16_no_implicit_and_no_password_grant(
    gateway: Gateway, government: Government, seen: Callable[[str, str], None]
) -> None:
    metadata = httpx2.get(f"{government.issuer}/.well-known/openid-configuration", trust_env=False).json()

    assert metadata["response_types_supported"] == ["code"]
    assert {"password", "implicit"}.isdisjoint(metadata["grant_types_supported"])
    seen("C16: password grant and implicit not offered", "response_types code; no such grants")


def test_c17_every_client_key_is_published_and_the_first_one_signs(
    gateway: Gateway,
    government: Government,
    browser: Browser,
    keys: tuple[KeyPair, KeyPair],
    seen: Callable[[str, str], None],
) -> None:
    published = httpx2.get(f"{gateway.origin}/_inkom/jwks.json", trust_env=False).json()["keys"]

    assert {pair.key_id for pair in keys} <= {key["kid"] for key in published}
    assert not [key for key in published if "d" in key]
    # The mock is told that only the older key is ours: what the gateway signs is then nobody's.
    entry = gateway.registration(scopes=SCOPES, organisation_choice="gateway", jwks=keys[1].public)
    own = gateway.registration(
        scopes=SCOPES,
        organisation_choice="gateway",
        jwks_uri=f"{gateway.origin}/_inkom/jwks.json",
        require_par=True,
        require_signed_request=True,
        dpop_bound=True,
    )
    government.tell("/mock/clients", entry)
    try:
        assert browser.open(gateway.application).status_code == 503
    finally:
        government.tell("/mock/clients", own)
    assert str(sign_in(browser, gateway).url) == gateway.application
    seen("C17: private_key_jwt preferred; keys from files", "two keys published, the first one signs")


def test_no_log_and_no_address_holds_a_token_or_a_proof(gateway: Gateway, browser: Browser) -> None:
    sign_in(browser, gateway)

    written = (gateway.log, gateway.audit, *(urljoin(address, "") for address in browser.visited))
    assert not [text for text in written if "eyJ" in text]
