"""Playing KBO: functions added and ended, seen some working days later, withdrawn, recorded at once."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from mock_idp.days import OPEN_END
from mock_idp.idm.rules import written_day
from mock_idp.kbo.term import Term
from mock_idp.kbo.working_days import after_working_days
from mock_idp.world.tables import FunctionRow, HistoryRow
from tests.mock_idp.kbo.visitor import (
    BAKERY,
    BUILDER,
    FLORIST,
    HOLDING,
    TRAINING,
    TRANSPORT,
    UNLISTED,
    Visitor,
)

DIRECTOR = "10002"


async def test_a_new_function_is_public_five_working_days_later(visitor: Visitor) -> None:
    today = visitor.clock.today()
    public_from = after_working_days(today, 5)
    await visitor.add_function(UNLISTED, person="employee")
    assert visitor.at == f"/kbo/loket/{UNLISTED}?gedaan=toegevoegd"
    assert "De nieuwe functie is gemeld aan KBO" in visitor.text
    assert written_day(public_from) in visitor.text

    visitor.clock.move_to(public_from - timedelta(days=1))
    assert await visitor.functions(UNLISTED) == []
    assert "Britt Proefman" not in (await visitor.get(f"/kbo/onderneming/{UNLISTED}")).text

    visitor.clock.move_to(public_from)
    assert await visitor.functions(UNLISTED) == [DIRECTOR]
    assert "Britt Proefman" in (await visitor.get(f"/kbo/onderneming/{UNLISTED}")).text
    assert f"ja {written_day(public_from)}" in visitor.text  # in KBO since
    assert "Er wacht niets" in (await visitor.get("/kbo/loket")).text


async def test_whoever_gets_a_function_is_a_legal_representative_for_the_gateway_from_that_day_on(
    visitor: Visitor,
) -> None:
    await visitor.choose_term(0)
    await visitor.add_function(UNLISTED, national_number="77.61.20-215.65")  # whom the registers did not know

    person = visitor.world.current.person_by_national_number("77612021565")
    assert person is not None
    assert visitor.world.current.represents(person, UNLISTED, visitor.clock.today())
    assert person.key in visitor.told


async def test_an_end_is_public_later_and_the_function_holds_until_then(visitor: Visitor) -> None:
    today = visitor.clock.today()
    row = await row_of(visitor, TRAINING, "10007")
    path = f"/kbo/loket/functie/{row}/einde"
    await visitor.get(path)
    await visitor.post(path, last=written_day(today), reason="Ontslag")
    assert "Het einde van de functie is gemeld" in visitor.text
    assert "einde gemeld" in visitor.text

    visitor.clock.move_to(after_working_days(today, 5) - timedelta(days=1))
    assert "10007" in await visitor.functions(TRAINING)
    visitor.clock.move_to(after_working_days(today, 5))
    assert "10007" not in await visitor.functions(TRAINING)
    await visitor.get(f"/kbo/onderneming/{TRAINING}")
    assert "1 vroegere functie" in visitor.text


async def test_an_end_that_lies_ahead_is_public_before_it_comes(visitor: Visitor) -> None:
    await visitor.choose_term(0)
    last = visitor.clock.today() + timedelta(days=30)
    row = await row_of(visitor, TRAINING, "10007")
    await visitor.get(f"/kbo/loket/functie/{row}/einde")
    await visitor.post(f"/kbo/loket/functie/{row}/einde", last=written_day(last))

    await visitor.get(f"/kbo/onderneming/{TRAINING}")
    assert written_day(last) in visitor.text
    assert "10007" in await visitor.functions(TRAINING)
    visitor.clock.move_to(last + timedelta(days=1))
    assert "10007" not in await visitor.functions(TRAINING)


async def test_a_report_can_be_withdrawn_and_is_as_if_never_made(visitor: Visitor) -> None:
    await visitor.add_function(UNLISTED, person="employee")
    row = visitor.waiting_row()
    await visitor.post(f"/kbo/loket/functie/{row}/intrekken")
    assert visitor.at == f"/kbo/loket/{UNLISTED}?gedaan=ingetrokken"

    ends = await row_of(visitor, TRAINING, "10007")
    await visitor.get(f"/kbo/loket/functie/{ends}/einde")
    await visitor.post(f"/kbo/loket/functie/{ends}/einde", last=written_day(visitor.clock.today()))
    await visitor.get("/kbo/loket")
    await visitor.post(f"/kbo/loket/functie/{ends}/intrekken")
    assert visitor.at == "/kbo/loket?gedaan=ingetrokken"

    visitor.clock.move_to(visitor.clock.today() + timedelta(days=30))
    assert await visitor.functions(UNLISTED) == []
    assert "10007" in await visitor.functions(TRAINING)
    with visitor.world.reading() as session:
        row_after = session.get(FunctionRow, ends)
        assert row_after is not None
        assert (row_after.last, row_after.ends_on, row_after.end_reason) == (OPEN_END, None, "")


async def test_a_report_can_be_recorded_at_once(visitor: Visitor) -> None:
    await visitor.add_function(UNLISTED, person="employee")
    visitor.told.clear()
    row = visitor.waiting_row()
    await visitor.post(f"/kbo/loket/functie/{row}/registreren")

    assert "KBO heeft het geregistreerd" in visitor.text
    assert await visitor.functions(UNLISTED) == [DIRECTOR]
    assert visitor.told == ["employee"]

    await visitor.get(f"/kbo/loket/functie/{row}/einde")
    await visitor.post(f"/kbo/loket/functie/{row}/einde", last=written_day(visitor.clock.today()))
    await visitor.post(f"/kbo/loket/functie/{row}/registreren")
    visitor.clock.move_to(visitor.clock.today() + timedelta(days=1))
    assert await visitor.functions(UNLISTED) == []


async def test_what_is_public_already_cannot_be_withdrawn(visitor: Visitor) -> None:
    await visitor.add_function(UNLISTED, person="employee")
    row = visitor.waiting_row()
    page = visitor.hidden(f"/kbo/loket/functie/{row}/intrekken")
    visitor.clock.move_to(visitor.clock.today() + timedelta(days=30))
    await visitor.post_raw(f"/kbo/loket/functie/{row}/intrekken", page)

    assert visitor.status == 409
    assert "niet meer zoals je het zag" in visitor.text
    assert await visitor.functions(UNLISTED) == [DIRECTOR]


@pytest.mark.parametrize("days", range(6))
async def test_the_term_decides_the_day(visitor: Visitor, days: int) -> None:
    await visitor.choose_term(days)

    public_from = after_working_days(visitor.clock.today(), days)
    assert f"is zichtbaar vanaf {written_day(public_from)}" in visitor.text


@pytest.mark.parametrize("days", [-1, 6])
def test_no_program_starts_with_another_term(days: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 5"):
        Term(days)


async def test_the_term_is_changed_on_the_page_and_a_reset_brings_the_usual_one_back(visitor: Visitor) -> None:
    await visitor.add_function(UNLISTED, person="employee")
    await visitor.get("/kbo/loket")
    await visitor.post("/kbo/loket/termijn", working_days="0")
    assert "De termijn is gewijzigd" in visitor.text
    assert "Britt Proefman" in visitor.text  # keeps its day

    await visitor.add_function(BAKERY, person="two-organisations")
    assert DIRECTOR in await visitor.functions(BAKERY)
    await visitor.get(f"/kbo/onderneming/{BAKERY}")
    assert "In deze nabootsing is dat anders ingesteld: onmiddellijk" in visitor.text

    visitor.world.reset()
    await visitor.get("/kbo/loket")
    assert 'value="5" selected' in visitor.page
    assert "Er wacht niets" in visitor.text


@pytest.mark.parametrize("days", ["6", "-1", "", "vijf", "\u0665"])
async def test_another_term_is_refused(visitor: Visitor, days: str) -> None:
    await visitor.get("/kbo/loket")
    await visitor.post("/kbo/loket/termijn", working_days=days)

    assert (visitor.status, visitor.error_of("working_days")) == (422, "Fout: Van 0 tot 5 werkdagen.")
    await visitor.get("/kbo/loket")
    assert 'value="5" selected' in visitor.page


async def test_a_company_and_its_representative_are_added(visitor: Visitor) -> None:
    await visitor.choose_term(0)
    await visitor.add_function(UNLISTED, holder="enterprise", company="1999.999.349")
    await visitor.add_function(
        UNLISTED, holder="natural-person-for-enterprise", company=HOLDING, person="company-director", code="10003"
    )
    await visitor.get(f"/kbo/onderneming/{UNLISTED}")

    assert "Denkbeeld Holding NV onderneming" in visitor.text
    assert "Greet Denkbeeld voor Denkbeeld Holding NV natuurlijke persoon voor een onderneming" in visitor.text


TODAY = "today"
GOOD = {"person": "employee", "national_number": "", "company": "1999.999.349", "code": DIRECTOR, "first": TODAY}


@pytest.mark.parametrize(
    ("holder", "wrong", "field", "told"),
    [
        ("natural-person", {"person": ""}, "person", "Kies iemand uit de lijst, of vul"),
        ("natural-person", {"person": "ghost"}, "person", "Kies iemand uit de lijst, of vul"),
        ("natural-person", {"person": "carpentry-director"}, "person", "Kies iemand uit de lijst, of vul"),
        ("natural-person", {"national_number": "90651800257"}, "national_number", "niet allebei"),
        ("natural-person", {"person": "", "national_number": "90651800258"}, "national_number", "elf cijfers"),
        ("natural-person", {"person": "", "national_number": "85073003328"}, "national_number", "TST-nummers"),
        ("natural-person", {"person": "", "national_number": "70670108776"}, "national_number", "kent niemand"),
        ("natural-person", {"code": ""}, "code", "een andere kent KBO niet"),
        ("natural-person", {"code": "43210"}, "code", "een andere kent KBO niet"),
        ("natural-person", {"first": ""}, "first", "bestaande dag"),
        ("natural-person", {"first": "31/02/2026"}, "first", "bestaande dag"),
        ("natural-person", {"first": "2026-01-01"}, "first", "bestaande dag"),
        ("natural-person", {"first": "01/01/1999"}, "first", "Geen functie begint vroeger"),
        ("natural-person", {"first": "01/01/2999"}, "first", "Niet meer dan een jaar vooruit"),
        ("enterprise", {"company": ""}, "company", "Dit heeft er 0"),
        ("enterprise", {"company": "1999.999.340"}, "company", "laatste twee cijfers"),
        ("enterprise", {"company": "2.999.900.192"}, "company", "vestigingseenheid"),
        ("enterprise", {"company": "0207.509.031"}, "company", "geen onderneming met dit nummer"),
        ("enterprise", {"company": BUILDER}, "company", "in zichzelf"),
        ("enterprise", {"company": "1999.999.448"}, "company", "is stopgezet op"),
        ("enterprise", {}, "code", "Dezelfde houder heeft deze functie al"),
        ("natural-person-for-enterprise", {"person": "", "company": "x"}, "person", "Kies iemand uit de lijst, of vul"),
        ("natural-person-for-enterprise", {"person": "", "company": "x"}, "company", "Dit heeft er 0"),
    ],
)
async def test_what_is_wrong_is_told_beside_its_field_and_nothing_typed_is_lost(
    onlooker: Visitor, holder: str, wrong: dict[str, str], field: str, told: str
) -> None:
    before = count(onlooker)
    today = written_day(onlooker.clock.today())
    typed = {name: today if value == TODAY else value for name, value in {**GOOD, **wrong}.items()}
    path = f"/kbo/loket/{BUILDER}/functie?houder={holder}"
    await onlooker.get(path)
    await onlooker.post(path, **typed)

    assert onlooker.status == 422
    assert told in onlooker.error_of(field)
    assert f'<a href="#{field}">' in onlooker.page  # in the summary too
    shown = [
        "first",
        *(["company"] if holder != "natural-person" else []),
        *(["national_number"] if holder != "enterprise" else []),
    ]
    assert {name: onlooker.value_of(name) for name in shown} == {name: typed[name] for name in shown}
    assert count(onlooker) == before


@pytest.mark.parametrize(
    ("last", "told"),
    [
        ("", "bestaande dag"),
        ("30/02/2026", "bestaande dag"),
        ("01/01/1990", "ligt voor de begindatum"),
        ("01/01/2999", "Niet meer dan een jaar vooruit"),
    ],
)
async def test_an_end_that_cannot_be_is_told_and_the_reason_stays(onlooker: Visitor, last: str, told: str) -> None:
    row = await row_of(onlooker, TRAINING, "10007")
    await onlooker.get(f"/kbo/loket/functie/{row}/einde")
    await onlooker.post(f"/kbo/loket/functie/{row}/einde", last=last, reason="Met pensioen")

    assert onlooker.status == 422
    assert told in onlooker.error_of("last")
    assert onlooker.value_of("last") == last
    assert ">\nMet pensioen</textarea>" in onlooker.page


async def test_a_function_that_ends_already_can_only_end_earlier(visitor: Visitor) -> None:
    await visitor.choose_term(0)
    row = await row_of(visitor, TRAINING, "10021")  # until a year from now
    path = f"/kbo/loket/functie/{row}/einde"
    await visitor.get(path)
    await visitor.post(path, last=written_day(date(visitor.clock.today().year + 2, 1, 1)))
    assert "Enkel een vroegere dag" in visitor.error_of("last")
    await visitor.post(path, last=written_day(visitor.clock.today()))
    assert visitor.at == f"/kbo/loket/{TRAINING}?gedaan=beeindigd"


async def test_an_end_is_not_reported_twice_nor_for_what_is_over_or_not_there_yet(visitor: Visitor) -> None:
    today = written_day(visitor.clock.today())
    over = await row_of(visitor, TRANSPORT, DIRECTOR, person="former-director")
    await visitor.get(f"/kbo/loket/functie/{over}/einde")
    await visitor.post(f"/kbo/loket/functie/{over}/einde", last=today)
    assert "is al geëindigd" in visitor.error_of("last")

    row = await row_of(visitor, TRAINING, "10007")
    for _ in range(2):
        await visitor.get(f"/kbo/loket/functie/{row}/einde")
        await visitor.post(f"/kbo/loket/functie/{row}/einde", last=today)
    assert "Trek dat eerst in" in visitor.error_of("last")

    await visitor.add_function(UNLISTED, person="employee")
    new = visitor.waiting_row()
    await visitor.get(f"/kbo/loket/functie/{new}/einde")
    await visitor.post(f"/kbo/loket/functie/{new}/einde", last=today)
    assert "Trek dat eerst in" in visitor.error_of("last")


async def test_the_same_function_twice_is_refused_and_after_its_end_it_is_not(visitor: Visitor) -> None:
    await visitor.choose_term(0)
    await visitor.add_function(FLORIST, person="two-organisations", code="10006")
    assert "Dezelfde houder heeft deze functie al" in visitor.error_of("code")

    row = await row_of(visitor, FLORIST, "10006")
    await visitor.get(f"/kbo/loket/functie/{row}/einde")
    await visitor.post(f"/kbo/loket/functie/{row}/einde", last=written_day(visitor.clock.today()))
    tomorrow = visitor.clock.today() + timedelta(days=1)
    await visitor.add_function(FLORIST, person="two-organisations", code="10006", first=written_day(tomorrow))
    assert visitor.status == 200
    await visitor.get(f"/kbo/onderneming/{FLORIST}")
    assert "nog niet" in visitor.text  # it begins tomorrow


async def test_a_form_sent_twice_changes_nothing_twice(visitor: Visitor) -> None:
    before = count(visitor)
    path = f"/kbo/loket/{UNLISTED}/functie?houder=natural-person"
    await visitor.get(path)
    fields = {
        **visitor.hidden(path),
        "person": "employee",
        "code": DIRECTOR,
        "first": written_day(visitor.clock.today()),
    }
    for _ in range(2):
        await visitor.post_raw(path, fields)
        assert visitor.at == f"/kbo/loket/{UNLISTED}?gedaan=toegevoegd"
    assert count(visitor) == before + 1

    row = visitor.waiting_row()
    button = visitor.hidden(f"/kbo/loket/functie/{row}/intrekken")
    for _ in range(2):
        await visitor.post_raw(f"/kbo/loket/functie/{row}/intrekken", button)
        assert visitor.at == f"/kbo/loket/{UNLISTED}?gedaan=ingetrokken"
    assert count(visitor) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elders.example", "sec-fetch-site": "cross-site"},
        {"origin": "https://elders.example"},
        {"sec-fetch-site": "same-site"},
        {},
    ],
    ids=str,
)
async def test_a_form_of_another_site_changes_nothing(onlooker: Visitor, headers: dict[str, str]) -> None:
    before = count(onlooker)
    path = f"/kbo/loket/{UNLISTED}/functie?houder=natural-person"
    await onlooker.get(path)
    fields = {**onlooker.hidden(path), **GOOD, "first": written_day(onlooker.clock.today())}
    await onlooker.post_raw(path, fields, headers)

    assert onlooker.status == 403
    assert count(onlooker) == before


async def test_a_form_without_its_number_changes_nothing(onlooker: Visitor) -> None:
    await onlooker.post_raw("/kbo/loket/termijn", {"working_days": "0"})

    assert onlooker.status == 403


async def test_each_change_about_a_person_stands_in_the_history_without_a_number(visitor: Visitor) -> None:
    today = visitor.clock.today()
    await visitor.add_function(UNLISTED, person="", national_number="90.65.18-002.57")
    row = visitor.waiting_row()
    await visitor.post(f"/kbo/loket/functie/{row}/registreren")
    await visitor.get(f"/kbo/loket/functie/{row}/einde")
    await visitor.post(f"/kbo/loket/functie/{row}/einde", last=written_day(today), reason="Vertrekt")
    await visitor.post(f"/kbo/loket/functie/{row}/intrekken")
    await visitor.add_function(UNLISTED, holder="enterprise", company=HOLDING)  # about nobody

    with visitor.world.reading() as session:
        lines = session.scalars(select(HistoryRow).order_by(HistoryRow.id)).all()
    assert [line.action for line in lines] == [
        "function-added",
        "function-recorded",
        "function-ended",
        "function-withdrawn",
    ]
    added, _, ended, _ = lines
    assert added.change["after"] == {"function": "Bestuurder (10002)", "first": today.isoformat()}
    assert (ended.change["after"]["last"], ended.reason) == (today.isoformat(), "Vertrekt")
    assert {line.organisation for line in lines} == {UNLISTED}
    assert "90651800257" not in str([line.change for line in lines])


async def row_of(visitor: Visitor, organisation: str, code: str, *, person: str | None = None) -> int:
    with visitor.world.reading() as session:
        wanted = select(FunctionRow).where(FunctionRow.organisation == organisation, FunctionRow.code == code)
        found = [row for row in session.scalars(wanted) if person is None or (row.person and row.person.key == person)]
    return found[0].id


def count(visitor: Visitor) -> int:
    with visitor.world.reading() as session:
        return len(session.scalars(select(FunctionRow.id)).all())
