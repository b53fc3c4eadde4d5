"""The examples for nginx, HAProxy and Caddy, as they stand in `examples/`: who gets in, and what is told."""

from __future__ import annotations

import hashlib
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import httpx2
import pytest
import redis as redis_client
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from broker.cli import main
from mock_apps.assertion import ASSERTION, CLAIM_OF
from tests.conformance.browser import Browser
from tests.conformance.government import Government
from tests.conformance.processes import free_ports
from tests.examples.proxies import STARTED_BY, Places, proxy
from tests.examples.relay import relay_to
from tests.examples.sites import APPLICATION, PEER, STRANGER, Site, running_site

HANDS_OVER = ("nginx", "nginx-cached", "haproxy")
SECONDS = 10.0
ONLY_A_PROXY_MAY_SAY = """
    forwarded proxy x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-method x-forwarded-uri
    x-forwarded-port x-forwarded-prefix x-forwarded-server x-forwarded-ssl x-forwarded-scheme x-forwarded-user
    x-original-method x-original-uri x-original-url x-original-host x-rewrite-url x-host x-scheme x-url-scheme
    front-end-https x-real-ip x-client-ip x-cluster-client-ip client-ip true-client-ip cf-connecting-ip
    fastly-client-ip x-http-method x-http-method-override x-method-override remote-user x-remote-user
    x_forwarded_for remote_user
"""
QUESTION = {
    "x-original-method": "GET",
    "x-original-uri": APPLICATION,
    "x-forwarded-method": "GET",
    "x-forwarded-uri": APPLICATION,
    "x-forwarded-proto": "http",
}


@pytest.fixture(scope="module", params=STARTED_BY)
def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, government: Government, redis: str
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp(request.param)
    with running_site(request.param, folder, government=government, redis=redis) as site:
        yield site


@pytest.fixture
def site(started: Site) -> Site:
    """The site of each product in turn, with nothing left of another test's world."""
    started.government.tell("/mock/reset", {})
    return started


def identity_in(told: dict[str, Any]) -> dict[str, str]:
    """What came under the gateway's names, however they are spelled. The application takes none that comes twice."""
    fields = {name.lower(): value for name, value in told["headers"]}
    return {name: value for name, value in fields.items() if re.match("x.inkom", name)}


def until_outside(site: Site, browser: Browser) -> None:
    """Wait until the application is closed for a browser: at once, or when a kept answer is too old."""
    deadline = monotonic() + SECONDS
    while browser.get(f"{site.origin}{APPLICATION}").status_code == 200:
        assert site.product == "nginx-cached", "the application is still open"
        assert monotonic() < deadline, "the application stays open"


def status_of(site: Site, target: str) -> int:
    """The status for a target that no client library would send."""
    with socket.create_connection(("127.0.0.1", site.front.port), timeout=SECONDS) as connection:
        host = f"localhost:{site.front.port}"
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return int(connection.makefile("rb").readline().split()[1])


def test_a_person_signs_in_and_the_application_hears_who_it_is(site: Site, browser: Browser) -> None:
    page = site.sign_in(browser)
    assert (page.status_code, str(page.url)) == (200, f"{site.origin}{APPLICATION}")
    told = site.echo(browser, "api/echo?a=%20b&c")
    # The application has verified the assertion, and that every plain header agrees with it.
    identity = identity_in(told)
    assert identity["x-inkom-role"] == "user"
    assert identity["x-inkom-organisation"] == "1999999943"
    assert identity["x-inkom-right"] == "VLAIO%20Inkom%20Gebruiker%20Nieuw"
    assert told["target"] == f"{APPLICATION}api/echo?a=%20b&c"


def test_nothing_that_a_visitor_claims_reaches_the_application(site: Site, browser: Browser) -> None:
    site.sign_in(browser, "legal-representative")
    honest = identity_in(site.echo(browser, "api/echo"))
    assert "x-inkom-right" not in honest
    assert "x-inkom-national-number" not in honest
    names = [*CLAIM_OF, ASSERTION]
    for spelled in (str, str.upper, lambda name: name.replace("-", "_")):
        claimed = {spelled(name): "spoofed" for name in names}
        told = identity_in(site.echo(browser, "api/echo", **claimed))
        assert told.keys() == honest.keys()
        assert "spoofed" not in told.values()
        changing = ("x-inkom-decision", ASSERTION)
        assert [told[name] for name in told if name not in changing] == [
            honest[name] for name in told if name not in changing
        ]


