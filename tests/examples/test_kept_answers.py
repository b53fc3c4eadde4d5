"""nginx with answers that are used again: they are, and by nobody but whom they were about."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

import pytest

from tests.conformance.browser import Browser
from tests.conformance.government import Government
from tests.examples.sites import APPLICATION, Site, running_site

SECONDS = 10.0
OTHER = "/ecologiepremie-plus/"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, government: Government, redis: str) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("kept")
    government.tell("/mock/reset", {})
    with running_site("nginx-cached", folder, government=government, redis=redis) as site:
        yield site


def was_asked(site: Site, browser: Browser, path: str = "api/echo", **fields: str) -> bool:
    """Send a request that passes, and return whether the gateway was asked about it."""
    before = len(site.front.noted())
    site.echo(browser, path, **fields)
    return bool(site.front.noted_after(before))


def warm_up(site: Site, browser: Browser) -> None:
    """Send requests until one passes by an answer to an earlier one."""
    deadline = monotonic() + SECONDS
    while was_asked(site, browser):
        assert monotonic() < deadline, "no answer was ever used again"


def test_a_yes_is_used_again_for_other_addresses_of_the_same_application(site: Site, browser: Browser) -> None:
    site.sign_in(browser)
    deadline = monotonic() + SECONDS
    while all(was_asked(site, browser, path) for path in ("api/echo", "api/echo/more", "api/echo?a=%20b&c=1")):
        assert monotonic() < deadline, "no answer was ever used again"


def test_a_yes_is_too_old_after_a_while(site: Site, browser: Browser) -> None:
    site.sign_in(browser)
    warm_up(site, browser)
    deadline = monotonic() + SECONDS
    while not was_asked(site, browser):
        assert monotonic() < deadline, "one answer is used for ever"


@pytest.mark.parametrize("wrong", ["{}x", "x{}", "", "|", "{}|", "{}%00", "{}; inkom-localhost={}"])
def test_a_yes_is_of_no_use_to_whoever_has_not_the_same_cookie(site: Site, browser: Browser, wrong: str) -> None:
    site.sign_in(browser)
    warm_up(site, browser)
    (cookie,) = [one for one in browser.client.cookies.jar if one.name == "inkom-localhost"]
    with Browser() as stranger:
        fields = {"accept": "application/json", "cookie": f"inkom-localhost={wrong.replace('{}', cookie.value or '')}"}
        answer = stranger.get(f"{site.origin}{APPLICATION}api/echo", **fields)
        assert answer.status_code == 401


def test_a_yes_for_one_application_is_none_for_another(site: Site, browser: Browser) -> None:
    """Each application takes only assertions that are meant for itself, and says so."""
    site.sign_in(browser)
    for _ in range(5):
        warm_up(site, browser)
        answer = browser.get(f"{site.origin}{OTHER}api/echo")
        assert answer.status_code == 200, answer.text
        for path in ("/kmo-portefeuille/..%2fecologiepremie-plus/api/echo", "/ecologiepremie-plus/..%2f/"):
            assert browser.get(f"{site.origin}{path}").status_code == 400


def test_a_no_is_not_used_again(site: Site, browser: Browser) -> None:
    refused = browser.get(f"{site.origin}{APPLICATION}api/echo", accept="application/json")
    assert refused.status_code == 401
    site.sign_in(browser)
    site.echo(browser)


def test_each_request_with_a_token_is_asked_about(site: Site, browser: Browser) -> None:
    site.sign_in(browser)
    warm_up(site, browser)
    assert all(was_asked(site, browser, authorization="Basic Og==") for _ in range(5))
