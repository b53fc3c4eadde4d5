"""A backend that breaks the rules (D35), and a client that leaves half-way (D36). The plays are in `cases/answers`."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.broker.proxy.world import until
from tests.security.cases.answers import CUT, DOUBLE, REFUSED, SPOILED
from tests.security.delivery import Delivery, good, send
from tests.security.gateway import Gateway
from tests.security.judging import assert_served
from tests.security.strict import NotHttpError, read_answers

FRAMINGS = {
    "a length": (b"Content-Length: 100", b"x" * 50),
    "chunks": (b"Transfer-Encoding: chunked", b"32\r\n" + b"x" * 50 + b"\r\n"),
    "a chunk": (b"Transfer-Encoding: chunked", b"64\r\n" + b"x" * 50),
    "no byte": (b"Content-Length: 100", b""),
}


async def ask(gateway: Gateway, name: str, method: bytes = b"GET") -> bytes:
    """What a client gets when the awkward backend plays something, until the connection ends."""
    octets = good(b"/awkward/" + name.encode(), gateway.cookie, b"Connection: close")
    return await send(gateway.port, Delivery(way="alone", pieces=(octets.replace(b"GET", method, 1),)))


async def assert_next_is_right(gateway: Gateway, name: str) -> None:
    """The connection of the play ends, and the next client of the same backend gets its own answer."""
    played = b"/awkward/" + name.encode()
    # One for each time that it was asked: a request without effect is repeated when its old connection was dead.
    over = [seen for seen in gateway.awkward.connections if any(one.target == played for one in seen.requests)]
    assert over, "the backend was never asked"
    await until(lambda: all(seen.ended for seen in over))
    target = b"/awkward/after-" + name.encode()
    octets = good(target, gateway.cookie, b"Connection: close")
    answers, rest = read_answers(await send(gateway.port, Delivery(way="next", pieces=(octets,))))
    assert rest == b""
    assert [(one.status, one.body) for one in answers] == [(200, b"GET " + target)]
    # What was asked before on the same connection was good; nothing came behind.
    assert all(seen.requests[-1].target == played for seen in over)


@pytest.mark.parametrize("name", REFUSED)
async def test_d35_an_answer_against_the_rules_becomes_502_or_504_with_a_reference(gateway: Gateway, name: str) -> None:
    status, _ = REFUSED[name]
    answers, rest = read_answers(await ask(gateway, name))
    assert rest == b""
    (one,) = answers
    assert one.status == status
    problem = json.loads(one.body)
    assert problem["reference"]
    assert b"ok" not in one.body.split()
    assert one.values(b"set-cookie") == []
    await assert_next_is_right(gateway, name)


@pytest.mark.parametrize("name", CUT)
async def test_d35_an_answer_that_breaks_the_rules_later_is_cut_and_never_whole(gateway: Gateway, name: str) -> None:
    octets = await ask(gateway, name)
    assert octets.startswith(b"HTTP/1.1 200 ")
    answers, rest = read_answers(octets)
    assert answers == ()
    assert rest == octets, "an unfinished answer, and nothing behind it"
    await assert_next_is_right(gateway, name)


@pytest.mark.parametrize("name", SPOILED)
async def test_d35_behind_an_answer_with_too_much_the_connection_is_not_used_again(gateway: Gateway, name: str) -> None:
    method, status, _ = SPOILED[name]
    played, control = b"/awkward/" + name.encode(), b"/awkward/beside-" + name.encode()
    asking = asyncio.create_task(ask(gateway, name, method))
    await until(lambda: any(one.target == played for one in gateway.awkward.requests))
    # Meanwhile another client is served over another connection, which rests first and so would end first by itself.
    await ask(gateway, control.rpartition(b"/")[2].decode())
    octets = await asking
    answers, rest = read_answers(octets, [method])
    assert rest == b""
    assert [one.status for one in answers] == [status]
    assert b"poisoned" not in octets
    await until(lambda: gateway.awkward.connection_of(played).ended)
    assert not gateway.awkward.connection_of(control).ended
    await assert_next_is_right(gateway, name)


@pytest.mark.parametrize("name", DOUBLE)
async def test_d35_two_answers_at_once_never_answer_two_requests(gateway: Gateway, name: str) -> None:
    octets = await ask(gateway, name)
    assert b"poisoned" not in octets
    try:
        answers, rest = read_answers(octets)
    except NotHttpError as error:
        raise AssertionError(octets) from error
    assert len(answers) + bool(rest) == 1, "one answer, whole or cut"
    await assert_next_is_right(gateway, name)


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_d36_a_client_that_leaves_in_its_body_costs_the_backend_the_connection(
    gateway: Gateway, framing: str
) -> None:
    line, part = FRAMINGS[framing]
    target = b"/public/left-in-" + framing.replace(" ", "-").encode()
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(good(target, gateway.cookie, line).replace(b"GET", b"POST", 1) + part)
    await until(lambda: any(target in seen.raw for seen in gateway.backend.connections))
    writer.transport.abort()
    (seen,) = [one for one in gateway.backend.connections if target in one.raw]
    await until(lambda: seen.ended)
    assert seen.rest.startswith(b"POST " + target), "a half request and never a whole one"
    assert all(one.target != target for one in gateway.backend.requests)
    await assert_served(gateway, target + b"/next")
    assert seen.rest.startswith(b"POST " + target), "nothing more came over that connection"
