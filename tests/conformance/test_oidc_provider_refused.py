"""Whatever goes wrong between the gateway and a foreign provider signs nobody in, and the page says what happened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from tests.conformance.browser import Browser
from tests.conformance.keys import rsa_key_pair
from tests.conformance.meeting import Arranging, sign_in
from tests.conformance.provider import LOGIN, STRANGER, pass_pages


def test_a_request_that_lost_its_code_challenge_on_the_way_signs_nobody_in(
    arrange: Arranging, browser: Browser
) -> None:
    meeting = arrange()
    meeting.provide()
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
    meeting.provide()
    agreeing = browser.submit(browser.open(meeting.gateway.application), login=LOGIN, password="any will do")
    address = browser.sent_to("/_inkom/callback", browser.press(agreeing, prompt="consent"))
    page = browser.open(_with(address, iss=issuer))

    assert "Signing in did not work" in page.text
    assert meeting.gateway.arrived(browser) is None


def test_somebody_whom_the_provider_gives_no_national_number_is_told_so(arrange: Arranging, browser: Browser) -> None:
    meeting = arrange()
    meeting.provide()
    page = pass_pages(browser, browser.open(meeting.gateway.application), login=STRANGER)

    assert "We did not receive your national register number" in page.text


def test_a_level_that_nobody_configured_opens_nothing(arrange: Arranging, browser: Browser) -> None:
    meeting = arrange()
    provider = replace(meeting.provider, acr="https://foreign.example/assurance/unheard-of")
    meeting.provide(provider)
    page = sign_in(browser, meeting)

    assert page.status_code == httpx2.codes.FORBIDDEN
    assert meeting.gateway.last_decision()["reason"] == "sign-in-method"


def test_cancelling_at_the_provider_is_no_error(arrange: Arranging, browser: Browser) -> None:
    meeting = arrange()
    meeting.provide()
    choice = browser.open(meeting.gateway.application)
    page = browser.open(f"{choice.url!s}/abort")

    assert page.status_code == httpx2.codes.OK
    assert "You stopped signing in" in page.text


def test_a_key_that_the_provider_does_not_publish_signs_nobody_in(
    arrange: Arranging, browser: Browser, tmp_path: Path
) -> None:
    meeting, secret = arrange(), rsa_key_pair(tmp_path / "secret.pem")
    logged_before = meeting.gateway.log
    provider = meeting.provider.with_keys(secret, published=meeting.provider.signing)
    meeting.provide(provider)
    page = sign_in(browser, meeting)

    assert "Signing in did not work" in page.text
    assert meeting.gateway.arrived(browser) is None
    assert "signed by none of the published keys" in meeting.gateway.log.removeprefix(logged_before)


def test_another_key_by_a_published_name_signs_nobody_in(arrange: Arranging, browser: Browser, tmp_path: Path) -> None:
    meeting, foreign = arrange(), rsa_key_pair(tmp_path / "foreign.pem")
    published, _ = meeting.provider.signing
    forger = replace(foreign, private={**foreign.private, "kid": published.key_id})
    meeting.provide(meeting.provider.with_keys(forger, published=meeting.provider.signing))
    page = sign_in(browser, meeting)

    assert "Signing in did not work" in page.text
    assert meeting.gateway.arrived(browser) is None


def test_a_client_whose_key_the_provider_does_not_know_signs_nobody_in(
    arrange: Arranging, browser: Browser, tmp_path: Path
) -> None:
    meeting, stranger = arrange(), rsa_key_pair(tmp_path / "stranger.pem")
    logged_before = meeting.gateway.log
    meeting.provide(meeting.with_client(jwks=stranger.public))
    page = sign_in(browser, meeting)

    assert "Signing in did not work" in page.text
    assert meeting.gateway.arrived(browser) is None
    assert "the token endpoint says invalid_client" in meeting.gateway.log.removeprefix(logged_before)


def _with(address: str, **changed: str | None) -> str:
    """The address with other parameters; None leaves one out."""
    parts = urlsplit(address)
    parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
    kept = {name: value for name, value in {**parameters, **changed}.items() if value is not None}
    return parts._replace(query=urlencode(kept)).geturl()
