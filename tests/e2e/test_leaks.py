"""No national number, and no secret, in anything that a run leaves behind or shows.

These tests run after all others that share the chain, so that the logs and the Redis they search hold the whole run;
and they walk the whole cast once more themselves, so that they do not depend on it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from tests.e2e.chain import APPLICATIONS, Chain, Visitor
from tests.e2e.leaks import (
    Cast,
    Searcher,
    command_lines,
    dump_of,
    logs_in,
    number_forms,
    redis_of,
    seen_in,
    spellings,
)
from tests.e2e.second_gateway import recording_backend, second_gateway

# The walk through everything takes half a minute, and more on a busy machine.
pytestmark = pytest.mark.timeout(400)
STAGES = frozenset({"callback", "id_token", "token", "userinfo", "idm", "kbo"})
# These take seconds or megabytes each, and end like their neighbours.
TOO_LONG = ("-slow", "-huge", "-bomb")
# A provider that changes its keys twice within a minute is not believed until they may be fetched again.
CHANGES_KEYS = ("-key-rotated", "-key-replaced", "-several-keys")
GARBAGE = ("x", "a.b.c", "%00%0a", "é", '"; Path=/', "A" * 3000)
SECRET_IN_ADDRESS = re.compile(rb"(?:code|state|nonce|code_verifier|token|id_token_hint|secret)=[A-Za-z0-9._~%-]{12,}")
SIGNED_TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")


@dataclass(slots=True)
class Tour:
    """What everybody saw on a walk through everything, and the secrets that were used on the way."""

    chain: Chain
    answers: list[httpx2.Response] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)

    def remember(self, visitor: Visitor) -> None:
        """Keep what a visitor saw, and the secret values of their cookies and addresses."""
        self.answers += visitor.answers
        self.secrets.update(cookie.value for cookie in visitor.client.cookies.jar if cookie.value)
        for answer in visitor.answers:
            for name in ("state", "nonce", "code", "code_challenge"):
                self.secrets.update(value for value in answer.url.params.get_list(name) if len(value) > 12)
            if token := re.search(r'name="form_token" value="([^"]+)"', answer.text):
                self.secrets.add(token[1])

    def seen(self) -> bytes:
        """What the gateway showed, the backends' pages behind it included."""
        return seen_in(self.answers, self.chain.gateway)

    def shown_by_government(self) -> bytes:
        """What the mock's own pages showed."""
        return seen_in(self.answers, self.chain.mock)


@pytest.fixture(scope="module")
def tour(running: Chain) -> Tour:
    running.tell_mock("/mock/reset")
    tour = Tour(running)
    walk_the_cast(running, tour)
    walk_the_faults(running, tour)
    walk_with_garbage(running, tour)
    walk_acms_pages(running, tour)
    running.tell_mock("/mock/reset")
    return tour


def walk_the_cast(chain: Chain, tour: Tour) -> None:
    """Everybody signs in and opens everything; every third one signs out, so that sessions remain too."""
    for place, person in enumerate(chain.people()):
        with chain.visitor() as visitor:
            visitor.get("/")
            visitor.get("/kmo-portefeuille/", headers={"accept": "application/json"})
            page = visitor.open(person["key"])
            if 'name="organisation"' in page.text:
                visitor.choose(person["acts_for"]["number"])
            for application in APPLICATIONS:
                visitor.follow(visitor.get(f"/{application}/"))
                visitor.get(f"/{application}/", headers={"accept": "application/json"})
                visitor.get(f"/{application}/api/headers")
                visitor.get(f"/{application}/api/echo?a=b")
            for path in ("profile", "me", "organisation", "organisation?q=b", "jwks.json", "health/ready", "nowhere"):
                visitor.get(f"/_inkom/{path}")
            if place % 3 == 0:
                visitor.follow(visitor.post("/_inkom/logout", form_token=visitor.form_token()))
            tour.remember(visitor)


def walk_the_faults(chain: Chain, tour: Tour) -> None:
    """The government errs in every way while somebody signs in."""
    faults = httpx2.get(f"{chain.mock}/mock/faults", trust_env=False).json()["faults"]
    for fault in faults:
        if fault["stage"] in STAGES and not fault["fault"].endswith(TOO_LONG + CHANGES_KEYS):
            chain.tell_mock("/mock/fault", fault=fault["fault"])
            with chain.visitor() as visitor:
                visitor.open("employee")
                tour.remember(visitor)
            chain.tell_mock("/mock/reset")


