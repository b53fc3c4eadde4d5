"""The page for registering an organisation: who sees it, what it asks, and that nobody else's can be registered."""

from __future__ import annotations

import asyncio
from datetime import date
from urllib.parse import quote

import httpx2
import pytest

from broker.domain.people import Organisation, PersonRecord
from broker.ports import AuditUnavailable, Contacts, Event, RegisterUnavailable
from tests.broker.gateway import (
    BAKERY,
    FLORIST,
    PERSON,
    World,
    a_contact,
    a_function,
    a_registration,
    a_right,
)

TARGET = "/kmo-portefeuille/aanvraag?stap=2"
PAGE_ADDRESS = f"/_inkom/registration?return_to={quote(TARGET, safe='')}"
TYPED = {
    "email": "info@bakkerij.test",
    "phone": "+32 9 123 45 67",
    "street": "Deegstraat",
    "house_number": "7 bus 2",
    "postal_code": "9000",
    "municipality": "Gent",
    "language": "nl",
}


async def arrive(world: World, *, organisation: Organisation = BAKERY) -> httpx2.Response:
    """Sign in for an organisation that is not registered, and open an application."""
    world.registrations.missing.add(organisation.number)
    await world.sign_in()
    return await world.get(TARGET)


async def submit(world: World, address: str = PAGE_ADDRESS, **typed: str) -> httpx2.Response:
    own = {"form_token": world.session.form_token, "organisation": BAKERY.number.digits}
    return await world.post(address, {**own, **TYPED, **typed})


def kinds(world: World) -> list[str]:
    return [event.kind for event in world.audit.events]


async def test_the_first_visitor_of_an_organisation_is_sent_to_the_page_filled_from_kbo(world: World) -> None:
    answer = await arrive(world)
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE_ADDRESS)
    page = await world.get(PAGE_ADDRESS)
    assert page.status_code == 200
    for told in ("1999.999.943", "Voorbeeld Bakkerij BV", "Arne Baas", "Register your organisation on INKOM"):
        assert told in page.text
    assert PERSON.digits not in page.text
    assert world.backend.received == []


async def test_the_page_speaks_dutch_and_remembers_where_to_go_in_either_language(world: World) -> None:
    await arrive(world)
    page = await world.get(PAGE_ADDRESS, accept_language="nl")
    assert "Registreer uw organisatie op INKOM" in page.text
    assert f"return_to={quote(TARGET, safe='')}&amp;lang=en" in page.text
    assert 'value="nl" checked' in page.text
    assert 'value="en" checked' in (await world.get(PAGE_ADDRESS)).text


async def test_a_program_is_told_why_and_where_to_register(world: World) -> None:
    await arrive(world)
    answer = await world.ask("/kmo-portefeuille/api")
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["reason"] == problem["cause"] == "organisation-not-registered"
    assert problem["registration_url"] == "/_inkom/registration?return_to=%2Fkmo-portefeuille%2Fapi"


async def test_a_form_of_an_application_is_not_posted_again_after_registering(world: World) -> None:
    await arrive(world)
    answer = await world.post("/kmo-portefeuille/aanvraag", {"bedrag": "100"})
    assert answer.headers["location"] == "/_inkom/registration?return_to=%2Fkmo-portefeuille%2F"
    assert world.backend.received == []


async def test_registering_is_stored_audited_and_leads_on_at_once(world: World) -> None:
    await arrive(world)
    answer = await submit(world)
    assert (answer.status_code, answer.headers["location"]) == (303, TARGET)
    registration = world.registrations.made[BAKERY.number]
    assert registration.organisation == BAKERY
    assert registration.contact == a_contact(phone="+32 9 123 45 67")
    assert registration.registered_by_name == "Anaïs Testers"
    assert registration.registered_at == world.clock.now()
    assert PERSON.digits not in repr(registration)
    submitted, registered = world.audit.events[-2:]
    assert (submitted.kind, registered.kind) == ("registration-submitted", "organisation-registered")
    assert registered.organisation == BAKERY.number.digits
    assert registered.detail == f"by {registration.registered_by}"
    asked = world.registers.asked
    assert (await world.get(TARGET)).status_code == 200
    assert world.registers.asked == asked


