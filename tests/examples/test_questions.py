"""Questions in the shape of Traefik and Envoy, in bytes, at a running gateway.

Neither is a Debian package, so neither runs here. What they send, and what they do with an answer, is taken from their
documentation and their source; with what their examples in `examples/` say it is applied to the gateway's real answers.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

import pytest
import yaml

from tests.conformance.browser import Browser
from tests.conformance.gateway import CLIENT_ID, Gateway, new_gateway, running_gateway
from tests.conformance.government import Government
from tests.examples.proxies import EXAMPLES
from tests.examples.sites import APPLICATION, SCOPES, SECRET

TRAEFIK, ENVOY = "127.0.0.2", "127.0.0.3"  # addresses of this machine, one for each product
INNER_HOST = "inkom-gateway:8000"
SECONDS = 10.0
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
SPOOFED = {"X-Inkom-Person": "me", "X-Inkom-National-Number": "1", "X_inkom_role": "all", "X-Inkom-Right": "all"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer. Names of fields in lower case."""

    status: int
    fields: dict[str, str]
    body: str

    @property
    def identity(self) -> dict[str, str]:
        return {name: value for name, value in self.fields.items() if name.startswith("x-inkom-")}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, government: Government, redis: str) -> Iterator[Gateway]:
    new = new_gateway(tmp_path_factory.mktemp("asked"))
    government.tell("/mock/reset", {})
    government.tell(
        "/mock/clients", new.registration(client_secret=SECRET, scopes=SCOPES, organisation_choice="gateway")
    )
    acm = {
        "issuer": government.issuer,
        "client_id": CLIENT_ID,
        "client_authentication": "client_secret_basic",
        "client_secret": SECRET,
        "scopes": SCOPES,
    }
    more = {"forward_auth": {"traefik": [TRAEFIK], "envoy": [ENVOY], "host": INNER_HOST}}
    with running_gateway(new, acm=acm, government=government, redis=redis, more=more) as running:
        yield running


@pytest.fixture
def cookie(gateway: Gateway, browser: Browser) -> str:
    """What the browser of somebody sends who is signed in."""
    page = browser.open(gateway.application, mock_person="legal-representative", mock_method="itsme")
    assert page.status_code == 200, page.text
    return "; ".join(f"{one.name}={one.value}" for one in browser.client.cookies.jar if one.name == "inkom-localhost")


def sent(gateway: Gateway, address: str, line: str, fields: Mapping[str, str]) -> Answer:
    """Send a head from an address of this machine, and read the answer."""
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    with socket.create_connection(("127.0.0.1", gateway.port), SECONDS, source_address=(address, 0)) as connection:
        connection.sendall(f"{line}\r\n{head}\r\n".encode())
        response = HTTPResponse(connection, method=line.partition(" ")[0])
        response.begin()
        fields_of_answer = {name.lower(): value for name, value in response.getheaders()}
        return Answer(status=response.status, fields=fields_of_answer, body=response.read().decode())


def by_traefik(gateway: Gateway, visitor: Mapping[str, str], *, method: str = "GET", uri: str = APPLICATION) -> Answer:
    """A GET at the configured address with that address's Host, the visitor's fields, and Traefik's own five."""
    own = {
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-Host": f"localhost:{gateway.port}",
        "X-Forwarded-Method": method,
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Uri": uri,
    }
    fields = {"Host": INNER_HOST, "User-Agent": "browser", **visitor, **own, "Accept-Encoding": "gzip"}
    return sent(gateway, TRAEFIK, "GET /_inkom/auth HTTP/1.1", fields)


def by_envoy(gateway: Gateway, visitor: Mapping[str, str], *, method: str = "GET", uri: str = APPLICATION) -> Answer:
    """The held request's method and path behind the prefix, its Host, length 0, and of its fields those on the list."""
    allowed = {one["exact"] for one in envoy_filter("ext_authz")["allowed_headers"]["patterns"]} | {"authorization"}
    listed = {name.lower(): value for name, value in visitor.items() if name.lower() in allowed}
    host = {"host": f"localhost:{gateway.port}"}
    own = {"content-length": "0", "x-envoy-internal": "true", "x-forwarded-for": "127.0.0.3"}
    return sent(gateway, ENVOY, f"{method} /_inkom/auth{uri} HTTP/1.1", {**host, **listed, **own})


def envoy_filter(name: str) -> dict[str, Any]:
    listener = yaml.safe_load((EXAMPLES / "envoy" / "envoy.yaml").read_text())["static_resources"]["listeners"][0]
    filters = listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    (found,) = [one["typed_config"] for one in filters if one["name"] == f"envoy.filters.http.{name}"]
    assert isinstance(found, dict)
    return found


def traefik() -> dict[str, Any]:
    read = yaml.safe_load((EXAMPLES / "traefik" / "dynamic.yaml").read_text())["http"]
    assert isinstance(read, dict)
    return read


ASKS = {"traefik": by_traefik, "envoy": by_envoy}


