"""The receiver of Shared Signals, and what an announcement does to sessions that are under way."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from broker.domain.people import Assurance, PersonRecord
from broker.domain.session import Identity
from broker.ports import ProviderUnavailable, SignalRefused, SignedIn
from tests.broker.gateway import BAKERY, SIGNALS_TOKEN, World, a_right, an_identity

APPLICATION = "/kmo-portefeuille/"
LOST = PersonRecord(rights=(a_right(until=date(2026, 5, 31)),), organisations=(BAKERY,))


async def test_c52_a_withdrawn_right_closes_the_next_request_though_the_facts_are_young(world: World) -> None:
    await world.sign_in()
    assert (await world.get(APPLICATION)).status_code == 200
    world.registers.record = LOST
    assert (await world.get(APPLICATION)).status_code == 200

    answer = await world.signal("token-claims-change")

    assert (answer.status_code, answer.content) == (202, b"")
    assert (await world.get(APPLICATION)).status_code == 403


async def test_a_right_that_was_given_opens_without_a_new_sign_in(world: World) -> None:
    granted, world.registers.record = world.registers.record, LOST
    await world.sign_in()
    assert (await world.get(APPLICATION)).status_code == 403
    world.registers.record = granted

    await world.signal("token-claims-change")

    assert (await world.get(APPLICATION)).status_code == 200


async def test_after_a_revoked_session_the_person_signs_in_anew_and_may_then_pass(world: World) -> None:
    await world.sign_in()

    await world.signal("session-revoked")

    assert (await world.get(APPLICATION)).status_code == 303
    assert world.sessions.kept == {}
    world.clock.forward(seconds=1)
    await world.sign_in()
    assert (await world.get(APPLICATION)).status_code == 200


async def test_a_revoked_session_shows_none_of_our_pages_either(world: World) -> None:
    await world.sign_in()

    await world.signal("session-revoked")

    assert (await world.get("/_inkom/profile")).status_code == 303
    assert (await world.get("/_inkom/me")).status_code == 401
    assert world.sessions.kept == {}


async def test_a_session_that_the_provider_ended_is_over_and_shows_none_of_our_pages(world: World) -> None:
    world.provider.signed_in = SignedIn(identity=replace(an_identity(), acm_session="a-sid"))
    await world.sign_in()
    world.clock.forward(seconds=-60)

    await world.announcements.announce_session_ended(issuer=an_identity().issuer, sid="a-sid", event_id="one")

    assert (await world.get(APPLICATION)).status_code == 303
    assert world.sessions.kept == {}


async def test_what_is_announced_while_the_registers_answer_makes_their_answer_old(world: World) -> None:
    """The registers said yes, then the right went, then their answer came in."""
    await world.sign_in()
    world.forget_facts()
    answered = world.registers.person

    async def person(identity: Identity) -> PersonRecord:
        record = await answered(identity)
        if world.registers.record is not LOST:
            world.registers.record = LOST
            await world.signal("token-claims-change")
        return record

    world.registers.person = person  # type: ignore[method-assign]  # the moment between question and answer
    await world.get(APPLICATION)

    assert (await world.get(APPLICATION)).status_code == 403


async def test_what_is_announced_of_somebody_else_asks_nothing(world: World) -> None:
    await world.sign_in()
    await world.get(APPLICATION)
    asked = world.registers.asked

    await world.signal("token-claims-change", subject="somebody-else")
    await world.get(APPLICATION)

    assert world.registers.asked == asked


async def test_the_facts_are_read_once_for_each_announcement(world: World) -> None:
    await world.sign_in()
    asked = world.registers.asked

    await world.signal("token-claims-change")
    for _ in range(3):
        await world.get(APPLICATION)

    assert world.registers.asked == asked + 1


async def test_while_the_register_is_away_nobody_passes_on_facts_that_are_announced_to_be_old(world: World) -> None:
    await world.sign_in()
    world.registers.away = True

    await world.signal("token-claims-change")

    assert (await world.get(APPLICATION)).status_code == 503


async def test_an_event_is_audited_without_saying_whom_it_is_about(world: World) -> None:
    await world.signal("token-claims-change")

    await world.signal("other", event_id="two")

    ours, other = world.audit.events
    assert (ours.kind, ours.detail) == ("signal", "token-claims-change")
    assert (other.kind, other.detail) == ("signal", "nothing that we act on")
    assert "subject-of-an" not in repr(ours)


async def test_events_are_counted(world: World) -> None:
    await world.signal("token-claims-change")
    await world.signal("token-claims-change")
    await world.signal("other", event_id="two")

    figures = world.measures.exposition().decode()
    for result in ("passed-on", "repeated", "not-ours"):
        assert f'inkom_signals_total{{result="{result}"}} 1.0' in figures


async def test_an_event_that_cannot_be_kept_is_not_acknowledged(world: World) -> None:
    world.announcements.away = True

    answer = await world.signal("token-claims-change")

    assert answer.status_code == 503
    assert answer.headers["retry-after"]


async def test_without_the_transmitters_keys_the_event_is_to_come_again(world: World) -> None:
    world.signals.refusal = ProviderUnavailable("keys: no answer")

    assert (await world.signal("token-claims-change")).status_code == 503


async def test_a_refusal_says_why_in_the_words_of_the_standard(world: World) -> None:
    world.signals.refusal = SignalRefused("invalid_issuer", "iss is another issuer")

    answer = await world.signal("token-claims-change")

    assert (answer.status_code, answer.json()) == (
        400,
        {"err": "invalid_issuer", "description": "iss is another issuer"},
    )


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({"authorization": ""}, b"x", 400, "authentication_failed"),
        ({"authorization": "Bearer wrong"}, b"x", 400, "authentication_failed"),
        ({"authorization": f"Basic {SIGNALS_TOKEN}"}, b"x", 400, "authentication_failed"),
        ({"content-type": "application/jwt"}, b"x", 400, "invalid_request"),
        ({"content-type": ""}, b"x", 400, "invalid_request"),
        ({}, b"x" * 70_000, 400, "invalid_request"),
    ],
)
async def test_what_is_not_sent_as_it_must_be_is_refused(
    world: World, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    proper = {"content-type": "application/secevent+jwt", "authorization": f"Bearer {SIGNALS_TOKEN}"}
    answer = await world.client.post("/_inkom/signals", content=body, headers={**proper, **headers})

    assert (answer.status_code, answer.json()["err"]) == (status, code)


async def test_only_post_is_an_event(world: World) -> None:
    assert (await world.get("/_inkom/signals")).status_code == 405


async def test_c54_after_the_level_fell_the_session_counts_for_no_more_until_a_new_sign_in(world: World) -> None:
    await world.sign_in()
    world.signals.said = {"falls_to": Assurance.LOW}

    await world.signal("assurance-level-change")
    await world.get(APPLICATION)

    # The store keeps what the provider said at the sign-in; every look at the session sees the level that is left.
    assert world.session.acting is not None
    assert world.session.acting.facts.assurance is Assurance.LOW
    world.clock.forward(seconds=1)
    await world.sign_in()
    assert (await world.get(APPLICATION)).status_code == 200
    assert world.session.identity.assurance is an_identity().assurance


async def test_c51_a_session_that_began_after_the_event_happened_is_kept(world: World) -> None:
    world.signals.said = {"at": world.clock.now() - timedelta(seconds=1)}
    await world.sign_in()

    await world.signal("session-revoked")

    assert (await world.get(APPLICATION)).status_code == 200


@pytest.mark.parametrize("reason", ["nobody-known", "critical-member"])
async def test_c49_an_event_that_is_set_aside_is_acknowledged_audited_and_counted(world: World, reason: str) -> None:
    world.signals.aside = reason

    assert (await world.signal("other")).status_code == 202

    assert world.audit.events[-1].detail == reason
    assert f'inkom_signals_total{{result="{reason}"}} 1.0' in world.measures.exposition().decode()


async def test_c56_a_verification_is_ours_by_stream_and_state(world: World) -> None:
    world.notes.stream, world.notes.states = "our-stream", {"ours"}

    async def verification(stream: str, state: str | None) -> tuple[int, str]:
        world.signals.said = {"state": state}
        answer = await world.signal("verification", subject=stream)
        return answer.status_code, answer.json()["err"] if answer.content else ""

    assert await verification("our-stream", "ours") == (202, "")
    assert await verification("our-stream", None) == (202, "")
    assert await verification("our-stream", "guessed") == (400, "invalid_state")
    assert await verification("another", "ours") == (400, "access_denied")


async def test_an_update_of_the_stream_is_noted_and_audited(world: World) -> None:
    world.signals.said = {"status": "paused"}

    assert (await world.signal("stream-updated", subject="our-stream")).status_code == 202

    assert world.notes.status == "paused"
    assert world.audit.events[-1].detail == "stream paused"


async def test_c54_no_backend_is_told_the_former_level_by_the_request_that_reads_the_facts_anew(world: World) -> None:
    await world.sign_in()
    world.signals.said = {"falls_to": Assurance.LOW}
    await world.signal("assurance-level-change")

    for _ in range(2):
        assert (await world.get(APPLICATION)).status_code == 200
        world.forget_facts()

    told = [received.values(b"x-inkom-assurance") for received in world.backend.received]
    assert told == [[b"low"], [b"low"]]