def test_no_visitor_can_have_a_field_dropped_on_the_way(site: Site, browser: Browser) -> None:
    site.sign_in(browser)
    honest = identity_in(site.echo(browser, "api/echo"))
    named = ", ".join(["close", *CLAIM_OF, ASSERTION, "x-forwarded-uri", "x-original-uri"])
    assert identity_in(site.echo(browser, "api/echo", connection=named)).keys() == honest.keys()


def test_credentials_stay_with_the_gateway_and_other_cookies_go_on(site: Site, browser: Browser) -> None:
    site.sign_in(browser)
    ours = {one.name: one.value or "" for one in browser.client.cookies.jar if one.name.startswith("inkom-")}
    assert "inkom-localhost" in ours
    both = "; ".join(["before=1", *(f"{name}={value}" for name, value in ours.items()), "after=2"])
    told = site.echo(browser, "api/echo", cookie=both, authorization="Basic Og==", dpop="x", forwarded="for=me")
    fields = {name.lower(): value for name, value in told["headers"]}
    assert re.sub(r"[;\s]+", " ", fields["cookie"]).split() == ["before=1", "after=2"]
    assert not {"authorization", "dpop", "forwarded"} & fields.keys()
    assert (fields["x-forwarded-for"], fields["x-forwarded-proto"]) == ("127.0.0.1", "http")
    only = "; ".join(f"{name}={value}" for name, value in ours.items())
    fields = {name.lower(): value for name, value in site.echo(browser, "api/echo", cookie=only)["headers"]}
    assert "inkom" not in fields.get("cookie", "")
    many = "; ".join([only, *(f"inkom-localhost-{number}=x" for number in range(6)), "own=inkom-localhost=1"])
    fields = {name.lower(): value for name, value in site.echo(browser, "api/echo", cookie=many)["headers"]}
    assert fields.get("cookie", "") in {"", "own=inkom-localhost=1"}


def test_what_only_a_proxy_may_say_is_said_by_the_proxy(site: Site, browser: Browser) -> None:
    site.sign_in(browser)
    claimed = dict.fromkeys(ONLY_A_PROXY_MAY_SAY.split(), "/spoofed")
    fields = [(name.lower(), value) for name, value in site.echo(browser, "api/echo", **claimed)["headers"]]
    assert "/spoofed" not in [value for _, value in fields]
    said = {
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": f"localhost:{site.front.port}",
    }
    assert sorted(field for field in fields if "forwarded" in field[0]) == sorted(said.items())


def test_what_a_person_may_see_is_kept_nowhere(site: Site, browser: Browser) -> None:
    site.sign_in(browser)
    answer = browser.get(f"{site.origin}{APPLICATION}api/echo")
    assert answer.headers.get_list("cache-control") == ["no-store"]


@pytest.mark.parametrize("value", ["%%%", "", "=", ";", "x" * 43, "inkom-localhost", '"x"'])
def test_a_cookie_that_is_no_session_opens_nothing(site: Site, browser: Browser, value: str) -> None:
    fields = {"accept": "application/json", "cookie": f"inkom-localhost={value}"}
    assert browser.get(f"{site.origin}{APPLICATION}api/echo", **fields).status_code == 401


def test_a_person_without_a_valid_right_is_told_why(site: Site, browser: Browser) -> None:
    page = site.sign_in(browser, "expired-right")
    assert page.status_code == 403
    assert "text/html" in page.headers["content-type"]
    assert "expired" in page.text
    script = browser.get(f"{site.origin}{APPLICATION}api/echo", accept="application/json")
    assert (script.status_code, script.json()["cause"]) == (403, "right-expired")
    assert site.front.last_decision()["reason"] != "inkom-user"


def test_a_script_without_a_session_gets_401_and_where_to_sign_in(site: Site, browser: Browser) -> None:
    answer = browser.get(f"{site.origin}{APPLICATION}api/echo", accept="application/json")
    assert answer.status_code == 401
    assert answer.json()["login_url"] == "/_inkom/login?return_to=%2Fkmo-portefeuille%2Fapi%2Fecho"


