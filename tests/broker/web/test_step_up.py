"""Stepping up at the gateway's own pages: what goes along, who may come back, and what they keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest
from starlette.datastructures import QueryParams

from broker.adapters.oidc.settings import ACM_ACR
from broker.domain.demand import NOTHING, Demand, Prompt
from broker.domain.people import Assurance, PersonRecord
from broker.domain.policy import AssuranceAtLeast, Policy, Requirement, SignedInWithin
from broker.ports import Mismatch, SignedIn, SignInRefused
from broker.web.demands import address_with_demand, demand_in
from broker.web.step_up import needed
from tests.broker.gateway import BAKERY, FLORIST, World, a_right, an_identity, gateway

Record = Callable[[str, object], None]
MEANS = "urn:be:vlaanderen:authmech:"
LOW = an_identity(assurance=Assurance.LOW)
PAGE = "/kmo-portefeuille/x"


def careful(policy: Policy) -> Policy:
    certain = Requirement(id="certain", condition=AssuranceAtLeast(level=Assurance.HIGH))
    recent = Requirement(id="recent", condition=SignedInWithin(limit=timedelta(minutes=15)))
    return replace(policy, require=(certain, recent, *policy.require), sign_in=Demand(prompt=(Prompt.SELECT_ACCOUNT,)))


async def below(world: World) -> str:
    """Sign in by a means that is too low, and open the page: where that sends the person."""
    world.provider.signed_in = SignedIn(identity=LOW)
    await world.sign_in()
    answer = await world.get(PAGE)
    assert answer.status_code == 303
    return answer.headers["location"]


async def come_back(world: World) -> str:
    answer = await world.get(f"/_inkom/callback?code=c&state={world.provider.attempts[-1].state}")
    return answer.headers.get("location", answer.text)


async def test_everything_that_the_policy_asks_goes_along() -> None:
    async with gateway(change=careful) as world:
        await world.get(f"/_inkom/login?return_to={PAGE}")
        assert world.provider.attempts[-1].demand == Demand(prompt=(Prompt.SELECT_ACCOUNT,))
        assert world.provider.attempts[-1].subject is None
        await world.get(await below(world))
        attempt = world.provider.attempts[-1]
        assert attempt.demand == Demand(level=Assurance.HIGH, max_age=900, prompt=(Prompt.SELECT_ACCOUNT,))
        assert (attempt.subject, attempt.former) == (LOW.subject, world.session.reference)
        world.provider.signed_in = SignedIn(identity=an_identity(auth_time=world.clock.now()))
        assert await come_back(world) == PAGE
        assert (await world.get(PAGE)).status_code == 200
        assert [event.kind for event in world.audit.events][-2:] == ["signed-in", "stepped-up"]
        assert world.audit.events[-1].detail == f"from session {attempt.former}"


async def test_a_provider_that_does_not_say_when_leads_to_a_page_and_not_round_in_circles() -> None:
    async with gateway(change=careful) as world:
        await world.get(await below(world))
        world.provider.signed_in = SignedIn(identity=an_identity(auth_time=None))
        assert await come_back(world) == PAGE
        page = await world.get(PAGE)
        assert page.status_code == 403
        assert "at most 15 minutes ago" in page.text
        assert "prompt=login%20select_account" in page.text
        posted = await world.post(PAGE, {"a": "b"})
        assert posted.status_code == 401
        assert "prompt=login%20select_account" in posted.text
        assert (await world.ask(PAGE)).status_code == 401
        world.clock.forward(minutes=2)
        assert (await world.get(PAGE)).status_code == 303


@pytest.mark.parametrize("mismatch", [Mismatch.LEVEL_NOT_REACHED, Mismatch.SIGNED_IN_TOO_LONG_AGO, Mismatch.CANCELLED])
async def test_a_step_up_in_vain_is_remembered_in_the_session_that_stays(mismatch: Mismatch) -> None:
    async with gateway(change=careful) as world:
        await world.get(await below(world))
        world.provider.refusal = SignInRefused(mismatch, "what it was")
        assert "the level has to be high" in await come_back(world)
        again = await world.get(PAGE)
        assert again.status_code == 403
        assert "prompt=login" in again.text
        assert list(world.sessions.kept) == ["cookie-1"]


async def test_c30_the_organisation_is_kept_only_if_the_new_facts_still_give_it(record_property: Record) -> None:
    both = PersonRecord(rights=(a_right(), a_right(FLORIST)), organisations=(BAKERY, FLORIST))
    async with gateway(change=careful) as world:
        world.provider.signed_in = SignedIn(identity=LOW, chosen=FLORIST.number)
        world.registers.record = both
        await world.sign_in()
        await world.get((await world.get(PAGE)).headers["location"])
        world.provider.signed_in = SignedIn(identity=an_identity(auth_time=world.clock.now()))
        assert await come_back(world) == PAGE
        assert world.session.acting is not None
        assert world.session.acting.organisation == FLORIST
    async with gateway(change=careful) as world:
        world.provider.signed_in = SignedIn(identity=LOW, chosen=FLORIST.number)
        world.registers.record = both
        await world.sign_in()
        await world.get((await world.get(PAGE)).headers["location"])
        world.registers.record = PersonRecord(rights=(a_right(),), organisations=(BAKERY,))
        world.provider.signed_in = SignedIn(identity=an_identity(auth_time=world.clock.now()))
        assert (await come_back(world)).startswith("/_inkom/organisation?")
        assert world.session.acting is None
    record_property("statement", "C30: the chosen organisation is kept only if the new facts give it")
    record_property("seen", "kept when still there; else the person chooses again")


@pytest.mark.parametrize(
    "forged",
    ["level=none", "max_age=-1", "max_age=1.5", "max_age=9999999999", "prompt=none", "acr_values=urn:x", "level=&x=y"],
)
async def test_what_is_not_understood_in_an_address_is_ignored(world: World, forged: str) -> None:
    await world.sign_in()
    await world.get(f"/_inkom/login?return_to={PAGE}&{forged}")
    attempt = world.provider.attempts[-1]
    assert (attempt.demand, attempt.subject) == (NOTHING, None)


async def test_a_value_that_is_worth_less_than_the_sign_in_is_never_asked_for(world: World) -> None:
    for values, expected in ((f"{MEANS}csamsms {MEANS}eid", (f"{MEANS}eid",)), (f"{MEANS}csampassword", ())):
        await world.sign_in()
        await world.get(f"/_inkom/login?return_to={PAGE}&acr_values={values}")
        assert world.provider.attempts[-1].acr_values == expected
    world.sessions.kept.clear()
    await world.get(f"/_inkom/login?return_to={PAGE}&acr_values={MEANS}eid")
    assert world.provider.attempts[-1].acr_values == ()


async def test_an_address_may_ask_for_more_of_somebody_who_is_not_signed_in(world: World) -> None:
    await world.get(f"/_inkom/login?return_to={PAGE}&level=high&max_age=60&prompt=login")
    attempt = world.provider.attempts[-1]
    assert attempt.demand == Demand(level=Assurance.HIGH, max_age=60, prompt=(Prompt.LOGIN,))
    assert attempt.subject is None


def test_what_is_written_into_an_address_is_read_from_it() -> None:
    demand = Demand(level=Assurance.HIGH, max_age=60, acr_values=("a:b", "c"), prompt=(Prompt.LOGIN,))
    address = address_with_demand("/login", "/x?y=z", demand)
    assert demand_in(QueryParams(address.partition("?")[2]), acr_values={"a:b", "c"}) == demand


async def test_a_program_without_a_token_of_its_own_is_told_what_is_needed_too() -> None:
    async with gateway(change=careful) as world:
        await below(world)
        told = (await world.ask(PAGE)).headers["www-authenticate"]
        assert told.startswith('Bearer realm="kmo-portefeuille", error="insufficient_user_authentication", ')
        assert told.endswith(f', acr_values="{MEANS}eid {MEANS}itsme", max_age="900"')


@pytest.mark.parametrize(
    ("demand", "words"),
    [
        (NOTHING, ()),
        (Demand(level=Assurance.HIGH), ("high",)),
        (Demand(level=Assurance.SUBSTANTIAL), ("substantial",)),
        (Demand(level=Assurance.LOW), ("ways that the government offers",)),
        (Demand(acr_values=(MEANS + "eid",)), ("high",)),
        (Demand(acr_values=("urn:special",)), ("way that the application asks for",)),
        (Demand(max_age=900), ("%(count)s minutes",)),
        (Demand(max_age=60), ("not be long ago",)),
        (Demand(level=Assurance.HIGH, max_age=900), ("high", "%(count)s minutes")),
    ],
)
def test_a_person_reads_what_is_needed(demand: Demand, words: tuple[str, ...]) -> None:
    lines = needed(demand, ACM_ACR)
    assert len(lines) == len(words)
    assert all(word in text for word, (text, _) in zip(words, lines, strict=True))


async def test_what_the_policy_asks_goes_along_by_way_of_our_own_pages_too() -> None:
    async with gateway(change=careful) as world:
        chooser = f"%2F_inkom%2Forganisation%3Freturn_to%3D{quote(quote(PAGE, safe=''))}"
        await world.get(f"/_inkom/login?return_to={chooser}")
        assert world.provider.attempts[-1].prompt == (Prompt.SELECT_ACCOUNT,)
