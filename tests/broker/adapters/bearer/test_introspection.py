"""Introspection: who asks, what counts as an answer, and that an answer is never found for another question."""

from __future__ import annotations

import asyncio
import gc
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest

from broker.adapters.bearer.introspection import IntrospectedTokens, RememberedAnswers
from broker.adapters.bearer.rules import TokenUnfit
from broker.adapters.bearer.settings import IntrospectionTerms, TokenTerms
from broker.adapters.http import BackChannel, Limits
from broker.ports import ProviderUnavailable
from tests.broker.adapters.bearer.issuer import TERMS, good_claims
from tests.broker.adapters.examples import SetClock
from tests.broker.adapters.small_server import Reply, Request, SmallServer


class Endpoint:
    """Knows tokens; counts who asked for which."""

    def __init__(self, small: SmallServer) -> None:
        self.small = small
        self.known: dict[str, dict[str, Any]] = {"good": good_claims()}
        self.asked: list[str] = []
        self.hold: asyncio.Event | None = None
        self.status = 200
        self.reached = asyncio.Event()
        small.on("/introspect", self._answer)
        small.on("/other", self._answer)

    def _answer(self, request: Request) -> Reply:
        (token,) = parse_qs(request.body.decode())["token"]
        self.asked.append(token)
        self.reached.set()
        found = self.known.get(token)
        answer = {"active": False} if found is None else {"active": True, **found}
        return Reply(status=self.status, body=msgspec.json.encode(answer), hold=self.hold)


@pytest.fixture
def endpoint(small: SmallServer) -> Endpoint:
    return Endpoint(small)


@pytest.fixture
async def channel() -> AsyncIterator[BackChannel]:
    channel = BackChannel(Limits(total=2.0))
    yield channel
    await channel.aclose()


def asking(endpoint: Endpoint, **changed: Any) -> IntrospectionTerms:
    known = {"endpoint": f"{endpoint.small.origin}/introspect", "client_id": "in kom", "client_secret": "s&cret"}
    return IntrospectionTerms(**{**known, **changed})


def source(
    endpoint: Endpoint, channel: BackChannel, *, clock: SetClock | None = None, terms: TokenTerms = TERMS, **how: Any
) -> IntrospectedTokens:
    return IntrospectedTokens(terms, asking(endpoint, **how), channel=channel, clock=clock or SetClock())


async def test_the_gateway_proves_itself_and_asks_about_an_access_token(
    endpoint: Endpoint, channel: BackChannel
) -> None:
    assert await source(endpoint, channel).claims("good") == good_claims()
    (request,) = endpoint.small.requests
    credentials = b64encode(b"in+kom:s%26cret").decode()
    assert request.headers["authorization"] == f"Basic {credentials}"
    assert parse_qs(request.body.decode()) == {"token": ["good"], "token_type_hint": ["access_token"]}
    assert request.method == "POST"


async def test_fifty_requests_with_one_token_ask_once(endpoint: Endpoint, channel: BackChannel) -> None:
    tokens = source(endpoint, channel)
    endpoint.hold = asyncio.Event()
    asked = [asyncio.ensure_future(tokens.claims("good")) for _ in range(50)]
    await endpoint.reached.wait()
    endpoint.hold.set()
    assert all(claims == good_claims() for claims in await asyncio.gather(*asked))
    assert endpoint.asked == ["good"]


async def test_whoever_gives_up_waiting_does_not_spoil_it_for_the_others(
    endpoint: Endpoint, channel: BackChannel
) -> None:
    tokens = source(endpoint, channel)
    endpoint.hold = asyncio.Event()
    first, second = (asyncio.ensure_future(tokens.claims("good")) for _ in range(2))
    await endpoint.reached.wait()
    first.cancel()
    endpoint.hold.set()
    assert await second == good_claims()


async def test_an_answer_counts_for_a_moment_and_never_beyond_the_tokens_end(
    endpoint: Endpoint, channel: BackChannel
) -> None:
    clock = SetClock()
    tokens = source(endpoint, channel, clock=clock, cached=30)
    end = int(clock.now().timestamp()) + 40
    endpoint.known["good"] = good_claims(exp=end)
    for moved, questions in ((0, 1), (29, 1), (1, 2), (9, 2), (1, 3)):
        clock.move(timedelta(seconds=moved))
        await tokens.claims("good")
        assert len(endpoint.asked) == questions, moved


async def test_an_answer_without_an_end_is_not_kept(endpoint: Endpoint, channel: BackChannel) -> None:
    tokens = source(endpoint, channel)
    for exp in (None, "soon", 1e300):
        endpoint.known["good"] = good_claims(exp=exp)
        await tokens.claims("good")
        await tokens.claims("good")
    assert len(endpoint.asked) == 6