async def test_the_pseudonym_is_the_one_of_the_audit_log_s_decisions(world: World) -> None:
    people: list[str] = []
    decided = world.audit.decided

    async def remembers(decision: object, *, session: str, person: str, method: str, path: str) -> str:
        people.append(person)
        return await decided(decision, session=session, person=person, method=method, path=path)  # type: ignore[arg-type]  # as it came

    world.audit.decided = remembers  # type: ignore[method-assign]  # to see what the port has no place for
    await arrive(world)
    await submit(world)
    assert {world.registrations.made[BAKERY.number].registered_by} == set(people)


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("email", "", "Fill in the e-mail address."),
        ("email", "info@bakkerij", "Write an e-mail address, such as info@example.be."),
        ("phone", "09 123 45 67", "Write the number with its country, such as +3212345678."),
        ("phone", "", "Fill in the phone number."),
        ("street", " ", "Fill in the street."),
        ("street", "x" * 101, "Write this shorter."),
        ("street", "\u202eDeegstraat", "Write this with ordinary letters, digits and signs."),
        ("house_number", "", "Fill in the house number."),
        ("postal_code", "0900", "Write a postal code of four digits, such as 1000."),
        ("postal_code", "", "Fill in the postal code."),
        ("municipality", "", "Fill in the municipality."),
        ("language", "", "Choose the language."),
        ("language", "xx", "Choose one of the languages."),
    ],
)
async def test_a_mistake_stands_beside_its_field_and_nothing_that_was_typed_is_lost(
    world: World, field: str, typed: str, said: str
) -> None:
    await arrive(world)
    page = await submit(world, **{field: typed})
    assert page.status_code == 422
    assert "There is one thing to correct" in page.text
    assert f'<a href="#{field}">{said}</a>' in page.text
    assert f'id="{field}-error"' in page.text
    kept = [value for name, value in TYPED.items() if name not in {field, "language"}]
    assert all(f'value="{value}"' in page.text for value in kept)
    assert (field == "language") == ('value="nl" checked' not in page.text)
    assert world.registrations.made == {}
    assert "registration-submitted" not in kinds(world)


async def test_every_mistake_is_told_at_once_in_the_visitor_s_language(world: World) -> None:
    await arrive(world)
    fields = {"form_token": world.session.form_token, "organisation": BAKERY.number.digits}
    page = await world.post(PAGE_ADDRESS, fields, accept_language="nl")
    assert page.status_code == 422
    assert "Er zijn 7 dingen te verbeteren" in page.text
    assert page.text.count('class="error" id=') == 7


async def test_markup_that_was_typed_is_shown_as_text(world: World) -> None:
    await arrive(world)
    page = await submit(world, street='"><script>alert(1)</script>', email="<b>@x")
    assert page.status_code == 422
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text


async def test_somebody_with_no_way_in_never_sees_the_page_nor_can_send_it(world: World) -> None:
    world.registers.record = PersonRecord(
        rights=(a_right(until=date(2026, 5, 31)),), administers=(BAKERY.number,), organisations=(BAKERY,)
    )
    answer = await arrive(world)
    assert answer.status_code == 403
    assert "This organisation is not registered on INKOM yet." in answer.text
    page = await world.get(PAGE_ADDRESS)
    assert page.status_code == 403
    assert 'name="email"' not in page.text
    assert (await submit(world)).status_code == 403
    assert world.registrations.made == {}
    assert kinds(world)[-1] == "registration-refused"


async def test_a_ceased_organisation_cannot_be_registered(world: World) -> None:
    world.registers.active = False
    answer = await arrive(world)
    assert answer.status_code == 403
    assert (await submit(world)).status_code == 403
    assert world.registrations.made == {}


@pytest.mark.parametrize("number", [FLORIST.number.digits, "1999999844", "1999.999.943", "", "x"])
async def test_another_organisation_in_the_form_is_refused(world: World, number: str) -> None:
    world.registers.record = PersonRecord(rights=(a_right(),), organisations=(BAKERY,))
    world.registrations.missing.add(FLORIST.number)
    await arrive(world)
    answer = await submit(world, organisation=number)
    assert answer.status_code == 403
    assert world.registrations.made == {}
    assert world.audit.events[-1].kind == "registration-refused"
    assert world.audit.events[-1].organisation == BAKERY.number.digits


async def test_a_form_filled_in_before_changing_to_another_organisation_registers_neither(world: World) -> None:
    world.registers.record = PersonRecord(
        rights=(a_right(),), functions=(a_function(FLORIST),), organisations=(BAKERY, FLORIST)
    )
    world.registrations.missing.update({BAKERY.number, FLORIST.number})
    await world.sign_in()
    for number in (BAKERY.number.digits, FLORIST.number.digits):
        await world.post("/_inkom/organisation", {"organisation": number, "form_token": world.session.form_token})
    assert (await submit(world)).status_code == 403
    assert world.registrations.made == {}


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.test"}, {"origin": "null"}, {"sec_fetch_site": "cross-site"}]
)
async def test_a_form_from_another_site_registers_nothing(world: World, headers: dict[str, str]) -> None:
    await arrive(world)
    fields = {"form_token": world.session.form_token, "organisation": BAKERY.number.digits, **TYPED}
    assert (await world.post(PAGE_ADDRESS, fields, **headers)).status_code == 403
    assert (await submit(world, form_token="another")).status_code == 403
    assert world.registrations.made == {}


