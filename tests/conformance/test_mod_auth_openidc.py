"""A relying party that is not ours, Debian's Apache with mod_auth_openidc, signs in at the mock government."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx2
import pytest

from tests.conformance.apache import CLIENT_ID, Apache, access_token_in, apache, private_key_jwt
from tests.conformance.browser import Browser
from tests.conformance.government import Government, cast_member
from tests.conformance.keys import rsa_key_pair
from tests.conformance.processes import free_port
from tests.mock_idp.statements import Seen

EMPLOYEE = {"mock_person": "employee", "mock_method": "itsme"}
AUTHORIZATION = "/op/v1/auth"
Starting = Callable[..., Apache]


@pytest.fixture(scope="module")
def apaches(tmp_path_factory: pytest.TempPathFactory, started_government: Government) -> Iterator[Starting]:
    """One Apache for each set of directives; it serves every test that needs those."""
    with ExitStack() as stack:
        running: dict[tuple[str, ...], Apache] = {}

        def started(*directives: str) -> Apache:
            if directives not in running:
                folder, issuer = tmp_path_factory.mktemp("apache"), started_government.issuer
                running[directives] = stack.enter_context(
                    apache(folder, issuer=issuer, port=free_port(), directives=directives)
                )
            return running[directives]

        yield started


@pytest.fixture
def start(apaches: Starting, government: Government) -> Starting:
    """Start an Apache with further directives; `registered` is what the mock's entry has beside the ordinary."""

    def started(*directives: str, **registered: object) -> Apache:
        here = apaches(*directives)
        government.tell("/mock/clients", here.registration(**registered))
        return here

    return started


def test_b31_the_identity_arrives_at_the_backend(start: Starting, browser: Browser, seen: Seen) -> None:
    here, person = start(), cast_member("employee")
    page = browser.open(here.account, **EMPLOYEE)

    assert str(page.url) == here.account
    claims = here.claims(browser)
    assert claims is not None
    assert claims["rrn"] == person.national_number
    assert (claims["given_name"], claims["family_name"]) == (person.given_name, person.family_name)
    assert claims["acr"] == "urn:be:vlaanderen:authmech:itsme"
    assert claims["vo_orgcode"] == "1999999943"
    assert claims["vlaio_inkom_rol_3d"] == "VLAIOInkomGebruikerNieuw-Gebruiker:1999999943"
    seen("login: ACM's claims at the backend")


def test_b31_the_request_is_protected_by_pkce_state_and_nonce(start: Starting, browser: Browser, seen: Seen) -> None:
    here = start()
    browser.open(here.account, **EMPLOYEE)

    asked = browser.asked(AUTHORIZATION)
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert asked["state"]
    assert asked["nonce"]
    seen("PKCE S256, state, nonce")


def test_b31_the_client_refreshes_its_tokens(start: Starting, browser: Browser, seen: Seen) -> None:
    here = start()
    before = access_token_in(browser.open(here.account, **EMPLOYEE).text)
    # The module's own address for it; the token in it proves that the page that leads there is the session's own.
    asking = urlencode({"refresh": here.account, "access_token": before})
    page = browser.open(f"{here.callback}?{asking}")

    assert str(page.url) == here.account, page.text
    assert access_token_in(page.text) != before
    assert here.claims(browser) is not None
    seen("refresh: another access token at the backend, the session goes on")


def test_somebody_signs_in_on_the_real_pages_with_an_eid(start: Starting, browser: Browser) -> None:
    here = start()
    choice = browser.open(here.account)
    begin = str(choice.url).partition("?")[0]
    browser.open(f"{begin}/eid")
    card = browser.open(f"{begin}/eid?card=employee")
    page = browser.submit(card, card="employee", pin="1234")

    assert str(page.url) == here.account, page.text
    claims = here.claims(browser)
    assert claims is not None
    assert claims["given_name"] == cast_member("employee").given_name
    assert claims["acr"] == "urn:be:vlaanderen:authmech:eid"


def test_cancelling_brings_the_person_back_and_signs_nobody_in(start: Starting, browser: Browser) -> None:
    here = start()
    choice = browser.open(here.account)
    back = browser.submit(choice)

    # What this release of the module then writes on its page is wrong: it takes an error with `iss` (RFC 9207) for a
    # sign-in that somebody else began.
    assert str(back.url).startswith(here.callback)
    assert browser.asked("/callback")["error"] == "access_denied"
    assert here.claims(browser) is None


def test_b31_the_client_proves_itself_with_a_key(start: Starting, browser: Browser, seen: Seen, tmp_path: Path) -> None:
    pair = rsa_key_pair(tmp_path / "client.pem")
    here = start(*private_key_jwt(pair), client_secret=None, jwks=pair.public)
    browser.open(here.account, **EMPLOYEE)

    assert here.claims(browser) is not None
    seen("private_key_jwt with RS256")


@pytest.mark.parametrize(
    "registered",
    [
        pytest.param({"id_token_alg": "ES256"}, id="id-token-ES256"),
        pytest.param({"userinfo_signed": True}, id="userinfo-signed"),
        pytest.param({"role_claim_suffix": "3D"}, id="role-suffix-3D"),
    ],
)
def test_other_forms_of_the_answer_are_understood(
    start: Starting, browser: Browser, registered: dict[str, object]
) -> None:
    here = start(**registered)
    browser.open(here.account, **EMPLOYEE)

    claims = here.claims(browser)
    assert claims is not None
    assert claims["rrn"] == cast_member("employee").national_number