async def test_a_token_that_was_revoked_stops_when_the_kept_answer_does(
    endpoint: Endpoint, channel: BackChannel
) -> None:
    clock = SetClock()
    tokens = source(endpoint, channel, clock=clock, cached=30)
    await tokens.claims("good")
    del endpoint.known["good"]
    clock.move(timedelta(seconds=30))
    with pytest.raises(TokenUnfit, match="no longer"):
        await tokens.claims("good")


async def test_an_unknown_token_is_remembered_for_five_seconds(endpoint: Endpoint, channel: BackChannel) -> None:
    clock = SetClock()
    tokens = source(endpoint, channel, clock=clock)
    for moved, questions in ((0, 1), (4, 1), (1, 2)):
        clock.move(timedelta(seconds=moved))
        with pytest.raises(TokenUnfit):
            await tokens.claims("unknown")
        assert len(endpoint.asked) == questions
    endpoint.known["unknown"] = good_claims()
    clock.move(timedelta(seconds=5))
    assert await tokens.claims("unknown") == good_claims()


@pytest.mark.parametrize(
    "changed",
    [
        {"application": "another"},
        {"issuer": "https://other.example"},
        {"audience": "other"},
        {"scopes": ("kmo.read", "kmo.pay")},
        {"organisation_claim": "org"},
        {"role_claim": "roles"},
        {"max_lifetime": 60.0},
        {"dpop_required": True},
    ],
)
def test_every_input_is_in_the_name_by_which_an_answer_is_kept(changed: dict[str, Any]) -> None:
    """CVE-2026-33496, CVE-2021-32701: an answer that another question led to is not found."""
    how = IntrospectionTerms(endpoint="https://acm.example/i", client_id="inkom", client_secret="s")
    channel, clock = BackChannel(), SetClock()
    contexts = {
        IntrospectedTokens(terms, asked, channel=channel, clock=clock)._context
        for terms, asked in (
            (TERMS, how),
            (replace(TERMS, **changed), how),
            (TERMS, replace(how, endpoint="https://other.example/i")),
            (TERMS, replace(how, client_id="another")),
        )
    }
    assert len(contexts) == 4


async def test_two_tokens_never_get_each_others_answer(endpoint: Endpoint, channel: BackChannel) -> None:
    tokens = source(endpoint, channel)
    for number in range(30):
        endpoint.known[f"token-{number}"] = good_claims(client_id=f"client-{number}")
    names = [f"token-{number % 30}" for number in range(90)]
    found = await asyncio.gather(*(tokens.claims(name) for name in names))
    assert [claims["client_id"].removeprefix("client-") for claims in found] == [
        name.removeprefix("token-") for name in names
    ]
    assert len(endpoint.asked) == 30


def test_a_flood_of_tokens_is_forgotten_from_the_oldest_on() -> None:
    answers = RememberedAnswers(most=3)
    for number in range(10):
        answers.put(bytes([number]), {}, until=100)
        answers.get(bytes([0]), now=1)
    assert len(answers) == 3
    assert answers.get(bytes([0]), now=1) is not None
    assert answers.get(bytes([5]), now=1) is None
    assert answers.get(bytes([9]), now=100) is None
    assert len(answers) == 2


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=401),
        Reply(status=500),
        Reply(status=302, headers={"Location": "https://evil.example"}),
        Reply(body=b""),
        Reply(body=b"[]"),
        Reply(body=b"{}"),
        Reply(body=b'{"active": "true"}'),
        Reply(body=b'{"active": 1}'),
        Reply(body=b'{"active": true}', headers={"Content-Type": "text/html"}),
        Reply(body=b"{" * 100_000),
        Reply(raw=b"nonsense\r\n\r\n"),
    ],
)
async def test_an_answer_that_is_none_says_nothing_of_the_token_and_is_not_kept(
    endpoint: Endpoint, channel: BackChannel, reply: Reply
) -> None:
    endpoint.small.on("/introspect", reply)
    tokens = source(endpoint, channel)
    with pytest.raises(ProviderUnavailable):
        await tokens.claims("good")
    endpoint.small.on("/introspect", endpoint._answer)
    assert await tokens.claims("good") == good_claims()


def test_the_secret_does_not_show_itself() -> None:
    assert "s&cret" not in repr(IntrospectionTerms(endpoint="e", client_id="c", client_secret="s&cret"))


async def test_a_question_that_fails_after_everybody_left_troubles_nobody(
    endpoint: Endpoint, channel: BackChannel
) -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    tokens = source(endpoint, channel)
    endpoint.hold, endpoint.status = asyncio.Event(), 500
    asked = asyncio.ensure_future(tokens.claims("good"))
    await endpoint.reached.wait()
    (question,) = (task for task in asyncio.all_tasks() if "IntrospectedTokens._" in repr(task.get_coro()))
    asked.cancel()
    endpoint.hold.set()
    await asyncio.wait({asked, question})
    del asked, question
    gc.collect()
    assert told == []