def test_a_logout_ends_it(site: Site, browser: Browser) -> None:
    site.sign_in(browser)
    site.echo(browser, "api/echo")
    site.front.sign_out(browser)
    until_outside(site, browser)
    answer = browser.get(f"{site.origin}{APPLICATION}")
    assert answer.is_redirect
    assert "/_inkom/login?" in answer.headers["location"]


def test_a_logout_at_the_provider_ends_it(site: Site, browser: Browser) -> None:
    site.sign_in(browser)
    site.echo(browser, "api/echo")
    browser.get(f"{site.government.issuer}/v1/logout")
    until_outside(site, browser)


def test_only_the_proxy_may_ask(site: Site, browser: Browser) -> None:
    site.sign_in(browser)
    spelling = ("x-forwarded",) if site.product == "caddy" else ("x-original",)
    fields = {name: value for name, value in QUESTION.items() if name.startswith(spelling)}
    if site.product == "caddy":
        fields["x-forwarded-host"] = f"localhost:{site.front.port}"
    asked = site.ask_directly(browser, "/_inkom/auth", address=PEER, **fields)
    assert asked.status_code == 200, asked.text
    assert asked.headers["x-inkom-role"] == "user"
    refused = site.ask_directly(browser, "/_inkom/auth", address=STRANGER, **fields)
    nothing = site.ask_directly(browser, "/_inkom/nothing-at-all", address=STRANGER)
    assert (refused.status_code, refused.content) == (404, nothing.content)


def test_no_visitor_can_ask_through_the_proxy(site: Site, browser: Browser) -> None:
    site.sign_in(browser)
    for place in (
        "auth",
        "auth/",
        "auth/kmo-portefeuille/",
        "auth?x",
        "%61uth",
        "auth%2F",
        "Auth",
        "./auth",
        "x/../auth",
    ):
        answer = browser.get(f"{site.origin}/_inkom/{place}", **QUESTION)
        assert answer.status_code in {400, 404}, place
        assert not [name for name in answer.headers if name.startswith("x-inkom-")], place


