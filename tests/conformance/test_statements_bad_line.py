"""The verdicts of part A hold when what stands between gateway and provider delays, cuts and repeats answers."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle

import httpx2
import pytest

from broker.adapters.oidc.client_authentication import basic_credentials
from mock_idp.fault_list import all_faults
from mock_idp.faults import Stage
from tests.conformance.bad_line import BadLine, Trouble, bad_line
from tests.conformance.browser import Browser
from tests.conformance.government import mock_government
from tests.conformance.processes import free_ports
from tests.conformance.relying_party import SECRET, Arrangement, RelyingParty
from tests.conformance.statements import Statement

LINES = {
    "delayed": (Trouble.DELAY,),
    "cut": (Trouble.CUT, Trouble.NONE),
    "repeated": (Trouble.REPEAT,),
    "all": (Trouble.REPEAT, Trouble.CUT, Trouble.DELAY),
}
OF_A_SIGN_IN = (Stage.ID_TOKEN, Stage.CALLBACK, Stage.USERINFO)
REFUSED = [
    fault.name
    for fault in all_faults()
    if fault.expected == "reject" and fault.stage in OF_A_SIGN_IN and any(one[0] == "A" for one in fault.statements)
]


@pytest.fixture(scope="module")
def line_and_party(
    tmp_path_factory: pytest.TempPathFactory, arrangement: Arrangement
) -> Iterator[tuple[BadLine, RelyingParty]]:
    folder, (port, behind) = tmp_path_factory.mktemp("bad-line"), free_ports(2)
    with (
        bad_line(port, provider_port=behind) as line,
        mock_government(folder, port=behind, origin=f"http://localhost:{port}") as government,
        replace(arrangement, government=government).relying_party("bad-line") as rp,
    ):
        yield line, rp


@pytest.fixture
def line(line_and_party: tuple[BadLine, RelyingParty]) -> Iterator[BadLine]:
    """The line, sound again after each test."""
    line, rp = line_and_party
    rp.government.tell("/mock/reset", {})
    yield line
    line.suffer(Trouble.NONE)


@pytest.fixture
def rp(line_and_party: tuple[BadLine, RelyingParty]) -> RelyingParty:
    _, rp = line_and_party
    rp.refusals.details.clear()
    return rp


@pytest.mark.parametrize("kind", LINES)
def test_a01_whoever_signs_in_over_a_bad_line_gets_in(
    line: BadLine, rp: RelyingParty, statement: Statement, kind: str
) -> None:
    line.suffer(*LINES[kind])
    for person in ("employee", "older-right", "legal-representative"):
        with Browser() as browser:
            page = rp.sign_in(browser, person)
            assert page.status_code == httpx2.codes.OK, (rp.refusals.details, line.happened)
            received = rp.headers_of(browser)
            assert received is not None
            assert received["x-inkom-role"] == ("legal-representative" if person == "legal-representative" else "user")
    happened = {trouble.value: times for trouble, times in line.happened.items() if times}
    assert set(happened) == {trouble.value for trouble in LINES[kind]}
    statement(f"A01: signed in, with answers {kind}", f"three people inside; what happened to answers: {happened}")


def test_a02_to_a06_and_the_others_are_refused_over_a_bad_line_too(
    line: BadLine, rp: RelyingParty, statement: Statement
) -> None:
    assert len(REFUSED) > 25
    for fault, kind in zip(REFUSED, cycle(LINES), strict=False):
        line.suffer(*LINES[kind])
        # Always: over a line that cuts, the first wrong answer may be the one that is lost.
        rp.government.tell("/mock/fault", {"fault": fault, "client_id": rp.client_id, "times": "always"})
        with Browser() as browser:
            page = rp.sign_in(browser)
            assert str(page.url).startswith(f"{rp.origin}/_inkom/callback"), (fault, kind)
            assert page.status_code < httpx2.codes.INTERNAL_SERVER_ERROR or page.status_code == 503, (fault, kind)
            line.suffer(Trouble.NONE)
            assert rp.headers_of(browser) is None, (fault, kind)
        rp.government.tell("/mock/reset", {})
    statement(
        "A02 A03 A04 A05 A06: refused, with answers delayed, cut and repeated",
        f"{len(REFUSED)} wrong answers, each refused; nobody was signed in",
    )


def test_nobody_is_taken_for_somebody_else_when_answers_are_repeated(line: BadLine, rp: RelyingParty) -> None:
    line.suffer(Trouble.REPEAT)
    people = ("employee", "older-right", "legal-representative") * 4
    with Browser() as before:
        rp.sign_in(before, "legal-representative")
    for person in people:
        with Browser() as browser:
            rp.sign_in(browser, person)
            received = rp.headers_of(browser)
            assert received is not None
            assert (received["x-inkom-role"] == "legal-representative") is (person == "legal-representative")


def test_a69_no_log_line_of_any_level_holds_what_opens_something(
    line: BadLine, rp: RelyingParty, statement: Statement, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    line.suffer(Trouble.CUT, Trouble.NONE)
    line.heard.clear()
    with Browser() as browser:
        rp.sign_in(browser)
        assert rp.headers_of(browser) is not None
        cookies = [value for value in browser.client.cookies.values() if len(value) > 20]
        browser.submit(browser.open(f"{rp.origin}/_inkom/profile"), form_token=rp.form_token(browser))
    told = [value for answer in line.heard for value in tokens_in(answer)]
    sent = [httpx2.URL(address).params for address in browser.visited]
    once = [value for one in sent for name in ("code", "state", "nonce") for value in one.get_list(name)]
    secret = [SECRET, basic_credentials(rp.client_id, SECRET)]

    # These three are silenced in a gateway (`broker/logs.py`); here the test's own browser writes to them too.
    silenced = ("httpx2", "httpcore2", "uvicorn.access")
    lines = [record for record in caplog.records if not record.name.startswith(silenced)]
    logged = "\n".join(f"{record.getMessage()} {vars(record)}" for record in lines)
    files = "".join(path.read_text() for path in rp.folder.glob("*.jsonl"))

    assert (len(told) >= 2, len(once) >= 6, len(cookies) >= 2) == (True, True, True)
    assert "once more" in logged
    for value in (*told, *once, *cookies, *secret):
        assert value not in logged
        assert value not in files
    statement(
        "A69: no code, token, cookie, secret or session id in any log",
        f"{len(told)} tokens, {len(once)} codes and states, {len(cookies)} cookies, the secret: in no line",
    )


def tokens_in(answer: bytes) -> list[str]:
    """The tokens in an answer of the token endpoint."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"application/json" not in head or not body.startswith(b"{"):
        return []
    return [str(value) for name, value in json.loads(body).items() if name.endswith("_token")]
