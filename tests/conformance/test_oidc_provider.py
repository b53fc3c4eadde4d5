"""The gateway signs people in at a provider that is not ours: npm's oidc-provider, in two releases.

The registers still are the mock government's: they say what the person may do, whoever says who it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from tests.conformance.browser import Browser
from tests.conformance.gateway import Gateway, new_gateway, running_gateway
from tests.conformance.government import Government, cast_member
from tests.conformance.keys import KeyPair, ec_key_pair, rsa_key_pair
from tests.conformance.node import skip_unless_node_runs
from tests.conformance.processes import free_port
from tests.conformance.provider import ACR, LOGIN, RELEASES, STRANGER, ForeignProvider, foreign_provider, pass_pages

Authentication = Literal["private_key_jwt", "client_secret_basic"]
OWN_KEY = "acm-client.pem"
SECRET = "the gateway's own secret: 100% of it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A gateway and the provider that it was configured for. Only the gateway runs: a test starts the provider."""

    gateway: Gateway
    provider: ForeignProvider
    folder: Path

    def with_client(self, **more: object) -> ForeignProvider:
        """The provider with a changed entry for the gateway."""
        return replace(self.provider, client={**self.provider.client, **more})


Arranging = Callable[..., Meeting]


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest, npm_packages: None) -> str:
    package: str = request.param
    skip_unless_node_runs(package)
    return package


@pytest.fixture(scope="module")
def meetings(
    tmp_path_factory: pytest.TempPathFactory, started_government: Government, redis: str
) -> Iterator[Arranging]:
    """Start a gateway for each way of client authentication. One that has to be `alone` is not used again.

    The gateway keeps the provider's keys, and may ask for newer ones once in a minute: a test with other keys is alone.
    """
    with ExitStack() as stack:
        shared: dict[Authentication, Meeting] = {}

        def meeting(authentication: Authentication = "private_key_jwt", *, alone: bool = False) -> Meeting:
            if authentication in shared and not alone:
                return shared[authentication]
            made = _meeting(tmp_path_factory.mktemp("gateway"), authentication)
            acm = {
                "issuer": made.provider.issuer,
                "client_authentication": authentication,
                "acr": {ACR: "eid"},
                **_own_proof(authentication, made.folder),
            }
            stack.enter_context(running_gateway(made.gateway, acm=acm, government=started_government, redis=redis))
            if not alone:
                shared[authentication] = made
            return made

        yield meeting


@pytest.fixture
def arrange(meetings: Arranging, release: str, government: Government) -> Arranging:
    """The same, with the release of the provider that this test is for."""

    def arranged(*authentication: Authentication, alone: bool = False) -> Meeting:
        meeting = meetings(*authentication, alone=alone)
        return replace(meeting, provider=replace(meeting.provider, package=release))

    return arranged


def _meeting(folder: Path, authentication: Authentication) -> Meeting:
    gateway, own = new_gateway(folder), rsa_key_pair(folder / OWN_KEY)
    provider = ForeignProvider(
        package=RELEASES[0],
        port=free_port(),
        client=gateway.registration(**_proof(authentication, own)),
        person=cast_member("employee"),
        signing=(rsa_key_pair(folder / "signing.pem"), ec_key_pair(folder / "signing-ec.pem")),
    )
    return Meeting(gateway=gateway, provider=provider, folder=folder)


def _own_proof(authentication: Authentication, folder: Path) -> dict[str, object]:
    """What the gateway's configuration says of that way."""
    if authentication == "private_key_jwt":
        return {"private_key_file": str(folder / OWN_KEY)}
    return {"client_secret": SECRET}


def _proof(authentication: Authentication, own: KeyPair) -> dict[str, object]:
    """How the provider knows the gateway by that way of client authentication."""
    if authentication == "private_key_jwt":
        return {"token_endpoint_auth_method": authentication, "jwks": own.public}
    return {"token_endpoint_auth_method": authentication, "client_secret": SECRET}


def sign_in(browser: Browser, meeting: Meeting) -> httpx2.Response:
    """Open the application and pass the provider's pages; where that ends."""
    return pass_pages(browser, browser.open(meeting.gateway.application))


