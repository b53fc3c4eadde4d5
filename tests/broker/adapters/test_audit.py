"""The audit log: a line a record, whole or an error, and nothing personal in it."""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import stat
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from broker.adapters.audit import AuditFile
from broker.adapters.policy_files import load
from broker.domain.decide import Decision, decide
from broker.domain.people import Assurance, Facts, SignInMethod
from broker.ports import AuditUnavailable, Event
from tests.broker.gateway import BAKERY, Hands, a_right
from tests.project.places import ROOT


def a_decision() -> Decision:
    (policy,) = load(ROOT / "policies")
    facts = Facts(
        organisation=BAKERY.number,
        active=True,
        registered=True,
        method=SignInMethod.ITSME,
        assurance=Assurance.HIGH,
        rights=(a_right(),),
    )
    return decide(
        policy,
        application="kmo-portefeuille",
        facts=facts,
        day=date(2026, 6, 1),
        now=datetime(2026, 6, 1, 8, tzinfo=UTC),
    )


async def record(audit: AuditFile) -> str:
    return await audit.decided(a_decision(), session="reference", person="pseudonym", method="GET", path="/kmo/x")


async def test_a_decision_is_one_line_that_says_all(tmp_path: Path) -> None:
    audit = AuditFile(tmp_path / "log" / "audit.jsonl", clock=Hands())
    written = await record(audit)
    await audit.aclose()
    (line,) = (tmp_path / "log" / "audit.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "id": written,
        "at": "2026-06-01T08:00:00+00:00",
        "kind": "decision",
        "allowed": True,
        "reason": "inkom-user",
        "cause": "right-valid",
        "application": "kmo-portefeuille",
        "organisation": "1999999943",
        "person": "pseudonym",
        "session": "reference",
        "method": "GET",
        "path": "/kmo/x",
        "day": "2026-06-01",
        "policy": "inkom",
        "version": a_decision().version,
        "steps": [
            {"condition": step.clause, "holds": step.finding.holds, "cause": step.finding.cause.value}
            for step in a_decision().steps
        ],
    }


async def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    audit = AuditFile(tmp_path / "audit.jsonl", clock=Hands())
    await record(audit)
    await audit.aclose()
    assert stat.S_IMODE((tmp_path / "audit.jsonl").stat().st_mode) == 0o600


async def test_what_a_client_sent_cannot_begin_a_line_of_its_own(tmp_path: Path) -> None:
    audit = AuditFile(tmp_path / "audit.jsonl", clock=Hands())
    await audit.happened(
        Event(kind="sign-in-refused", session=None, organisation=None, detail='x\n{"id":"forged"}\r\x1b')
    )
    await audit.aclose()
    assert len((tmp_path / "audit.jsonl").read_text().splitlines()) == 1


async def test_after_the_file_was_moved_away_a_new_one_is_written(tmp_path: Path) -> None:
    audit = AuditFile(tmp_path / "audit.jsonl", clock=Hands())
    await record(audit)
    (tmp_path / "audit.jsonl").rename(tmp_path / "audit.1")
    await record(audit)
    await audit.aclose()
    assert len((tmp_path / "audit.1").read_text().splitlines()) == 1
    assert len((tmp_path / "audit.jsonl").read_text().splitlines()) == 1


async def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").mkdir()
    with pytest.raises(AuditUnavailable):
        await record(AuditFile(tmp_path / "audit.jsonl", clock=Hands()))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="LOUD: without /dev/full a full disk is not tried here")
async def test_a_full_disk_is_an_error() -> None:
    audit = AuditFile(Path("/dev/full"), clock=Hands())
    with pytest.raises(AuditUnavailable):
        await record(audit)
    await audit.aclose()


async def test_requests_under_one_decision_are_noted_with_their_method_and_path(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    audit = AuditFile(path, clock=Hands())
    decision = await record(audit)
    assert audit.used(decision, method="GET", path="/kmo/a")
    assert audit.used(decision, method="POST", path="/kmo/b")
    await audit.aclose()
    _, *lines = map(json.loads, path.read_text().splitlines())
    known = {"kind": "request", "decision": decision, "at": "2026-06-01T08:00:00+00:00"}
    assert lines == [{**known, "method": "GET", "path": "/kmo/a"}, {**known, "method": "POST", "path": "/kmo/b"}]


async def test_when_requests_cannot_be_noted_no_decision_is_used_again_until_a_line_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    audit = AuditFile(folder / "audit.jsonl", clock=Hands())
    decision = await record(audit)
    shutil.rmtree(folder)
    folder.write_text("no folder any more")
    assert audit.used(decision, method="GET", path="/kmo/a")
    await asyncio.sleep(0)
    assert not audit.used(decision, method="GET", path="/kmo/b")
    with pytest.raises(AuditUnavailable):
        await record(audit)
    folder.unlink()
    assert audit.used(await record(audit), method="GET", path="/kmo/c")
    await audit.aclose()


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="LOUD: files cannot be kept small here")
async def test_after_a_line_that_was_cut_the_next_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    audit = AuditFile(path, clock=Hands())
    first = await record(audit)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50, before[1]))
    try:
        with pytest.raises(AuditUnavailable):
            await record(audit)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    last = await record(audit)
    await audit.aclose()
    whole, cut, next_one = path.read_text().splitlines()
    assert json.loads(whole)["id"] == first
    assert len(cut) == 50
    assert json.loads(next_one)["id"] == last
