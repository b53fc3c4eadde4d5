"""Shared Signals, statement by statement: the mock transmits, a gateway hears by push and by poll (C40 to C57)."""

from __future__ import annotations

import io
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import httpx2
import pytest

from broker.cli import main
from tests.conformance.browser import Browser
from tests.conformance.gateway import CLIENT_ID, Gateway, new_gateway, running_gateway
from tests.conformance.government import Government
from tests.conformance.pair import SCOPES, SECRET, registration

Record = Callable[[str, object], None]
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
SSF = "https://schemas.openid.net/secevent/ssf/event-type/"
PUSH_TOKEN, ACCESS_TOKEN, COLLECTOR_TOKEN = "shown-by-the-mock", "shown-by-the-gateway", "shown-by-the-tests"
PATIENCE = 10.0
POLICY = """\
policy: careful
title: {nl: Alleen met itsme of eID, en: With itsme or eID only}
source: a test
applications: [kmo-portefeuille, ecologiepremie-plus, coronamaatregelen]
require:
  - id: certain-sign-in
    assurance: high
allow:
  - id: inkom-user
    right: {name: VLAIO Inkom Gebruiker Nieuw, predecessors: [], profile: [Gebruiker]}
tests:
  - name: A code by SMS is not enough
    given: {method: sms, organisation: "1999.999.943"}
    expect: {allowed: false, reason: certain-sign-in}
  - name: itsme is
    date: 2026-06-01
    given:
      method: itsme
      organisation: "1999.999.943"
      working_relation: {from: 2026-01-01, until: 2026-12-31}
      rights:
        - name: VLAIO Inkom Gebruiker Nieuw
          profile: Gebruiker
          organisation: "1999.999.943"
          from: 2026-01-01
          until: 2026-12-31
    expect: {allowed: true, reason: inkom-user}
"""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A command that ended."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(kw_only=True)
class Exchange:
    """The mock, a gateway with a stream of its own by poll (paused), and the tests' own stream, which collects."""

    government: Government
    gateway: Gateway
    streams: dict[str, str] = field(default_factory=dict)
    client: httpx2.Client = field(default_factory=lambda: httpx2.Client(trust_env=False, timeout=30))

    def tell_mock(self, **content: object) -> list[dict[str, Any]]:
        """Have the mock announce something; returns all that it sent."""
        answer = self.client.post(f"{self.government.origin}/mock/signals", json=content)
        assert answer.status_code == 200, answer.text
        signals: list[dict[str, Any]] = answer.json()["signals"]
        return signals

    def manage(self, method: str, path: str, token: str, **body: object) -> httpx2.Response:
        address = f"{self.government.issuer}/ssf/v1/{path}"
        headers = {"authorization": f"Bearer {token}"}
        return self.client.request(method, address, headers=headers, json=body or None)

    def event(self, person: str = "employee", **more: object) -> str:
        """Have the mock announce something, and take the token in the gateway's stead."""
        self.tell_mock(person=person, **more)
        return self.collected()

    def collected(self) -> str:
        """The last token of the tests' own stream."""
        path = f"poll/{self.streams[COLLECTOR_TOKEN]}"
        sets = self.manage("POST", path, COLLECTOR_TOKEN, returnImmediately=True).json()["sets"]
        self.manage("POST", path, COLLECTOR_TOKEN, returnImmediately=True, maxEvents=0, ack=list(sets))
        *_, token = sets.values()
        return str(token)

    def push(self, token: str, **headers: str) -> httpx2.Response:
        """Send a token to the gateway as its transmitter would."""
        proper = {"content-type": "application/secevent+jwt", "authorization": f"Bearer {PUSH_TOKEN}"}
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        address = f"{self.gateway.origin}/_inkom/signals"
        return self.client.post(address, content=token, headers={**proper, **changed})

    def passes_on(self, **more: object) -> None:
        """Announce something, and have the gateway take it."""
        assert self.push(self.event(**more)).status_code == 202  # type: ignore[arg-type]  # `person` is a text

    def counted(self, result: str) -> int:
        """How many events the gateway counted so."""
        figures = self.client.get(f"http://127.0.0.1:{self.gateway.operators}/metrics").text
        start = f'inkom_signals_total{{result="{result}"}} '
        return sum(int(float(line.removeprefix(start))) for line in figures.splitlines() if line.startswith(start))

    def signed_in(self, browser: Browser, person: str = "employee") -> None:
        browser.open(self.gateway.application, mock_person=person, mock_method="itsme")
        assert self.inside(browser)

    def inside(self, browser: Browser) -> bool:
        return self.gateway.arrived(browser) is not None

    def command(self, *words: str) -> Ran:
        """`inkom signals …` of the same configuration, in this process: starting another one takes a second."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["signals", *words, "--config", str(self.gateway.folder / "inkom.yaml")])
        return Ran(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())


@pytest.fixture(scope="module")
def exchange(
    tmp_path_factory: pytest.TempPathFactory, started_government: Government, redis: str
) -> Iterator[Exchange]:
    gateway = new_gateway(tmp_path_factory.mktemp("gateway"))
    policies = gateway.folder / "careful"
    policies.mkdir()
    (policies / "careful.yaml").write_text(POLICY)
    made = Exchange(government=started_government, gateway=gateway)
    client = {**registration(gateway, gateway), "signals_audience": gateway.origin}
    started_government.tell("/mock/clients", {**client, "signals_access_token": ACCESS_TOKEN})
    collector = {"client_id": "collector", "redirect_uris": [], "client_secret": SECRET}
    collector |= {"signals_audience": gateway.origin, "signals_access_token": COLLECTOR_TOKEN}
    started_government.tell("/mock/clients", collector)
    for token in (ACCESS_TOKEN, COLLECTOR_TOKEN):
        stream = made.manage("POST", "stream", token, description="of a test").json()
        made.streams[token] = stream["stream_id"]
    ours = made.streams[ACCESS_TOKEN]
    made.manage("POST", "status", ACCESS_TOKEN, stream_id=ours, status="paused")
    acm = {
        "issuer": started_government.issuer,
        "client_authentication": "client_secret_basic",
        "client_secret": SECRET,
        "scopes": SCOPES,
    }
    signals = {
        "token": PUSH_TOKEN,
        "access_token": ACCESS_TOKEN,
        "poll": {"endpoint": f"{started_government.issuer}/ssf/v1/poll/{ours}"},
    }
    more = {"signals": signals, "policies": str(policies)}
    with ExitStack() as stack:
        stack.callback(made.client.close)
        stack.callback(
            lambda: made.manage("DELETE", f"stream?stream_id={made.streams[COLLECTOR_TOKEN]}", COLLECTOR_TOKEN)
        )
        stack.enter_context(running_gateway(gateway, acm=acm, government=started_government, redis=redis, more=more))
        yield made


@pytest.fixture(autouse=True)
def _nothing_left(exchange: Exchange, government: Government) -> None:
    """Only what a test itself announces is announced."""
    path = f"poll/{exchange.streams[COLLECTOR_TOKEN]}"
    sets = exchange.manage("POST", path, COLLECTOR_TOKEN, returnImmediately=True).json()["sets"]
    exchange.manage("POST", path, COLLECTOR_TOKEN, returnImmediately=True, maxEvents=0, ack=list(sets))


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def test_c40_an_event_is_accepted_at_once_with_an_empty_answer(exchange: Exchange, record_property: Record) -> None:
    answer = exchange.push(exchange.event())

    assert (answer.status_code, answer.content) == (202, b"")
    assert '"kind":"signal"' in exchange.gateway.audit.replace(" ", "")
    record_property("statement", "C40: a valid event is 202 with an empty body, stored first")
    record_property("seen", "202, empty; in the audit log")


REFUSED = [
    ("C41", "wrong content type", {}, {"content_type": "application/jwt"}, "invalid_request"),
    ("C41", "a bad signature", {"twist": "wrong-key"}, {}, "invalid_key"),
    ("C41", "another iss", {"twist": "wrong-issuer"}, {}, "invalid_issuer"),
    ("C41", "another aud", {"twist": "wrong-audience"}, {}, "invalid_audience"),
    ("C41", "no token shown", {}, {"authorization": ""}, "authentication_failed"),
    ("C41", "another token shown", {}, {"authorization": "Bearer guessed"}, "authentication_failed"),
    ("C44", "typ is JWT", {"twist": "wrong-type"}, {}, "invalid_request"),
    ("C44", "sub at the top", {"twist": "with-sub"}, {}, "invalid_request"),
    ("C44", "exp at the top", {"twist": "with-exp"}, {}, "invalid_request"),
    ("C45", "iss is not the stream's", {"twist": "wrong-issuer"}, {}, "invalid_issuer"),
    ("C46", "signed by ES256", {"twist": "wrong-algorithm"}, {}, "invalid_request"),
]


@pytest.mark.parametrize(
    ("number", "expected", "announced", "shown", "code"), REFUSED, ids=[f"{one[0]}-{one[1]}" for one in REFUSED]
)
def test_c41_to_c46_a_wrong_event_is_refused_in_the_words_of_the_standard_and_nobodys_session_ends(
    exchange: Exchange,
    browser: Browser,
    record_property: Record,
    number: str,
    expected: str,
    announced: dict[str, str],
    shown: dict[str, str],
    code: str,
) -> None:
    token = exchange.event(event="session-revoked", **announced)

    answer = exchange.push(token, **shown)

    assert (answer.status_code, answer.json()["err"]) == (400, code)
    record_property("statement", f"{number}: {expected}: 400 {code}")
    record_property("seen", f"400, {answer.json()}")


def test_c41_what_is_no_token_and_what_is_of_another_stream_is_refused(
    exchange: Exchange, record_property: Record
) -> None:
    assert exchange.command("status").returncode == 1  # paused; from now on the gateway knows which stream is its own
    exchange.tell_mock(stream=exchange.streams[COLLECTOR_TOKEN], event="verification")

    other = exchange.push(exchange.collected())
    garbage = exchange.push("this is no token")

    assert (other.status_code, other.json()["err"]) == (400, "access_denied")
    assert (garbage.status_code, garbage.json()["err"]) == (400, "invalid_request")
    record_property("statement", "C41: right caller, wrong stream: access_denied; unparsable: invalid_request")
    record_property("seen", "both, with status 400")


def test_c42_a_refusal_is_json_with_err_description_and_its_language(
    exchange: Exchange, record_property: Record
) -> None:
    answer = exchange.push("this is no token")

    assert answer.headers["content-type"].partition(";")[0] == "application/json"
    assert answer.headers["content-language"] == "en"
    assert set(answer.json()) == {"err", "description"}
    record_property("statement", "C42: error bodies are JSON with err and description, and a Content-Language")
    record_property("seen", "application/json, en")


def test_c43_an_event_that_comes_twice_is_accepted_twice_and_acted_on_once(
    exchange: Exchange, record_property: Record
) -> None:
    token, before = exchange.event(), (exchange.counted("passed-on"), exchange.counted("repeated"))

    assert [exchange.push(token).status_code for _ in range(2)] == [202, 202]

    assert (exchange.counted("passed-on"), exchange.counted("repeated")) == (before[0] + 1, before[1] + 1)
    record_property("statement", "C43: the same jti twice is 202 both times, acted on once")
    record_property("seen", "202, 202; one passed-on, one repeated")


def test_c47_several_names_of_one_event_are_one_event(
    exchange: Exchange, browser: Browser, record_property: Record
) -> None:
    exchange.signed_in(browser)

    exchange.passes_on(event="session-revoked", twist="second-event")

    assert not exchange.inside(browser)
    record_property("statement", "C47: several members of events are alternative names of one event")
    record_property("seen", "202, and the session ended by the name that we know")


def test_c48_an_event_of_another_kind_is_acknowledged_counted_and_changes_nothing(
    exchange: Exchange, browser: Browser, record_property: Record
) -> None:
    exchange.signed_in(browser)
    before = exchange.counted("not-ours")

    exchange.passes_on(event="session-revoked", twist="unknown-event")

    assert exchange.counted("not-ours") == before + 1
    assert exchange.inside(browser)
    record_property("statement", "C48: an unknown event type is 202, ignored, counted")
    record_property("seen", "202, counted as not-ours, the session stays")


def test_c49_a_person_may_be_named_in_several_forms_and_a_complex_name_is_read(
    exchange: Exchange, browser: Browser, record_property: Record
) -> None:
    subject = claims_of(exchange.event())["sub_id"]
    for form in (
        {"format": "opaque", "id": subject["sub"]},
        {"format": "aliases", "identifiers": [{"format": "email", "email": "britt@voorbeeld.test"}, subject]},
        {"format": "complex", "user": subject, "tenant": {"format": "opaque", "id": "vlaio"}},
    ):
        exchange.signed_in(browser)
        exchange.passes_on(event="session-revoked", sub_id=form)
        assert not exchange.inside(browser), form
    record_property("statement", "C49: iss_sub, opaque, aliases and complex subjects are accepted")
    record_property("seen", "each ended the person's session; a critical member: tests of the adapter")


def test_c50_an_email_address_meets_nobody_in_any_spelling(
    exchange: Exchange, browser: Browser, record_property: Record
) -> None:
    exchange.signed_in(browser)
    before = exchange.counted("nobody-known")
    spellings = ("britt@voorbeeld.test", "BRITT@voorbeeld.test", "x@y@voorbeeld.test", '"britt@x"@voorbeeld.test')

    for email in spellings:
        exchange.passes_on(event="session-revoked", sub_id={"format": "email", "email": email})

    assert exchange.counted("nobody-known") == before + len(spellings)
    assert exchange.inside(browser)
    record_property("statement", "C50: e-mail subjects match exactly as documented: the gateway keeps none, so never")
    record_property("seen", "202 each, counted as nobody-known, the session stays")


def test_c51_all_sessions_of_the_person_end_within_a_second_and_nobody_elses(
    exchange: Exchange, record_property: Record
) -> None:
    with Browser() as one, Browser() as two, Browser() as other:
        exchange.signed_in(one)
        exchange.signed_in(two)
        exchange.signed_in(other, "expires-today")
        token, began = exchange.event(event="session-revoked"), monotonic()

        exchange.push(token)

        assert [exchange.inside(browser) for browser in (one, two)] == [False, False]
        seen = monotonic() - began
        assert exchange.inside(other)
    record_property("statement", "C51: session-revoked for iss_sub ends every session of that person within 1 s")
    record_property("seen", f"both gone {seen:.2f} s after the event was sent")


def test_c51_for_a_session_only_that_one_ends(exchange: Exchange, record_property: Record) -> None:
    with Browser() as earlier, Browser() as latest:
        exchange.signed_in(earlier)
        exchange.signed_in(latest)

        exchange.passes_on(event="session-revoked", subject="session")

        assert [exchange.inside(browser) for browser in (earlier, latest)] == [True, False]
    record_property("statement", "C51: session-revoked for a session subject ends that session only")
    record_property("seen", "the one is gone, the person's other one stays")


def test_c51_a_session_that_began_after_the_event_happened_is_kept(
    exchange: Exchange, browser: Browser, record_property: Record
) -> None:
    a_minute_ago = claims_of(exchange.event())["iat"] - 60
    exchange.signed_in(browser)

    exchange.passes_on(event="session-revoked", says={"event_timestamp": a_minute_ago})

    assert exchange.inside(browser)
    record_property("statement", "C51: with event_timestamp before the session's start the session is kept")
    record_property("seen", "kept")


@pytest.mark.parametrize(
    ("change", "stays"), [("create", True), ("update", True), ("revoke", False), ("delete", False)]
)
def test_c53_a_credential_that_was_revoked_or_deleted_ends_sessions(
    exchange: Exchange, browser: Browser, record_property: Record, change: str, stays: bool
) -> None:
    exchange.signed_in(browser)

    exchange.passes_on(event="credential-change", says={"change_type": change, "credential_type": "fido2-roaming"})

    assert exchange.inside(browser) is stays
    record_property("statement", f"C53: credential-change, {change}: sessions {'stay' if stays else 'end'}")
    record_property("seen", "stays" if stays else "ended")


def test_c54_after_the_level_fell_the_next_request_asks_to_sign_in_at_the_level_that_is_needed(
    exchange: Exchange, browser: Browser, record_property: Record
) -> None:
    exchange.signed_in(browser)
    exchange.passes_on(
        event="assurance-level-change",
        says={"namespace": "eIDAS", "current_level": "high", "previous_level": "low", "change_direction": "increase"},
    )
    assert exchange.inside(browser)

    exchange.passes_on(
        event="assurance-level-change",
        says={"namespace": "eIDAS", "current_level": "low", "previous_level": "high", "change_direction": "decrease"},
    )

    answer = browser.get(exchange.gateway.application)
    assert answer.is_redirect
    assert "level=high" in answer.headers["location"]
    browser.follow(answer, mock_person="employee", mock_method="itsme")
    assert exchange.inside(browser)
    record_property("statement", "C54: assurance-level-change downwards: step-up on the next protected request")
    record_property("seen", "sent to sign in at high, and inside again afterwards; upwards changed nothing")


def test_c55_reasons_for_people_are_shown_and_kept_nowhere(
    exchange: Exchange, browser: Browser, record_property: Record
) -> None:
    exchange.signed_in(browser)
    reason = {"en": "<script>alert('leaving')</script>\r\nset-cookie: leaving=1"}

    exchange.passes_on(event="session-revoked", says={"reason_admin": reason, "reason_user": reason})

    answer = browser.get(exchange.gateway.application)
    assert "leaving" not in f"{answer.headers} {answer.text} {exchange.gateway.log} {exchange.gateway.audit}"
    record_property("statement", "C55: reason_user and reason_admin never unescaped, never in headers")
    record_property("seen", "in no page, header, log or audit line: they are not read")


def test_c56_a_verification_is_ours_by_its_state_or_comes_unasked_without_one(
    exchange: Exchange, record_property: Record
) -> None:
    ours = exchange.streams[ACCESS_TOKEN]
    exchange.command("status")
    before = exchange.counted("verification")

    verified = exchange.command("verify", "--json")  # also on a paused stream; by way of poll
    rows = exchange.tell_mock(stream=ours, event="verification", state="never given")
    exchange.tell_mock(stream=ours, event="verification")

    assert json.loads(verified.stdout)["arrived"], verified.stderr
    assert settled(exchange, [row["id"] for row in rows][-1]) == 400
    until(lambda: exchange.counted("verification") == before + 2)
    assert exchange.counted("invalid_state") >= 1
    record_property("statement", "C56: a verification's state must be ours; one without state is accepted")
    record_property("seen", "ours arrived, another's was refused as invalid_state, one unasked was accepted")


def test_c57_the_stream_is_read_changed_verified_and_paused_and_hears_again(
    exchange: Exchange, browser: Browser, record_property: Record
) -> None:
    """What the receiver plans of the suite walk through, but for deletion, which ends the file."""
    ours = exchange.streams[ACCESS_TOKEN]
    changed = exchange.command("create", "--poll", "--json")
    assert changed.returncode == 0, changed.stderr
    described = json.loads(changed.stdout)
    assert (described["stream_id"], described["status"]) == (ours, "paused")
    assert len(described["events_delivered"]) == 4
    exchange.signed_in(browser)
    exchange.tell_mock(person="employee", event="session-revoked")
    assert exchange.inside(browser)  # held, while the stream is paused

    began = monotonic()
    exchange.manage("POST", "status", ACCESS_TOKEN, stream_id=ours, status="enabled")

    until(lambda: not exchange.inside(browser))
    seen = monotonic() - began
    assert exchange.command("status").returncode == 0
    record_property("statement", "C57: receiver plans: stream created, updated, paused, enabled, verified")
    record_property("seen", f"an event held while paused ended the session {seen:.2f} s after the stream was enabled")


def test_c57_an_event_that_is_polled_ends_the_session_within_a_second_and_is_acknowledged(
    exchange: Exchange, browser: Browser, record_property: Record
) -> None:
    ours = exchange.streams[ACCESS_TOKEN]
    exchange.manage("POST", "status", ACCESS_TOKEN, stream_id=ours, status="enabled")
    exchange.signed_in(browser)

    began = monotonic()
    rows = exchange.tell_mock(person="employee", event="session-revoked")

    until(lambda: not exchange.inside(browser))
    seen = monotonic() - began
    assert settled(exchange, [row["id"] for row in rows if row["stream_id"] == ours][-1]) == 202
    record_property("statement", "C57: poll delivery (RFC 8936) with acknowledgement")
    record_property("seen", f"the session was gone {seen:.2f} s after the event; the transmitter saw it acknowledged")


def test_c57_without_a_valid_access_token_nobody_manages_a_stream(exchange: Exchange, record_property: Record) -> None:
    ours = exchange.streams[ACCESS_TOKEN]

    for token in ("guessed", COLLECTOR_TOKEN):
        assert exchange.manage("GET", f"stream?stream_id={ours}", token).status_code in (401, 404)
        assert exchange.manage("POST", f"poll/{ours}", token, maxEvents=1).status_code in (401, 404)
    record_property("statement", "C57: stream management wants a token of the stream's own receiver")
    record_property("seen", "401 for an unknown token, 404 for another receiver's")


def test_c57_the_stream_is_deleted_and_made_anew(exchange: Exchange, record_property: Record) -> None:
    ours = exchange.streams[ACCESS_TOKEN]

    assert exchange.command("delete").returncode == 0
    gone = exchange.command("status")
    made = exchange.command("create", "--push", "--json")

    assert (gone.returncode, "inkom signals create" in gone.stderr) == (1, True)
    described = json.loads(made.stdout)
    assert described["stream_id"] != ours
    assert described["delivery"]["endpoint_url"] == f"{exchange.gateway.origin}/_inkom/signals"
    verified = exchange.command("verify")
    assert verified.returncode == 0, verified.stdout
    assert exchange.command("delete").returncode == 0
    record_property("statement", "C57: openid-ssf-receiver-stream-create-delete, push")
    record_property("seen", "deleted, made anew by push, verified, deleted")


def until(holds: Callable[[], bool]) -> None:
    deadline = monotonic() + PATIENCE
    while not holds():
        assert monotonic() < deadline, "it did not come to hold"


def settled(exchange: Exchange, event_id: str) -> int:
    """What the gateway said of an event that it fetched: 202 for acknowledged, 400 for refused."""

    def status() -> int:
        rows = exchange.client.get(f"{exchange.government.origin}/mock/signals").json()["signals"]
        return next(int(row["status"]) for row in rows if row["id"] == event_id and row["client_id"] == CLIENT_ID)

    until(lambda: status() != 0)
    return status()
