"""Asking the registers: the mock government's, and a server that answers badly."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import pytest

from broker.adapters.clock import SystemClock
from broker.adapters.http import BackChannel, Limits
from broker.adapters.registers import JoinedRegisters, JsonIdm, JsonKbo
from broker.domain.numbers import EnterpriseNumber, NationalNumber
from broker.domain.people import PersonRecord, RelationStatus
from broker.ports import Clock, RegisterUnavailable
from mock_idp.fault_list import all_faults
from mock_idp.faults import Fault, Stage
from tests.broker.adapters.conftest import MockGovernment
from tests.broker.adapters.examples import BAKERY, SetClock, identity
from tests.broker.adapters.registers.test_documents import ENTERPRISE, FUNCTION, RELATION, rights
from tests.broker.adapters.small_server import Reply, Request, SmallServer

DAY = date(2026, 11, 24)
BRITT = identity(national_number=NationalNumber("90651800257"))
UNKNOWN = EnterpriseNumber("1999998062")
NOBODY = identity(national_number=NationalNumber("88650100141"))
AN = identity()
Ask = Callable[[JoinedRegisters], Coroutine[Any, Any, object]]
QUESTIONS: dict[str, Ask] = {
    "person": lambda registers: registers.person(AN),
    "enterprise": lambda registers: registers.enterprise(BAKERY),
    "contacts": lambda registers: registers.contacts(BAKERY, day=DAY),
}


@pytest.fixture
async def registers(mock: MockGovernment) -> AsyncIterator[JoinedRegisters]:
    async with joined(mock.origin + "/idm/v1", mock.origin + "/kbo/v1/", token=mock.register_token) as client:
        yield client


@asynccontextmanager
async def joined(idm: str, kbo: str, *, token: str = "t", clock: Clock | None = None) -> AsyncIterator[JoinedRegisters]:
    """Both registers over a channel of their own."""
    channel = BackChannel()
    yield JoinedRegisters(
        idm=JsonIdm(idm, token=token, channel=channel),
        kbo=JsonKbo(kbo, token=token, channel=channel),
        clock=clock or SystemClock(),
    )
    await channel.aclose()


@asynccontextmanager
async def small_registers(
    small: SmallServer, *, time_limit: float = 5.0, questions_at_once: int = 20
) -> AsyncIterator[JoinedRegisters]:
    channel = BackChannel(Limits(connect=1.0, total=1.0, body=100_000))
    with_limits: Any = {
        "token": "t0ken",
        "channel": channel,
        "time_limit": time_limit,
        "questions_at_once": questions_at_once,
    }
    yield JoinedRegisters(
        idm=JsonIdm(small.origin, **with_limits), kbo=JsonKbo(small.origin, **with_limits), clock=SetClock()
    )
    await channel.aclose()


@pytest.fixture
async def ours(small: SmallServer) -> AsyncIterator[JoinedRegisters]:
    small.on("/person-rights", json_reply(rights(RELATION)))
    small.on("/person-functions", json_reply({"functions": [FUNCTION]}))
    small.on(f"/enterprises/{BAKERY.digits}", json_reply(ENTERPRISE))
    small.on(f"/organisations/{BAKERY.digits}/administrators", json_reply({"administrators": []}))
    async with small_registers(small) as client:
        yield client


def json_reply(document: object) -> Reply:
    return Reply(body=json.dumps(document).encode())


async def test_an_employee_has_a_right_in_an_active_relation(registers: JoinedRegisters) -> None:
    found = await registers.person(BRITT)
    (right,) = found.rights
    assert (right.organisation, right.profiles) == (BAKERY, ("Gebruiker",))
    assert right.relation is not None
    assert right.relation.status is RelationStatus.ACTIVE
    assert [one.number for one in found.organisations] == [BAKERY]


async def test_somebody_unknown_has_an_empty_record(registers: JoinedRegisters) -> None:
    assert await registers.person(NOBODY) == PersonRecord()


async def test_an_enterprise_is_found_and_an_unknown_one_is_none(registers: JoinedRegisters) -> None:
    enterprise = await registers.enterprise(BAKERY)
    assert enterprise is not None
    assert (enterprise.active, enterprise.has_representative) == (True, True)
    assert await registers.enterprise(UNKNOWN) is None


async def test_those_who_can_help_are_named(registers: JoinedRegisters) -> None:
    contacts = await registers.contacts(BAKERY, day=SystemClock().today())
    assert contacts.organisation is not None
    assert contacts.representatives
    assert contacts.administrators


async def test_nobody_can_help_in_an_unknown_organisation(registers: JoinedRegisters) -> None:
    contacts = await registers.contacts(UNKNOWN, day=DAY)
    assert (contacts.organisation, contacts.representatives, contacts.administrators) == (None, (), ())


@pytest.mark.parametrize(
    "fault", [one for one in all_faults() if one.stage in (Stage.IDM, Stage.KBO)], ids=lambda fault: fault.name
)
async def test_every_fault_of_a_register_is_a_register_that_is_unavailable(
    mock: MockGovernment, registers: JoinedRegisters, fault: Fault
) -> None:
    mock.post("/mock/fault", {"fault": fault.name, "times": "always", "seconds": 0.1})
    trouble = [await trouble_of(registers.person(BRITT)), await trouble_of(registers.contacts(BAKERY, day=DAY))]
    assert [fault.stage.upper() in one for one in trouble] == [True, True] or fault.expected == "either"


async def trouble_of(question: Coroutine[Any, Any, object]) -> str:
    try:
        await question
    except RegisterUnavailable as trouble:
        return str(trouble)
    return ""


async def test_a_wrong_token_is_a_register_that_is_unavailable(mock: MockGovernment) -> None:
    async with joined(f"{mock.origin}/idm/v1", f"{mock.origin}/kbo/v1", token="wrong") as client:
        with pytest.raises(RegisterUnavailable, match="answered 401"):
            await client.person(BRITT)


async def test_the_national_number_is_in_the_body_and_in_no_address(ours: JoinedRegisters, small: SmallServer) -> None:
    await ours.person(AN)
    assert sorted(request.path for request in small.requests) == ["/person-functions", "/person-rights"]
    assert {request.body for request in small.requests} == {b'{"national_number":"82672100108"}'}
    assert {request.headers["authorization"] for request in small.requests} == {"Bearer t0ken"}


async def test_both_registers_are_asked_at_the_same_time(small: SmallServer, ours: JoinedRegisters) -> None:
    both = asyncio.Barrier(2)

    def after_both(reply: Reply) -> Callable[[Request], Coroutine[Any, Any, Reply]]:
        async def answer(_: Request) -> Reply:
            await both.wait()
            return reply

        return answer

    small.on("/person-rights", after_both(json_reply(rights(RELATION))))
    small.on("/person-functions", after_both(json_reply({"functions": []})))
    assert (await ours.person(AN)).rights


BROKEN = {
    "500": Reply(status=500, body=b'{"detail": "82672100108"}'),
    "404": Reply(status=404, headers={"Content-Type": "text/html"}, body=b"<html>"),
    "302": Reply(status=302, headers={"Location": "/elsewhere"}),
    "HTML": Reply(headers={"Content-Type": "text/html"}, body=b"<html>82672100108"),
    "empty": Reply(body=b""),
    "array": Reply(body=b"[]"),
    "another shape": Reply(body=b'{"82672100108": "82672100108"}'),
    "nested": Reply(body=b"[" * 50_000),
    "huge": Reply(body=b"x" * 200_000),
    "cut": Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
    "nothing": Reply(raw=b""),
}


@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
async def test_a_bad_answer_is_a_register_that_is_unavailable_and_repeats_nothing(
    ours: JoinedRegisters, small: SmallServer, question: Ask, reply: Reply
) -> None:
    for path in ("/person-functions", f"/enterprises/{BAKERY.digits}"):
        small.on(path, reply)
    with pytest.raises(RegisterUnavailable, match="KBO /") as trouble:
        await question(ours)
    assert "82672100108" not in f"{trouble.value} {trouble.value.__cause__}"
    assert BAKERY.digits not in str(trouble.value)


async def test_a_broken_connection_is_tried_once_more(ours: JoinedRegisters, small: SmallServer) -> None:
    replies = iter([Reply(raw=b""), json_reply(ENTERPRISE)])
    small.on(f"/enterprises/{BAKERY.digits}", lambda _: next(replies))
    assert await ours.enterprise(BAKERY) is not None
    assert len(small.requests) == 2


async def test_a_connection_that_stays_broken_is_tried_twice_in_all(ours: JoinedRegisters, small: SmallServer) -> None:
    small.on(f"/enterprises/{BAKERY.digits}", Reply(raw=b""))
    with pytest.raises(RegisterUnavailable):
        await ours.enterprise(BAKERY)
    assert len(small.requests) == 2


async def test_a_bad_status_is_not_tried_again(ours: JoinedRegisters, small: SmallServer) -> None:
    small.on(f"/enterprises/{BAKERY.digits}", Reply(status=503))
    with pytest.raises(RegisterUnavailable, match="answered 503"):
        await ours.enterprise(BAKERY)
    assert len(small.requests) == 1


async def test_an_answer_about_another_enterprise_is_not_taken(ours: JoinedRegisters, small: SmallServer) -> None:
    small.on(f"/enterprises/{BAKERY.digits}", json_reply({**ENTERPRISE, "number": "1999999844"}))
    with pytest.raises(RegisterUnavailable, match="another enterprise"):
        await ours.enterprise(BAKERY)


async def test_a_register_that_hangs_is_waited_for_no_longer_than_the_limit(small: SmallServer) -> None:
    small.on("/person-rights", Reply(hold=asyncio.Event()))
    small.on("/person-functions", json_reply({"functions": []}))
    async with small_registers(small, time_limit=0.3) as client, asyncio.timeout(10):
        with pytest.raises(RegisterUnavailable, match="IDM /person-rights did not answer in time"):
            await client.person(AN)


async def test_registers_that_are_away_are_unavailable() -> None:
    async with joined("http://127.0.0.1:1", "http://127.0.0.1:1") as client:
        with pytest.raises(RegisterUnavailable):
            await client.person(AN)


async def test_only_so_many_questions_are_asked_at_once(small: SmallServer) -> None:
    asking, most = 0, 0

    async def answer(_: Request) -> Reply:
        nonlocal asking, most
        asking += 1
        most = max(most, asking)
        await asyncio.sleep(0.005)
        asking -= 1
        return json_reply(ENTERPRISE)

    small.on(f"/enterprises/{BAKERY.digits}", answer)
    async with small_registers(small, questions_at_once=3) as client:
        await asyncio.gather(*(client.enterprise(BAKERY) for _ in range(20)))
    assert most == 3


async def test_no_log_line_holds_a_person(
    ours: JoinedRegisters, small: SmallServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    small.on(
        "/person-functions",
        json_reply({"functions": [{"holder_name": "Testers", "number": AN.national_number.digits}]}),
    )
    await ours.person(AN)
    await ours.contacts(BAKERY, day=DAY)
    for fact in (AN.national_number.digits, "Testers", "Zaak", "t0ken"):
        assert fact not in caplog.text