def test_the_answer_comes_as_a_posted_form_where_that_is_asked_for(start: Starting, browser: Browser) -> None:
    here = start("OIDCResponseMode form_post")
    form = browser.open(here.account, **EMPLOYEE)
    browser.submit(form)

    assert browser.asked(AUTHORIZATION)["response_mode"] == "form_post"
    assert here.claims(browser) is not None


def test_b31_logout_at_the_client_ends_both_sessions(start: Starting, browser: Browser, seen: Seen) -> None:
    here = start()
    browser.open(here.account, **EMPLOYEE)
    page = browser.open(f"{here.callback}?logout={here.logged_out}")

    assert str(page.url).partition("?")[0] == here.logged_out
    assert browser.asked("/op/v1/logout")["id_token_hint"]
    assert here.claims(browser) is None
    assert _asks_who_it_is(browser, here)
    seen("RP-initiated logout with id_token_hint: both sessions ended")


def test_without_a_logout_the_next_visit_needs_no_page(start: Starting, browser: Browser) -> None:
    here = start()
    browser.open(here.account, **EMPLOYEE)
    browser.client.cookies.delete("mod_auth_openidc_session")

    assert here.claims(browser) is None
    assert not _asks_who_it_is(browser, here)


def test_b31_logout_at_the_provider_ends_the_clients_session(
    start: Starting, browser: Browser, government: Government, seen: Seen
) -> None:
    here = start()
    browser.open(here.account, **EMPLOYEE)
    assert here.claims(browser) is not None
    browser.open(f"{government.issuer}/v1/logout")

    # The cookie of Apache is still there: it was told directly (back-channel logout), by a token that it verified.
    assert browser.client.cookies.get("mod_auth_openidc_session")
    assert here.claims(browser) is None
    seen("back-channel logout: Apache's session ended, its cookie still there")


@pytest.mark.parametrize(
    "fault",
    [
        "logout-token-alg-none",
        "logout-token-signature",
        "logout-token-event-missing",
        "logout-token-nonce",
        "logout-token-aud-wrong",
        "logout-token-iss-wrong",
        "logout-token-sub-and-sid-missing",
    ],
)
def test_a_wrong_logout_token_ends_nothing(
    start: Starting, browser: Browser, government: Government, fault: str
) -> None:
    here = start()
    browser.open(here.account, **EMPLOYEE)
    government.arm(fault, client_id=CLIENT_ID)
    browser.open(f"{government.issuer}/v1/logout")

    assert here.claims(browser) is not None


@pytest.mark.parametrize(
    "fault",
    [
        "id-token-iss-wrong",
        "id-token-aud-wrong",
        "id-token-sub-missing",
        "id-token-iat-old",
        "id-token-exp-long-past",
        "id-token-nonce-wrong",
        "id-token-nonce-missing",
        "id-token-at-hash-wrong",
        "id-token-alg-none",
        "id-token-alg-hs256",
        "id-token-signature-rs256",
        "id-token-foreign-key",
    ],
)
def test_a_wrong_id_token_is_refused_by_this_client_too(
    start: Starting, browser: Browser, government: Government, fault: str
) -> None:
    here = start()
    government.arm(fault, client_id=CLIENT_ID)
    page = browser.open(here.account, **EMPLOYEE)

    assert str(page.url) != here.account
    assert "OIDC_CLAIM" not in page.text
    assert here.claims(browser) is None


@pytest.mark.parametrize("fault", ["id-token-aud-array", "id-token-amr-missing", "id-token-key-rotated"])
def test_what_a_careful_client_accepts_is_accepted_by_this_client_too(
    start: Starting, browser: Browser, government: Government, fault: str
) -> None:
    here = start()
    government.arm(fault, client_id=CLIENT_ID)
    browser.open(here.account, **EMPLOYEE)

    assert here.claims(browser) is not None


def test_a_client_with_the_wrong_password_signs_nobody_in(start: Starting, browser: Browser) -> None:
    here = start(client_secret="another secret than Apache's")
    page = browser.open(here.account, **EMPLOYEE)

    assert "OIDC_CLAIM" not in page.text
    assert here.claims(browser) is None
    assert "invalid_client" in here.log()


def test_a_client_with_another_key_than_registered_signs_nobody_in(
    start: Starting, browser: Browser, tmp_path: Path
) -> None:
    own, registered = rsa_key_pair(tmp_path / "own.pem"), rsa_key_pair(tmp_path / "registered.pem")
    directives = private_key_jwt(replace(own, key_id=registered.key_id))
    here = start(*directives, client_secret=None, jwks=registered.public)
    browser.open(here.account, **EMPLOYEE)

    assert here.claims(browser) is None
    assert "invalid_client" in here.log()


def test_an_address_to_return_to_that_is_not_registered_is_refused_at_the_mock(
    start: Starting, browser: Browser
) -> None:
    here = start(redirect_uris=["http://localhost:1/elsewhere"])
    page = browser.open(here.account, **EMPLOYEE)

    assert urlsplit(str(page.url)).path == AUTHORIZATION
    assert page.status_code == httpx2.codes.BAD_REQUEST


def _asks_who_it_is(browser: Browser, here: Apache) -> bool:
    """Whether the next visit ends at a page of the mock, where somebody has to sign in."""
    page = browser.open(here.account)
    return not str(page.url).startswith(here.origin)