def assert_employee_arrives(browser: Browser, gateway: Gateway) -> None:
    person, headers = cast_member("employee"), gateway.arrived(browser)
    assert headers is not None
    assert headers["x-inkom-name"] == f"{person.given_name}%20{person.family_name}"
    assert headers["x-inkom-organisation"] == "1999999943"
    assert headers["x-inkom-role"] == "user"
    assert headers["x-inkom-assurance"] == "high"
    assert "x-inkom-national-number" not in headers
    assert person.national_number not in str(headers)


@pytest.mark.parametrize("authentication", ["private_key_jwt", "client_secret_basic"])
@pytest.mark.parametrize("claims_by_userinfo_only", [True, False], ids=["userinfo-only", "id-token-too"])
def test_somebody_signs_in_and_reaches_the_application(
    arrange: Arranging, browser: Browser, authentication: Authentication, claims_by_userinfo_only: bool
) -> None:
    meeting = arrange(authentication)
    provider = replace(meeting.provider, claims_by_userinfo_only=claims_by_userinfo_only)
    with foreign_provider(meeting.folder, provider):
        page = sign_in(browser, meeting)

    assert str(page.url) == meeting.gateway.application
    assert_employee_arrives(browser, meeting.gateway)


@pytest.mark.parametrize(
    "client",
    [
        pytest.param({"userinfo_signed_response_alg": "RS256"}, id="userinfo-signed"),
        pytest.param({"id_token_signed_response_alg": "ES256"}, id="id-token-ES256"),
    ],
)
def test_other_forms_of_the_answer_are_understood(
    arrange: Arranging, browser: Browser, client: dict[str, object]
) -> None:
    meeting = arrange()
    with foreign_provider(meeting.folder, meeting.with_client(**client)):
        sign_in(browser, meeting)

    assert_employee_arrives(browser, meeting.gateway)


def test_request_and_response_are_protected(arrange: Arranging, browser: Browser) -> None:
    meeting = arrange()
    with foreign_provider(meeting.folder, meeting.provider):
        sign_in(browser, meeting)

    asked, came_back = browser.asked("/auth"), browser.asked("/_inkom/callback")
    assert asked["code_challenge_method"] == "S256"
    assert asked["nonce"]
    assert came_back["state"] == asked["state"]
    assert came_back["iss"] == meeting.provider.issuer


def test_a_request_that_lost_its_code_challenge_on_the_way_signs_nobody_in(
    arrange: Arranging, browser: Browser
) -> None:
    meeting = arrange()
    with foreign_provider(meeting.folder, meeting.provider):
        address = browser.sent_to("/auth", browser.get(meeting.gateway.application))
        page = browser.open(_with(address, code_challenge=None, code_challenge_method=None))

    assert browser.asked("/_inkom/callback")["error"] == "invalid_request"
    assert page.status_code == httpx2.codes.FORBIDDEN
    assert meeting.gateway.arrived(browser) is None


@pytest.mark.parametrize("issuer", [None, "http://localhost:9/another"], ids=["absent", "another"])
def test_a_response_without_the_issuer_that_was_promised_signs_nobody_in(
    arrange: Arranging, browser: Browser, issuer: str | None
) -> None:
    meeting = arrange()
    with foreign_provider(meeting.folder, meeting.provider):
        agreeing = browser.submit(browser.open(meeting.gateway.application), login=LOGIN, password="any will do")
        address = browser.sent_to("/_inkom/callback", browser.press(agreeing, prompt="consent"))
        page = browser.open(_with(address, iss=issuer))

        assert "Signing in did not work" in page.text
        assert meeting.gateway.arrived(browser) is None


def test_somebody_whom_the_provider_gives_no_national_number_is_told_so(arrange: Arranging, browser: Browser) -> None:
    meeting = arrange()
    with foreign_provider(meeting.folder, meeting.provider):
        page = pass_pages(browser, browser.open(meeting.gateway.application), login=STRANGER)

    assert "We did not receive your national register number" in page.text


def test_a_level_that_nobody_configured_opens_nothing(arrange: Arranging, browser: Browser) -> None:
    meeting = arrange()
    provider = replace(meeting.provider, acr="https://foreign.example/assurance/unheard-of")
    with foreign_provider(meeting.folder, provider):
        page = sign_in(browser, meeting)

    assert page.status_code == httpx2.codes.FORBIDDEN
    assert "x-inkom" not in page.text


