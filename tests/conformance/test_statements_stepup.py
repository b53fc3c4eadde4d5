"""Stepping up, statement by statement: policies and backends ask, the mock answers (C26 to C29, A62)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from mock_apps.signing import CHALLENGE
from tests.conformance.browser import Browser
from tests.conformance.gateway import APPLICATIONS, Gateway, new_gateway, running_gateway
from tests.conformance.government import Government

Record = Callable[[str, object], None]
CLIENT, SECRET = "inkom-careful", "secret-of-the-careful-gateway"
SCOPES = ["openid", "profile", "rrn", "vo", "wettelijkvertegenwoordiger", "vlaio_inkom"]
MEANS = "urn:be:vlaanderen:authmech:"
CERTAIN = f"{MEANS}eid {MEANS}itsme"
SESSION = "inkom-localhost"
PROGRAM = {"accept": "application/json", "sec-fetch-mode": "cors"}
CAREFUL = """\
policy: careful
title: {nl: Zeker en recent, en: Certain and recent}
applications: [kmo-portefeuille]
require:
  - {id: certain, assurance: high}
  - {id: recent, signed_in_within: 15m}
allow:
  - {id: inkom-user, right: {name: VLAIO Inkom Gebruiker Nieuw, profile: Gebruiker}}
  - {id: legal-representative, legal_representative: true}
tests:
  - {name: one, given: {method: sms, organisation: "1999.999.943"}, expect: {allowed: false, reason: certain}}
  - name: two
    given: {method: eid, signed_in: 16m, organisation: "1999.999.943"}
    expect: {allowed: false, reason: recent}
  - name: three
    given: {method: eid, organisation: "1999.999.943", legal_representative: true}
    expect: {allowed: true, reason: legal-representative}
  -
    name: four
    given:
      method: eid
      organisation: "1999.999.943"
      working_relation: {}
      rights: [{name: VLAIO Inkom Gebruiker Nieuw, profile: Gebruiker}]
    expect: {allowed: true, reason: inkom-user}
"""
RELAXED = """\
policy: relaxed
title: {nl: Gewoon, en: Ordinary}
applications: [ecologiepremie-plus, coronamaatregelen]
sign_in: {prompt: select_account}
allow:
  - {id: inkom-user, right: {name: VLAIO Inkom Gebruiker Nieuw, profile: Gebruiker}}
  - {id: legal-representative, legal_representative: true}
tests:
  - name: one
    given: {method: sms, organisation: "1999.999.943", legal_representative: true}
    expect: {allowed: true, reason: legal-representative}
  - name: two
    given:
      method: eid
      organisation: "1999.999.943"
      working_relation: {}
      rights: [{name: VLAIO Inkom Gebruiker Nieuw, profile: Gebruiker}]
    expect: {allowed: true, reason: inkom-user}