def walk_with_garbage(chain: Chain, tour: Tour) -> None:
    """Forged cookies, callbacks that were tampered with, forms of strangers."""
    with chain.visitor() as visitor:
        visitor.open("employee")
        good = {cookie.name: cookie.value or "" for cookie in visitor.client.cookies.jar}
        tour.remember(visitor)
    for name, value in good.items():
        for garbage in (*GARBAGE, value[:-2], value + "A", value[::-1]):
            with chain.visitor() as visitor:
                cookie = f"{name}={garbage}".encode("latin-1")
                for path in ("/kmo-portefeuille/", "/_inkom/profile", "/_inkom/callback?code=c&state=s"):
                    visitor.get(path, headers={"cookie": cookie})
                tour.remember(visitor)
    with chain.visitor() as visitor:
        callback = visitor.get(visitor.get("/kmo-portefeuille/").headers["location"])
        state = callback.headers["location"].partition("state=")[2].partition("&")[0]
        for query in (f"state={state}&code=forged-code-000000", f"state={state}", f"code=a&state={state[::-1]}", ""):
            visitor.get(f"/_inkom/callback?{query}")
        visitor.post("/_inkom/logout", form_token="forged")
        visitor.post("/_inkom/organisation", organisation="1999999943", form_token="forged")
        tour.secrets.add(state)
        tour.remember(visitor)


def walk_acms_pages(chain: Chain, tour: Tour) -> None:
    """The mock's own pages, on which people choose a test card or a phone."""
    with chain.visitor() as visitor:
        start = visitor.follow(visitor.get("/kmo-portefeuille/"))
        for method in ("eid", "itsme", "app", "sms", "federal-token"):
            visitor.get(f"{start.url}/{method}")
            visitor.get(f"{start.url}/{method}?card=employee")
        for path in ("/", "/mock/people", "/mock/faults", "/phone", "/phone/employee", "/wallet/employee"):
            visitor.get(f"{chain.mock}{path}")
        tour.remember(visitor)


@pytest.fixture(scope="module")
def cast() -> Cast:
    cast = Cast.of_world()
    assert len(cast.numbers) > 20
    return cast


@pytest.fixture(scope="module")
def numbers(cast: Cast) -> Searcher:
    return Searcher(numbers=cast.numbers)


# --------------------------------------------------------------------------------------------------- the searcher works
@pytest.mark.parametrize("form", number_forms("82672100108"))
def test_a_planted_number_is_found_however_it_was_written(numbers: Searcher, form: str) -> None:
    for spelling in spellings(form):
        assert numbers.find(b'{"x": "' + spelling + b'"}'), spelling
    percent = "".join(f"%{octet:02X}" for octet in form.encode())
    entities = "".join(f"&#{octet};" for octet in form.encode())
    assert numbers.find(percent.encode())
    assert numbers.find(entities.encode())
    assert numbers.find(form.replace("-", "%2D").encode())


def test_numbers_of_nobody_are_not_found(numbers: Searcher) -> None:
    assert numbers.find(b'{"id": 82672100109, "at": "2026-11-24T06:46:01.215955+00:00", "number": "1999999943"}') == ()


def test_a_number_planted_in_redis_and_in_a_log_is_found(
    chain: Chain, numbers: Searcher, cast: Cast, tmp_path: Path
) -> None:
    with redis_of(chain) as connection:
        connection.hset("inkom:canary", "field", f"{'a' * 500}{cast.numbers[3]}{'a' * 500}")
        found = {key for key, value in dump_of(chain).items() if numbers.find(key + b"\n" + value)}
        connection.delete("inkom:canary")
    assert found == {b"inkom:canary"}
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "gateway.log").write_text(f'{{"event": "hello {number_forms(cast.numbers[4])[1]}"}}\n')
    (tmp_path / "audit.jsonl").write_text("{}\n")
    assert {name for name, content in logs_in(tmp_path).items() if numbers.find(content)} == {"gateway.log"}


# ------------------------------------------------------------------------------------------------------- nothing leaks
def test_redis_holds_no_national_number_and_no_name_of_a_person(tour: Tour, cast: Cast) -> None:
    dump = dump_of(tour.chain)
    assert len(dump) > 20
    everything = b"\n".join(key + b"\n" + value for key, value in dump.items())
    assert Searcher(numbers=cast.numbers, texts=cast.names).find(everything) == ()