def test_logout_ends_both_sessions_once_the_provider_has_asked(arrange: Arranging, browser: Browser) -> None:
    meeting = arrange()
    with foreign_provider(meeting.folder, meeting.provider):
        sign_in(browser, meeting)
        asking = meeting.gateway.sign_out(browser)
        assert "Do you want to sign-out" in asking.text
        page = browser.submit(asking, logout="yes")

        assert str(page.url).startswith(f"{meeting.gateway.origin}/_inkom/logged-out")
        assert "id_token_hint" not in browser.asked("/session/end")
        assert meeting.gateway.arrived(browser) is None
        assert "Sign-in" in browser.open(meeting.gateway.application).text


def test_somebody_who_stays_signed_in_at_the_provider_is_signed_out_here(arrange: Arranging, browser: Browser) -> None:
    meeting = arrange()
    with foreign_provider(meeting.folder, meeting.provider):
        sign_in(browser, meeting)
        meeting.gateway.sign_out(browser)

        assert meeting.gateway.arrived(browser) is None
        assert str(browser.open(meeting.gateway.application).url) == meeting.gateway.application


def test_cancelling_at_the_provider_is_no_error(arrange: Arranging, browser: Browser) -> None:
    meeting = arrange()
    with foreign_provider(meeting.folder, meeting.provider):
        choice = browser.open(meeting.gateway.application)
        page = browser.open(f"{choice.url!s}/abort")

    assert page.status_code == httpx2.codes.OK
    assert "You stopped signing in" in page.text


def test_a_new_key_of_the_provider_is_fetched_when_it_is_met(
    arrange: Arranging, browser: Browser, tmp_path: Path
) -> None:
    meeting = arrange(alone=True)
    with foreign_provider(meeting.folder, meeting.provider):
        sign_in(browser, meeting)
    browser.client.cookies.clear()
    newer = rsa_key_pair(tmp_path / "newer.pem")
    with foreign_provider(meeting.folder, meeting.provider.with_keys(newer)):
        sign_in(browser, meeting)

    assert_employee_arrives(browser, meeting.gateway)


def test_a_key_that_the_provider_does_not_publish_signs_nobody_in(
    arrange: Arranging, browser: Browser, tmp_path: Path
) -> None:
    meeting, secret = arrange(alone=True), rsa_key_pair(tmp_path / "secret.pem")
    provider = meeting.provider.with_keys(secret, published=meeting.provider.signing)
    with foreign_provider(meeting.folder, provider):
        page = sign_in(browser, meeting)

        assert "Signing in did not work" in page.text
        assert meeting.gateway.arrived(browser) is None
    assert "signed by none of the provider's keys" in meeting.gateway.log


def test_another_key_by_a_published_name_signs_nobody_in(arrange: Arranging, browser: Browser, tmp_path: Path) -> None:
    meeting, foreign = arrange(alone=True), rsa_key_pair(tmp_path / "foreign.pem")
    published, _ = meeting.provider.signing
    forger = replace(foreign, private={**foreign.private, "kid": published.key_id})
    with foreign_provider(meeting.folder, meeting.provider.with_keys(forger, published=(published,))):
        page = sign_in(browser, meeting)

        assert "Signing in did not work" in page.text
        assert meeting.gateway.arrived(browser) is None


def test_a_client_whose_key_the_provider_does_not_know_signs_nobody_in(
    arrange: Arranging, browser: Browser, tmp_path: Path
) -> None:
    meeting = arrange()
    stranger = rsa_key_pair(tmp_path / "stranger.pem")
    with foreign_provider(meeting.folder, meeting.with_client(jwks=stranger.public)):
        page = sign_in(browser, meeting)

        assert "Signing in did not work" in page.text
        assert meeting.gateway.arrived(browser) is None
    assert "the token endpoint says invalid_client" in meeting.gateway.log


def test_sessions_go_on_and_end_while_the_provider_is_away(arrange: Arranging, browser: Browser) -> None:
    meeting = arrange()
    with foreign_provider(meeting.folder, meeting.provider):
        sign_in(browser, meeting)

    assert_employee_arrives(browser, meeting.gateway)
    with pytest.raises(httpx2.ConnectError):  # the browser is sent on to the provider, which is not there
        meeting.gateway.sign_out(browser)
    assert meeting.gateway.arrived(browser) is None


def _with(address: str, **changed: str | None) -> str:
    """The address with other parameters; None leaves one out."""
    parts = urlsplit(address)
    parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
    kept = {name: value for name, value in {**parameters, **changed}.items() if value is not None}
    return parts._replace(query=urlencode(kept)).geturl()