async def test_a_form_sent_twice_lands_where_the_visitor_was_going(world: World) -> None:
    await arrive(world)
    answers = await asyncio.gather(*(submit(world) for _ in range(5)))
    assert {(answer.status_code, answer.headers["location"]) for answer in answers} == {(303, TARGET)}
    later = await submit(world, email="not an address")
    assert (later.status_code, later.headers["location"]) == (303, TARGET)
    assert list(world.registrations.made) == [BAKERY.number]


async def test_who_comes_second_changes_nothing_and_goes_on(world: World) -> None:
    await arrive(world)
    first = a_registration()
    world.registrations.made[BAKERY.number] = first
    assert (await submit(world)).headers["location"] == TARGET
    assert world.registrations.made[BAKERY.number] == first
    assert "organisation-registered" not in kinds(world)


async def test_a_registration_made_on_another_machine_is_seen_within_five_seconds(world: World) -> None:
    await arrive(world)
    world.registrations.made[BAKERY.number] = a_registration()
    assert (await world.ask(TARGET)).status_code == 403
    world.clock.forward(seconds=6)
    assert (await world.ask(TARGET)).status_code == 200


async def test_an_organisation_that_is_registered_is_said_to_be_so_with_the_way_on(world: World) -> None:
    await arrive(world)
    world.registrations.made[BAKERY.number] = a_registration()
    page = await world.get(PAGE_ADDRESS)
    assert page.status_code == 200
    assert "This organisation is registered already." in page.text
    assert f'href="{TARGET}"' in page.text
    assert (await world.get(TARGET)).status_code == 200


async def test_without_a_session_or_an_organisation_one_goes_there_first_and_comes_back(world: World) -> None:
    for answer in (await world.get(PAGE_ADDRESS), await world.post(PAGE_ADDRESS, TYPED)):
        assert answer.headers["location"] == f"/_inkom/login?return_to={quote(PAGE_ADDRESS, safe='')}"
    world.registers.record = PersonRecord(
        rights=(a_right(),), functions=(a_function(FLORIST),), organisations=(BAKERY, FLORIST)
    )
    await world.sign_in()
    answer = await world.get(PAGE_ADDRESS)
    assert answer.headers["location"] == f"/_inkom/organisation?return_to={quote(PAGE_ADDRESS, safe='')}"


async def test_whom_the_organisation_no_longer_knows_must_choose_again(world: World) -> None:
    await arrive(world)
    world.registers.record = PersonRecord()
    assert (await submit(world)).headers["location"].startswith("/_inkom/organisation?")
    assert world.registrations.made == {}


@pytest.mark.parametrize("address", ["//evil.test/", "https://evil.test/", "/\\evil.test", "javascript:alert(1)"])
async def test_the_way_on_never_leads_to_another_site(world: World, address: str) -> None:
    await arrive(world)
    answer = await submit(world, f"/_inkom/registration?return_to={quote(address, safe='')}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_while_the_database_is_away_nobody_gets_in_and_nobody_registers(world: World) -> None:
    await arrive(world)
    world.registrations.away = True
    for answer in (await world.get(PAGE_ADDRESS), await submit(world)):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "15")
    world.clock.forward(seconds=301)
    assert (await world.ask(TARGET)).json()["reason"] == "gateway"
    ready = await world.ask("/_inkom/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")


async def test_facts_that_are_not_too_old_outlive_a_database_that_is_away(world: World) -> None:
    await world.sign_in()
    world.registrations.away = True
    assert (await world.ask(TARGET)).status_code == 200


async def test_nothing_is_stored_that_the_audit_log_cannot_hold(world: World) -> None:
    async def full(event: Event) -> str:
        raise AuditUnavailable("the audit log cannot be written: the disk is full")

    await arrive(world)
    world.audit.happened = full  # type: ignore[method-assign]  # a full disk
    assert (await submit(world)).status_code == 503
    assert world.registrations.made == {}


async def test_names_that_the_registers_cannot_tell_do_not_stop_anybody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await arrive(world)

    async def away(*_: object, **__: object) -> None:
        raise RegisterUnavailable("IDM does not answer (for this test)")

    monkeypatch.setattr(world.registers, "contacts", away)
    page = await world.get(PAGE_ADDRESS)
    assert page.status_code == 200
    assert "We can't show the names here." in page.text


async def test_where_claims_are_all_there_is_no_names_are_asked_for(world: World) -> None:
    world.registers.helpers = Contacts(organisation=None, known=False)
    await arrive(world)
    assert "We can't show the names here." in (await world.get(PAGE_ADDRESS)).text