@pytest.mark.parametrize("product", ASKS)
def test_a_person_may_pass_and_the_answer_is_who_it_is(gateway: Gateway, cookie: str, product: str) -> None:
    before = len(gateway.noted())
    answer = ASKS[product](gateway, {"Cookie": cookie, "Accept": "*/*"}, method="PUT", uri=f"{APPLICATION}a?b=%20c")
    assert (answer.status, answer.body) == (200, "")
    assert answer.fields.keys() - answer.identity.keys() == {"date", "cache-control", "content-length"}
    assert answer.identity["x-inkom-role"] == "legal-representative"
    assert gateway.noted_after(before, seconds=5)[-1]["method"] == "PUT"


def test_after_traefiks_rule_nothing_of_the_visitor_is_left(gateway: Gateway, cookie: str) -> None:
    rule = re.compile(traefik()["middlewares"]["inkom-ask"]["forwardAuth"]["authResponseHeadersRegex"])
    visitor = {"Cookie": cookie, "Accept": "*/*", **SPOOFED}
    answer = by_traefik(gateway, visitor)
    # Traefik: all request fields that match are deleted, then those of the answer that match are set.
    passed = {name: value for name, value in visitor.items() if not rule.search(name)}
    passed |= {name: value for name, value in answer.fields.items() if rule.search(name)}
    assert {name for name in passed if re.match("(?i)x.inkom", name)} == answer.identity.keys()


def test_after_envoys_filters_nothing_of_the_visitor_is_left(gateway: Gateway, cookie: str) -> None:
    removed = {one["remove"] for one in envoy_filter("header_mutation")["mutations"]["request_mutations"]}
    rules = envoy_filter("ext_authz")["http_service"]["authorization_response"]["allowed_upstream_headers"]["patterns"]
    # A name with an underscore never gets as far: such requests are rejected.
    visitor = {name.lower(): value for name, value in SPOOFED.items() if "_" not in name} | {"cookie": cookie}
    kept = {name: value for name, value in visitor.items() if name not in removed}
    answer = by_envoy(gateway, kept)
    assert answer.status == 200
    copied = {name: value for name, value in answer.fields.items() if name.startswith(rules[0]["prefix"])}
    passed = {**kept, **copied}
    assert {name: value for name, value in passed.items() if name.startswith("x-inkom-")} == answer.identity


@pytest.mark.parametrize("product", ASKS)
def test_a_browser_without_a_session_is_sent_to_our_public_address(gateway: Gateway, product: str) -> None:
    answer = ASKS[product](gateway, PAGE)
    assert answer.status == 303
    assert answer.fields["location"] == f"{gateway.origin}/_inkom/login?return_to=%2Fkmo-portefeuille%2F"


@pytest.mark.parametrize("product", ASKS)
def test_a_script_without_a_session_gets_401(gateway: Gateway, product: str) -> None:
    answer = ASKS[product](gateway, {"Accept": "application/json"}, method="POST")
    assert (answer.status, answer.fields["content-type"]) == (401, "application/problem+json")
    assert "not-signed-in" in answer.body


@pytest.mark.parametrize("product", ASKS)
@pytest.mark.parametrize(
    "uri",
    ["/kmo-portefeuille/../_inkom/profile", "/../kmo-portefeuille/", "/kmo-portefeuille/%2e%2e/", "//x/", "/a%2fb/"],
)
def test_an_address_with_two_meanings_is_refused(gateway: Gateway, cookie: str, product: str, uri: str) -> None:
    answer = ASKS[product](gateway, {"Cookie": cookie, "Accept": "*/*"}, uri=uri)
    assert answer.status == 400
    assert answer.identity == {}


def test_a_field_of_traefiks_that_comes_twice_is_refused(gateway: Gateway, cookie: str) -> None:
    fields = {"Cookie": cookie, "x-forwarded-uri": "/ecologiepremie-plus/", "Accept": "*/*"}
    assert by_traefik(gateway, fields).status == 400


def test_each_product_is_believed_at_its_own_address_only(gateway: Gateway, cookie: str) -> None:
    fields = {"Host": f"localhost:{gateway.port}", "Cookie": cookie, "Accept": "*/*"}
    question = f"GET /_inkom/auth{APPLICATION} HTTP/1.1"
    assert sent(gateway, ENVOY, question, fields).status == 200
    assert sent(gateway, TRAEFIK, question, fields).status == 400
    assert sent(gateway, "127.0.0.1", question, fields).status == 404


def test_the_inner_host_is_for_questions_about_our_public_host(gateway: Gateway, cookie: str) -> None:
    # Of Envoy's the Host is that of the held request: the inner one is nobody's public address.
    fields = {"Host": INNER_HOST, "Cookie": cookie, "Accept": "*/*"}
    assert sent(gateway, ENVOY, f"GET /_inkom/auth{APPLICATION} HTTP/1.1", fields).status == 421
    fields["Host"] = "elsewhere.example"
    assert sent(gateway, ENVOY, f"GET /_inkom/auth{APPLICATION} HTTP/1.1", fields).status == 421