def test_redis_holds_no_cookie_and_no_state_in_clear(tour: Tour) -> None:
    everything = b"\n".join(key + b"\n" + value for key, value in dump_of(tour.chain).items())
    secrets = [part for secret in tour.secrets for part in secret.split(".") if len(part) > 20]
    assert Searcher(texts=secrets).find(everything) == ()
    assert SIGNED_TOKEN.findall(everything) == []


def test_no_log_holds_a_national_number_or_a_name(tour: Tour, cast: Cast) -> None:
    logs = logs_in(tour.chain.directory)
    assert b"signed-in" in logs["audit.jsonl"]
    assert b"sign-in refused" in logs["gateway.log"]
    searcher = Searcher(numbers=cast.numbers, texts=cast.names)
    assert {name: found for name, content in logs.items() if (found := searcher.find(content))} == {}


def test_no_log_holds_a_token_a_code_a_cookie_a_state_or_a_secret(tour: Tour) -> None:
    keys = tour.chain.directory / "keys"
    kept = {line for file in keys.iterdir() for line in file.read_text().split() if len(line) > 24}
    assert len(tour.secrets) > 100
    searcher = Searcher(texts=[*kept, *tour.secrets])
    for name, content in logs_in(tour.chain.directory).items():
        assert searcher.find(content) == (), name
        assert SECRET_IN_ADDRESS.findall(content) == [], name
        assert SIGNED_TOKEN.findall(content) == [], name


def test_nothing_that_the_gateway_or_a_backend_shows_holds_a_national_number(tour: Tour, numbers: Searcher) -> None:
    seen = tour.seen()
    assert b"x-inkom-assertion" in seen
    assert b"X-Inkom-National-Number" not in seen
    assert numbers.find(seen) == ()


def test_no_page_of_the_mock_government_shows_a_national_number(tour: Tour, numbers: Searcher) -> None:
    shown = tour.shown_by_government()
    assert b"Arne Testers" in shown
    assert numbers.find(shown) == ()


def test_no_command_line_holds_a_number_or_a_secret(tour: Tour, cast: Cast) -> None:
    lines = command_lines(tour.chain)
    for program in (b"redis-server", b"mock_idp", b"mock_apps", b"serve"):
        assert program in lines
    keys = tour.chain.directory / "keys"
    kept = [line for file in keys.iterdir() for line in file.read_text().split() if len(line) > 24]
    assert Searcher(numbers=cast.numbers, texts=kept).find(lines) == ()


def test_a_number_that_a_visitor_puts_in_an_address_does_not_get_into_a_log(
    chain: Chain, cast: Cast, numbers: Searcher
) -> None:
    with chain.visitor() as visitor:
        visitor.open("employee")
        for form in number_forms(cast.numbers[0]):
            address = f"/kmo-portefeuille/api/echo/dossier/{form.replace(' ', '%20')}"
            assert visitor.get(f"{address}?insz={form}").status_code == 200
            visitor.get(f"/{form}")
            visitor.get(f"/_inkom/{form}?insz={form}")
    assert {name: found for name, content in logs_in(chain.directory).items() if (found := numbers.find(content))} == {}


def test_only_the_backend_that_is_configured_for_it_receives_the_national_number(
    chain: Chain, cast: Cast, numbers: Searcher, tmp_path: Path
) -> None:
    name = "INKOM_APPLICATIONS_KMO_PORTEFEUILLE"
    with recording_backend() as asking, recording_backend() as other, chain.visitor() as visitor:
        environment = {
            f"{name}_UPSTREAM": asking.address,
            f"{name}_NATIONAL_NUMBER_PURPOSE": "to pay the support out",
            f"{name}_NATIONAL_NUMBER_LEGAL_BASIS": "Decree of 16 March 2012",
            "INKOM_APPLICATIONS_ECOLOGIEPREMIE_PLUS_UPSTREAM": other.address,
        }
        assert visitor.open("employee").status_code == 200
        with second_gateway(chain, log=tmp_path / "gateway.log", environment=environment) as address:
            for application in ("kmo-portefeuille", "ecologiepremie-plus"):
                assert visitor.get(f"{address}/{application}/").status_code == 200
    told = [value for request in asking.received for header, value in request if header == "x-inkom-national-number"]
    assert told == ["90651800257"]
    assert [len(asking.received), len(other.received)] == [1, 1]
    assert numbers.find(repr(other.received).encode()) == ()
    for file in (tmp_path / "gateway.log", tmp_path / "gateway.audit.jsonl"):
        assert numbers.find(file.read_bytes()) == ()
