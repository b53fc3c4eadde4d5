"""Several providers side by side: who is asked which, where they answer, and whose sign-ins count where."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from broker.domain.demand import AcrMeaning
from broker.domain.people import Assurance, SignInMethod
from broker.domain.policy import AssuranceAtLeast, Policy, Requirement
from broker.domain.session import SignInAttempt
from broker.ports import Mismatch, SignedIn
from broker.web.providers import application_behind
from tests.broker.gateway import BAKERY, World, an_identity, gateway
from tests.broker.proxy.world import Received

CHOICE = "/_inkom/login?return_to=%2Fkmo-portefeuille%2F"
BOTH, TEST_ONLY, ACM_ONLY = "kmo-portefeuille", "ecologiepremie-plus", "coronamaatregelen"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with gateway(accepted={BOTH: ("acm", "acm-test"), TEST_ONLY: ("acm-test",)}) as world:
        yield world


async def sign_in_at_test(world: World, application: str = BOTH) -> str:
    """Sign in at the other provider; return where that leads."""
    await world.get(f"/_inkom/login?return_to=/{application}/&provider=acm-test")
    answer = await world.get(f"/_inkom/callback/acm-test?code=c&state={last_attempt(world).state}")
    return answer.headers["location"]


def last_attempt(world: World) -> SignInAttempt:
    return world.others["acm-test"].attempts[-1]


async def test_where_several_are_accepted_the_person_chooses(world: World) -> None:
    page = await world.get(CHOICE)
    assert page.status_code == 200
    assert "How do you want to sign in?" in page.text
    assert f'href="{CHOICE}&amp;provider=acm"' in page.text
    assert f'href="{CHOICE}&amp;provider=acm-test"' in page.text
    assert "Flemish government (ACM/IDM)" in page.text
    assert "Service acm-test" in page.text
    assert world.provider.attempts == world.others["acm-test"].attempts == []


async def test_the_page_is_dutch_for_whoever_reads_dutch(world: World) -> None:
    page = await world.get(CHOICE, accept_language="nl")
    assert "Hoe wilt u zich aanmelden?" in page.text
    assert "Dienst acm-test" in page.text


async def test_pages_may_lead_to_every_provider(world: World) -> None:
    policy = (await world.get(CHOICE)).headers["content-security-policy"]
    assert "form-action 'self' http://localhost:9000 https://acm-test.example" in policy


@pytest.mark.parametrize(
    ("path", "provider"), [(f"/{ACM_ONLY}/aanvraag", "acm"), (f"/{TEST_ONLY}/aanvraag", "acm-test")]
)
async def test_where_one_is_accepted_nobody_is_asked(world: World, path: str, provider: str) -> None:
    answer = await world.get(f"/_inkom/login?return_to={path}")
    assert answer.status_code == 303
    asked = world.provider if provider == "acm" else world.others[provider]
    assert [(one.provider, one.return_to) for one in asked.attempts] == [(provider, path)]


async def test_a_path_of_no_application_offers_all(world: World) -> None:
    assert "provider=acm-test" in (await world.get("/_inkom/login?return_to=/")).text


@pytest.mark.parametrize("named", ["unheard-of", "", "acm-test%00"])
async def test_an_unknown_provider_is_not_chosen(world: World, named: str) -> None:
    assert "How do you want to sign in?" in (await world.get(f"{CHOICE}&provider={named}")).text


async def test_a_provider_that_the_application_does_not_accept_is_not_chosen(world: World) -> None:
    await world.get(f"/_inkom/login?return_to=/{ACM_ONLY}/&provider=acm-test")
    assert world.others["acm-test"].attempts == []
    assert world.provider.attempts[-1].provider == "acm"


async def test_a_sign_in_at_the_other_provider_opens_what_accepts_it(world: World) -> None:
    assert await sign_in_at_test(world) == f"/{BOTH}/"
    assert world.session.identity.provider == "acm-test"
    assert world.audit.events[-1].detail == "itsme at acm-test"
    assert (await world.get(f"/{BOTH}/")).status_code == 200


async def test_a_sign_in_that_an_application_does_not_accept_goes_nowhere_and_the_page_says_why(world: World) -> None:
    await sign_in_at_test(world)
    answer = await world.get(f"/{ACM_ONLY}/")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/_inkom/login?return_to=%2F{ACM_ONLY}%2F")
    assert world.backend.received == []
    page = await world.get(answer.headers["location"])
    assert "You are signed in with Service acm-test." in page.text
    assert "provider=acm-test" not in page.text
    problem = await world.ask(f"/{ACM_ONLY}/")
    assert (problem.status_code, problem.json()["reason"]) == (401, "not-signed-in")


async def test_choosing_the_accepted_provider_ends_the_other_sign_in(world: World) -> None:
    await sign_in_at_test(world)
    await world.get(f"/_inkom/login?return_to=/{ACM_ONLY}/&provider=acm")
    attempt = world.provider.attempts[-1]
    assert attempt.subject is None
    await world.get(f"/_inkom/callback?code=c&state={attempt.state}")
    assert world.session.identity.provider == "acm"
    assert (await world.get(f"/{ACM_ONLY}/")).status_code == 200


async def test_somebody_who_steps_up_stays_at_their_provider(world: World) -> None:
    await sign_in_at_test(world)
    await world.get(f"{CHOICE}&level=high")
    attempt = last_attempt(world)
    assert (attempt.subject, attempt.organisation) == ("subject-of-an", BAKERY.number)


async def test_the_place_on_the_page_is_kept_over_the_choice(world: World) -> None:
    page = await world.post("/_inkom/login?return_to=/kmo-portefeuille/&go=1", {"fragment": "part-2"})
    assert f'href="{CHOICE}&amp;provider=acm#part-2"' in page.text
    await world.post(f"{CHOICE}&provider=acm&go=1", {"fragment": "part-2"})
    assert world.provider.attempts[-1].fragment == "part-2"


async def test_a_level_is_kept_over_the_choice(world: World) -> None:
    await sign_in_at_test(world)
    page = await world.get(f"/_inkom/login?return_to=/{ACM_ONLY}/&level=high")
    assert f"return_to=%2F{ACM_ONLY}%2F&amp;level=high&amp;provider=acm" in page.text
    await world.get(f"/_inkom/login?return_to=/{ACM_ONLY}/&provider=acm&level=high")
    attempt = world.provider.attempts[-1]
    assert (attempt.level and attempt.level.word, attempt.subject) == ("high", None)


async def test_c05_an_answer_at_another_providers_address_is_refused_before_anything_is_asked(world: World) -> None:
    await world.get(f"{CHOICE}&provider=acm-test")
    answer = await world.get(f"/_inkom/callback?code=c&state={last_attempt(world).state}")
    assert answer.status_code == 403
    assert "Signing in did not work" in answer.text
    assert world.sessions.kept == {}
    await world.get(f"{CHOICE}&provider=acm")
    answer = await world.get(f"/_inkom/callback/acm-test?code=c&state={world.provider.attempts[-1].state}")
    assert answer.status_code == 403
    assert world.sessions.kept == {}
    assert [event.detail for event in world.audit.events] == [Mismatch.BAD_RESPONSE.value] * 2


@pytest.mark.parametrize("path", ["/_inkom/callback/acm", "/_inkom/callback/unheard-of", "/_inkom/callback/acm-test/"])
async def test_there_is_no_callback_of_anybody_else(world: World, path: str) -> None:
    assert (await world.get(f"{path}?code=c&state=s")).status_code == 404
    assert (await world.post(path, {"code": "c"})).status_code == 404


async def test_signing_out_leads_to_the_provider_where_the_person_signed_in(world: World) -> None:
    await sign_in_at_test(world)
    world.others["acm-test"].logout = "https://acm-test.example/op/logout"
    answer = await world.post("/_inkom/logout", {"form_token": world.session.form_token})
    assert answer.headers["location"] == "https://acm-test.example/op/logout"


async def test_nobody_registers_an_organisation_with_a_sign_in_that_counts_for_no_such_application() -> None:
    async with gateway(accepted={ACM_ONLY: ("acm", "acm-test")}) as world:
        world.registrations.missing = {BAKERY.number}
        await world.get(f"/_inkom/login?return_to=/{ACM_ONLY}/&provider=acm-test")
        await world.get(f"/_inkom/callback/acm-test?code=c&state={last_attempt(world).state}")
        assert 'name="email"' in (await world.get("/_inkom/registration")).text
    async with gateway(accepted={"none-of-them": ("acm-test",)}) as world:
        world.registrations.missing = {BAKERY.number}
        await world.get("/_inkom/login?return_to=/&provider=acm-test")
        await world.get(f"/_inkom/callback/acm-test?code=c&state={last_attempt(world).state}")
        assert 'name="email"' not in (await world.get("/_inkom/registration")).text


@pytest.mark.parametrize(
    ("path", "application"),
    [
        ("/kmo-portefeuille/", "kmo-portefeuille"),
        ("/kmo-portefeuille/a/b?c=/d/", "kmo-portefeuille"),
        ("/kmo-portefeuille", None),
        ("/", None),
        ("/_inkom/registration?return_to=%2Fkmo-portefeuille%2Fa", "kmo-portefeuille"),
        ("/_inkom/organisation?return_to=%2F%2Fevil.test%2F", None),
        ("/_inkom/profile", None),
    ],
)
def test_the_application_is_found_also_behind_a_page_of_our_own(path: str, application: str | None) -> None:
    assert application_behind(path) == application


CERTAIN = "urn:certain"


def at_a_high_level(policy: Policy) -> Policy:
    level = Requirement(id="level", condition=AssuranceAtLeast(level=Assurance.HIGH))
    return replace(policy, require=(level, *policy.require))


def in_need_of_more(_: Received) -> bytes:
    return (
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n"
        b'WWW-Authenticate: Bearer error="insufficient_user_authentication", acr_values="high"\r\n\r\n'
    )


async def test_a_backends_challenge_asks_each_provider_in_its_own_words_and_not_round_in_circles() -> None:
    others_acr = {"acm-test": {CERTAIN: AcrMeaning(method=SignInMethod.EID, assurance=Assurance.HIGH)}}
    accepted = {TEST_ONLY: ("acm-test",)}
    async with gateway(accepted=accepted, others_acr=others_acr, application={"step_up": True}) as world:
        world.backend.answer = in_need_of_more
        low = an_identity(assurance=Assurance.LOW)
        world.others["acm-test"].signed_in = SignedIn(identity=low)
        await sign_in_at_test(world, TEST_ONLY)
        asked = await world.get(f"/{TEST_ONLY}/")
        await world.get(asked.headers["location"])
        assert last_attempt(world).acr_values == (CERTAIN,)
        await world.get(f"/_inkom/callback/acm-test?code=c&state={last_attempt(world).state}")
        assert (await world.get(f"/{TEST_ONLY}/")).status_code == 401


async def test_a_program_is_told_what_is_needed_in_the_words_of_the_persons_provider() -> None:
    others_acr = {"acm-test": {CERTAIN: AcrMeaning(method=SignInMethod.EID, assurance=Assurance.HIGH)}}
    async with gateway(accepted={TEST_ONLY: ("acm-test",)}, others_acr=others_acr, change=at_a_high_level) as world:
        world.others["acm-test"].signed_in = SignedIn(identity=an_identity(assurance=Assurance.LOW))
        await sign_in_at_test(world, TEST_ONLY)
        told = (await world.ask(f"/{TEST_ONLY}/")).headers["www-authenticate"]
        assert told.endswith(f'acr_values="{CERTAIN}"')


async def test_a_form_that_waits_is_fetched_by_a_sign_in_that_its_application_accepts(world: World) -> None:
    await sign_in_at_test(world, TEST_ONLY)
    world.sessions.kept.clear()
    page = await world.post(f"/{TEST_ONLY}/aanvraag", {"bedrag": "100"})
    (onward,) = re.findall(r'href="(/_inkom/login[^"]*)"', page.text)
    answer = await world.get(onward)
    assert answer.headers["location"].startswith("http://localhost:9000/op/v1/auth?")
    assert last_attempt(world).return_to.startswith("/_inkom/parked/")
    asked = await world.get(last_attempt(world).return_to)
    assert (await world.get(asked.headers["location"])).status_code == 303