def test_the_doctor_finds_the_way_to_questions_closed(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--json", "--config", str(site.front.folder / "inkom.yaml")])
    parts = {one["part"]: one for one in json.loads(capsys.readouterr().out)["parts"]}
    assert parts["visitors"] == {
        "part": "visitors",
        "works": True,
        "finding": f"visitors find nothing at {site.origin}/_inkom/auth",
        "remedy": "",
    }


def test_an_address_with_two_meanings_reaches_no_application(site: Site) -> None:
    for target in (
        "/kmo-portefeuille/../ecologiepremie-plus/",
        "/kmo-portefeuille/%2e%2e/ecologiepremie-plus/",
        "/kmo-portefeuille//api/echo",
        "/kmo-portefeuille/a%2fb",
        "/kmo-portefeuille/a;b",
        "/kmo-portefeuille/a%zz",
        "/kmo-portefeuille/%00",
        "/x/../kmo-portefeuille/",
    ):
        assert status_of(site, target) == 400, target


def test_a_kept_answer_opens_no_address_with_two_meanings(site: Site, browser: Browser) -> None:
    """The same with a session whose permission was just given, for each product."""
    site.sign_in(browser)
    for target in ("..%2fecologiepremie-plus/", "a%2fb", "a;b", "a//b", "%00", "%2e%2e/ecologiepremie-plus/"):
        site.echo(browser, "api/echo")
        answer = browser.get(f"{site.origin}{APPLICATION}{target}")
        assert answer.status_code == 400, target


def test_a_body_reaches_the_application_whole(site: Site, browser: Browser) -> None:
    site.sign_in(browser)
    body = bytes(range(256)) * 4096
    answer = browser.client.post(f"{site.origin}{APPLICATION}api/echo", content=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["method"] == "POST"
    whole = {"length": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    assert answer.json()["body"] == whole
    pieces = (body[at : at + 5000] for at in range(0, len(body), 5000))
    chunked = browser.client.put(f"{site.origin}{APPLICATION}api/echo", content=pieces)
    assert (chunked.status_code, chunked.json()["method"]) == (200, "PUT")
    assert chunked.json()["body"] == whole


def test_every_method_is_judged_as_what_it_is(site: Site, browser: Browser) -> None:
    site.sign_in(browser)
    for method in ("HEAD", "DELETE", "OPTIONS", "PATCH"):
        before, noted = site.relay.carried, len(site.front.noted())
        answer = browser.client.request(method, f"{site.origin}{APPLICATION}api/echo")
        assert answer.status_code == 200, method
        assert site.front.noted_after(noted, seconds=5)[-1]["method"] == method
        assert site.relay.carried > before
        assert browser.client.request(method, f"{site.origin}{APPLICATION}", headers={"cookie": ""}).status_code in {
            303,
            401,
        }


def test_a_form_that_comes_too_late_is_kept_where_the_gateway_sees_it(site: Site, browser: Browser, redis: str) -> None:
    site.sign_in(browser)
    with redis_client.Redis.from_url(redis) as store:
        for key in store.scan_iter("inkom:session:*"):
            store.delete(key)
    until_outside(site, browser)
    late = browser.post(f"{site.origin}{APPLICATION}api/echo?stap=2", {"bedrag": "100"})
    assert late.status_code == 401
    if site.product not in HANDS_OVER:
        assert "What you sent has not been received." in late.text
        return
    onward = late.text.partition("return_to=")[2].partition('"')[0]
    login = f"{site.origin}/_inkom/login?return_to={onward}"
    asked = browser.open(login, mock_person="employee", mock_method="itsme")
    assert "Do you still want to send this?" in asked.text
    answer = browser.press(asked)
    assert answer.status_code == 200, answer.text
    assert answer.json()["target"] == f"{APPLICATION}api/echo?stap=2"
    assert answer.json()["body"] == {"length": 10, "sha256": hashlib.sha256(b"bedrag=100").hexdigest()}


def test_a_websocket_works_and_ends_with_the_session(site: Site, browser: Browser) -> None:
    site.sign_in(browser)
    cookies = "; ".join(f"{one.name}={one.value}" for one in browser.client.cookies.jar)
    address = f"{site.origin.replace('http', 'ws')}{APPLICATION}socket"
    # A browser sends both by itself.
    fields = {"cookie": cookies, "origin": site.origin}
    with connect(address, additional_headers=fields, proxy=None) as socket_of_browser:
        assert '"role"' in str(socket_of_browser.recv(timeout=SECONDS))
        socket_of_browser.send("hello")
        assert socket_of_browser.recv(timeout=SECONDS) == "hello"
        site.front.sign_out(browser)
        with pytest.raises(ConnectionClosed):
            socket_of_browser.recv(timeout=SECONDS)


def test_two_people_at_once_never_get_each_other_s_identity(site: Site) -> None:
    with Browser() as one, Browser() as other:
        site.sign_in(one, "employee")
        site.sign_in(other, "legal-representative")
        for _ in range(10):
            assert identity_in(site.echo(one, "api/echo"))["x-inkom-role"] == "user"
            assert identity_in(site.echo(other, "api/echo"))["x-inkom-role"] == "legal-representative"
        nobody = httpx2.get(f"{site.origin}{APPLICATION}api/echo", trust_env=False)
        assert nobody.status_code == 401


@pytest.mark.parametrize("product", STARTED_BY)
def test_nobody_passes_while_the_gateway_is_away(product: str, tmp_path: Path) -> None:
    visitors, nobody = free_ports(2)
    with (
        relay_to(nobody) as relay,
        proxy(
            product,
            tmp_path,
            Places(visitors=visitors, gateway=nobody, application=relay.port, other_application=relay.port),
        ),
    ):
        for fields in ({}, {"cookie": "inkom-localhost=x", "x-inkom-person": "me", "x-inkom-assertion": "x"}):
            # HAProxy tries several times to connect, with a second between.
            answer = httpx2.get(
                f"http://localhost:{visitors}{APPLICATION}", headers=fields, trust_env=False, timeout=3 * SECONDS
            )
            assert answer.status_code in {500, 502, 503, 504}
        assert relay.carried == 0
