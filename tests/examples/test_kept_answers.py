"""nginx with answers that are used again: they are, and by nobody but whom they were about."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
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


def decision(site: Site, browser: Browser, path: str = "api/echo", **fields: str) -> str:
    """The audit record of the question by which a request passed."""
    told = {name.lower(): value for name, value in site.echo(browser, path, **fields)["headers"]}
    return str(told["x-inkom-decision"])


def warmed_up(site: Site, browser: Browser) -> str:
    """Ask until an answer was used twice; its audit record."""
    deadline = monotonic() + SECONDS
    last = decision(site, browser)
    while (this := decision(site, browser)) != last:
        assert monotonic() < deadline, "no answer was ever used again"
        last = this
    return this


def test_a_yes_is_used_again_for_other_addresses_of_the_same_application(site: Site, browser: Browser) -> None:
    site.sign_in(browser)
    deadline = monotonic() + SECONDS
    paths = ("api/echo", "api/echo/more", "api/echo?a=%20b&c=1")
    while True:
        seen = [decision(site, browser, path) for path in paths]
        if any(one == other for one, other in pairwise(seen)):
            return
        assert monotonic() < deadline, "no answer was ever used again"


def test_a_yes_is_too_old_after_a_while(site: Site, browser: Browser) -> None:
    site.sign_in(browser)
    first = warmed_up(site, browser)
    deadline = monotonic() + SECONDS
    while decision(site, browser) == first:
        assert monotonic() < deadline, "one answer is used for ever"


@pytest.mark.parametrize("wrong", ["{}x", "x{}", "", "|", "{}|", "{}%00", "{}; inkom-localhost={}"])
def test_a_yes_is_of_no_use_to_whoever_has_not_the_same_cookie(site: Site, browser: Browser, wrong: str) -> None:
    site.sign_in(browser)
    warmed_up(site, browser)
    (cookie,) = [one for one in browser.client.cookies.jar if one.name == "inkom-localhost"]
    with Browser() as stranger:
        fields = {"accept": "application/json", "cookie": f"inkom-localhost={wrong.replace('{}', cookie.value or '')}"}
        answer = stranger.get(f"{site.origin}{APPLICATION}api/echo", **fields)
        assert answer.status_code == 401


def test_a_yes_for_one_application_is_none_for_another(site: Site, browser: Browser) -> None:
    """Each application takes only assertions that are meant for itself, and says so."""
    site.sign_in(browser)
    for _ in range(5):
        warmed_up(site, browser)
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
    warmed_up(site, browser)
    seen = [decision(site, browser, authorization="Basic Og==") for _ in range(5)]
    assert len(set(seen)) == len(seen)