"""


@pytest.fixture(scope="module")
def careful(tmp_path_factory: pytest.TempPathFactory, started_government: Government, redis: str) -> Iterator[Gateway]:
    """A gateway with one careful application, and one whose backend may ask for a step-up."""
    folder = tmp_path_factory.mktemp("careful")
    policies = folder / "careful-policies"
    policies.mkdir()
    (policies / "careful.yaml").write_text(CAREFUL)
    (policies / "relaxed.yaml").write_text(RELAXED)
    gateway = new_gateway(folder)
    client = gateway.registration(client_id=CLIENT, client_secret=SECRET, scopes=SCOPES, organisation_choice="gateway")
    started_government.tell("/mock/clients", client)
    acm = {
        "issuer": started_government.issuer,
        "client_id": CLIENT,
        "client_authentication": "client_secret_basic",
        "client_secret": SECRET,
        "scopes": SCOPES,
    }
    applications = {
        name: {
            "title": {"nl": name, "en": name},
            "upstream": f"http://localhost:{port}",
            "step_up": name == "ecologiepremie-plus",
        }
        for name, port in zip(APPLICATIONS, gateway.backends, strict=True)
    }
    more = {"policies": str(policies), "applications": applications}
    with running_gateway(gateway, acm=acm, government=started_government, redis=redis, more=more):
        yield gateway


@pytest.fixture
def signed_in(careful: Gateway, government: Government, browser: Browser) -> Browser:
    """Somebody who signed in by SMS, for the ordinary application."""
    page = browser.open(f"{careful.origin}/ecologiepremie-plus/", mock_person="employee", mock_method="sms")
    assert page.status_code == 200, page.text
    assert browser.asked("/op/v1/auth")["prompt"] == "select_account"
    return browser


def is_alive(gateway: Gateway, cookie: str) -> bool:
    """Whether a cookie, in another browser, still belongs to a session."""
    with Browser() as other:
        return other.get(f"{gateway.origin}/_inkom/me", cookie=f"{SESSION}={cookie}", **PROGRAM).status_code == 200


def test_c26_a_backends_challenge_sends_a_navigation_to_the_provider_and_leaves_fetch_alone(
    careful: Gateway, signed_in: Browser, record_property: Record
) -> None:
    address = f"{careful.origin}/ecologiepremie-plus/sign?dossier=12"
    below = signed_in.client.cookies[SESSION]
    fetched = signed_in.get(address, **PROGRAM)
    assert (fetched.status_code, fetched.headers["www-authenticate"]) == (401, CHALLENGE)
    posted = signed_in.post(address, {"sign": "now"})
    assert (posted.status_code, posted.headers["www-authenticate"]) == (401, CHALLENGE)

    page = signed_in.open(address, mock_person="employee", mock_method="itsme")

    asked = signed_in.asked("/op/v1/auth")
    assert (asked["acr_values"], asked["max_age"]) == (CERTAIN, "300")
    assert (page.status_code, str(page.url)) == (200, address)
    assert not is_alive(careful, below)
    assert signed_in.get(address).status_code == 200
    record_property("statement", "C26: a backend's challenge: navigation to the provider, fetch unchanged")
    record_property("seen", f"acr_values and max_age=300 asked, back at {urlsplit(address).path}; fetch got the 401")


def test_c26_a_backend_that_is_not_content_after_a_step_up_is_answered_by_its_own_401(
    careful: Gateway, government: Government, signed_in: Browser, record_property: Record
) -> None:
    address = f"{careful.origin}/ecologiepremie-plus/sign"
    government.arm("id-token-acr-weaker", client_id=CLIENT)
    page = signed_in.open(address, mock_person="employee", mock_method="itsme")
    assert (page.status_code, page.url.path) == (403, "/_inkom/callback")
    again = signed_in.get(address)
    assert (again.status_code, again.headers["www-authenticate"]) == (401, CHALLENGE)
    # Once; anything but the same errand is as before.
    assert signed_in.get(f"{careful.origin}/ecologiepremie-plus/").status_code == 200
    record_property("statement", "C26: after a step-up in vain the backend's 401 passes, no second redirect")
    record_property("seen", "403 page of the gateway, then the backend's own 401")


def test_c27_a_policy_that_asks_for_more_than_the_session_has(
    careful: Gateway, signed_in: Browser, record_property: Record
) -> None:
    address = f"{careful.application}api/echo?from=mail"
    program = signed_in.get(address, **PROGRAM)
    assert program.status_code == 401
    assert program.headers["www-authenticate"] == (
        'Bearer realm="kmo-portefeuille", error="insufficient_user_authentication", '
        'error_description="The application asks for a stronger or more recent sign-in", '
        f'acr_values="{CERTAIN}", max_age="900"'
    )
    assert program.json()["cause"] == "level-too-low"

    page = signed_in.open(address, mock_person="employee", mock_method="eid")

    asked = signed_in.asked("/op/v1/auth")
    assert (asked["acr_values"], asked["max_age"]) == (CERTAIN, "900")
    assert (page.status_code, str(page.url)) == (200, address)
    record_property("statement", "C27: a policy's level and age: navigation steps up, API gets a 401 challenge")
    record_property("seen", "challenge with acr_values and max_age=900; asked, and back at the address")


def test_c27_a_sign_in_that_is_too_old_is_renewed(
    careful: Gateway, government: Government, browser: Browser, record_property: Record
) -> None:
    government.arm("id-token-auth-time-old", client_id=CLIENT)
    page = browser.open(f"{careful.origin}/coronamaatregelen/", mock_person="employee", mock_method="itsme")
    assert page.status_code == 200
    assert browser.get(careful.application, **PROGRAM).json()["cause"] == "signed-in-too-long-ago"
    page = browser.open(careful.application, mock_person="employee", mock_method="itsme")
    assert (page.status_code, browser.asked("/op/v1/auth")["max_age"]) == (200, "900")
    record_property("statement", "C27: a sign-in older than the policy wants is renewed")
    record_property("seen", "max_age=900 asked, and in")


@pytest.mark.parametrize(
    ("fault", "needed"),
    [
        ("id-token-acr-weaker", "the level has to be high"),
        ("id-token-acr-unknown", "the level has to be high"),
        ("id-token-acr-missing", "the level has to be high"),
        ("id-token-auth-time-old", "at most 15 minutes ago"),
        ("id-token-auth-time-missing", "at most 15 minutes ago"),
    ],
)
def test_c28_a_lower_level_or_an_older_sign_in_is_denied_says_what_is_needed_and_never_loops(
    careful: Gateway, government: Government, signed_in: Browser, record_property: Record, fault: str, needed: str
) -> None:
    below = signed_in.client.cookies[SESSION]
    government.arm(fault, client_id=CLIENT)
    page = signed_in.open(careful.application, mock_person="employee", mock_method="itsme")
    assert (page.status_code, page.url.path) == (403, "/_inkom/callback")
    assert needed in page.text

    # The same page once more: no redirect, but a button, and that one makes the provider ask.
    again = signed_in.get(careful.application)
    assert again.status_code == 403
    assert needed in again.text
    assert is_alive(careful, below)
    button = again.text.partition('href="/_inkom/login?')[2].partition('"')[0].replace("&amp;", "&")
    page = signed_in.open(f"{careful.origin}/_inkom/login?{button}", mock_person="employee", mock_method="itsme")
    assert signed_in.asked("/op/v1/auth")["prompt"] == "login"
    assert (page.status_code, str(page.url)) == (200, careful.application)
    record_property("statement", f"C28: {fault}: denied, names what is needed, no loop")
    record_property("seen", f"403 with '{needed}', then a page with a button, and in by it")


def test_c29_another_person_who_answers_a_step_up_ends_the_session_and_begins_none(
    careful: Gateway, signed_in: Browser, record_property: Record
) -> None:
    below = signed_in.client.cookies[SESSION]
    page = signed_in.open(careful.application, mock_person="legal-representative", mock_method="itsme")
    assert page.status_code == 403
    assert "Somebody else signed in" in page.text
    assert not is_alive(careful, below)
    assert signed_in.get(f"{careful.origin}/_inkom/me", **PROGRAM).status_code == 401
    record_property("statement", "C29: another sub after step-up: old session ended, new one not begun")
    record_property("seen", "403, the old cookie is dead, nobody is signed in")


def test_a62_an_answer_without_a_page_about_another_user_replaces_the_session_and_merges_nothing(
    careful: Gateway, signed_in: Browser, record_property: Record
) -> None:
    first = signed_in.client.cookies[SESSION]
    page = signed_in.open(
        f"{careful.origin}/_inkom/login?return_to=/coronamaatregelen/api/headers",
        mock_person="legal-representative",
        mock_method="sms",
    )
    assert page.status_code == 200
    assert page.json()["verified"]["role"] == "legal-representative"
    assert not is_alive(careful, first)
    record_property("statement", "A62: another user than the session's: replaced, never merged")
    record_property("seen", "a new session of the other user alone; the old cookie is dead")


@pytest.mark.parametrize(
    "forged", ["level=low&max_age=-1&prompt=none&acr_values=urn:x", f"acr_values={MEANS}csampassword", "max_age=1e9"]
)
def test_a_forged_address_asks_for_nothing_less(careful: Gateway, signed_in: Browser, forged: str) -> None:
    """The level `low` is asked by every method there is, which is no less than asking for none."""
    signed_in.follow(signed_in.get(f"{careful.origin}/_inkom/login?return_to=/ecologiepremie-plus/&{forged}"))
    asked = signed_in.asked("/op/v1/auth")
    assert asked["prompt"] == "select_account"
    assert "max_age" not in asked or asked["max_age"] != "-1"
    assert f"{MEANS}csampassword" not in asked.get("acr_values", "")
    assert "urn:x" not in asked.get("acr_values", "")
