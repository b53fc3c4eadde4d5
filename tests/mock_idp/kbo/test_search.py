"""The public search: numbers as people write them, slips in numbers, and parts of names among many."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, text
from sqlalchemy.dialects import sqlite

from mock_idp.kbo.query import EnterpriseQuery, NameQuery, NoQuery, Slip, SlipQuery, UnitQuery, read_query
from mock_idp.kbo.search import MOST, PER_PAGE, find, found_by
from mock_idp.numbers import enterprise_number
from mock_idp.world.names import folded
from mock_idp.world.tables import EnterpriseRow
from tests.mock_idp.kbo.visitor import BAKERY, WOUND_UP, Visitor


@pytest.mark.parametrize(
    "typed",
    [
        "1999.999.943",
        "1999999943",
        " 1999 999 943 ",
        "BE1999999943",
        "be 1999.999.943",
        "BE-1999-999-943",
        "1999 999.943",
    ],
)
async def test_a_number_goes_to_its_enterprise_however_it_is_written(onlooker: Visitor, typed: str) -> None:
    await onlooker.search(typed)

    assert (onlooker.at, onlooker.status) == (f"/kbo/onderneming/{BAKERY}", 200)


async def test_the_number_of_a_ceased_enterprise_needs_no_ticked_box(onlooker: Visitor) -> None:
    await onlooker.search("1999.999.448")

    assert onlooker.at == f"/kbo/onderneming/{WOUND_UP}"


async def test_the_number_of_an_establishment_unit_goes_to_that_unit(onlooker: Visitor) -> None:
    await onlooker.search("2.999.900.192")

    assert onlooker.at == "/kbo/vestiging/2999900192"


@pytest.mark.parametrize(
    ("typed", "query"),
    [
        ("207.509.031", EnterpriseQuery(number="0207509031")),  # the old form
        ("BE 0207.509.031", EnterpriseQuery(number="0207509031")),
        ("2.999.900.192", UnitQuery(number="2999900192")),
        ("1999999944", SlipQuery(slip=Slip.CHECK_DIGITS, digits=10)),
        ("207509032", SlipQuery(slip=Slip.CHECK_DIGITS, digits=10)),
        ("2.999.900.193", SlipQuery(slip=Slip.CHECK_DIGITS, digits=10)),
        ("9999000001", SlipQuery(slip=Slip.FIRST_DIGIT, digits=10)),
        ("12345678", SlipQuery(slip=Slip.TOO_SHORT, digits=8)),
        ("1999.999.943.1", SlipQuery(slip=Slip.NATIONAL, digits=11)),
        ("199999994312", SlipQuery(slip=Slip.TOO_LONG, digits=12)),
        ("Garage 2000", NameQuery(words=("garage", "2000"))),
        ("2000", NameQuery(words=("2000",))),
        ("Crème Brûlée N.V.", NameQuery(words=("creme", "brulee", "nv"))),
        ("D\u2019Hondt & D'Hondt", NameQuery(words=("dhondt",))),
        ('"; DROP TABLE enterprise --', NameQuery(words=("drop", "table", "enterprise"))),
        ("١٩٩٩٩٩٩٩٤٣", NameQuery(words=("١٩٩٩٩٩٩٩٤٣",))),  # digits of another script are no number here
        ("", NoQuery()),
        ("&&& ...", NoQuery()),
    ],
)
def test_what_is_typed_is_a_number_a_slip_or_a_name(typed: str, query: object) -> None:
    assert read_query(typed) == query


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("1999999944", "de laatste twee cijfers controleren de andere"),
        ("9999000001", "Dit begint met 9"),
        ("12345678", "Dit heeft er 8"),
        ("199999994312", "Dit heeft er 12"),
        ("...", "Vul een nummer of een deel van een naam in"),
    ],
)
async def test_a_slip_is_told_beside_the_field_and_what_was_typed_stays(
    onlooker: Visitor, typed: str, told: str
) -> None:
    await onlooker.search(typed)

    assert onlooker.status == 422
    assert told in onlooker.error_of("q")
    assert onlooker.value_of("q") == typed


async def test_a_national_number_is_not_written_back(onlooker: Visitor) -> None:
    await onlooker.search("82.67.21-001.08")

    assert "rijksregisternummer van een persoon" in onlooker.error_of("q")
    assert onlooker.value_of("q") == ""
    assert "001.08" not in onlooker.text


async def test_a_well_formed_number_that_nobody_has_is_told_as_such(onlooker: Visitor) -> None:
    await onlooker.search("0207.509.031")

    assert onlooker.status == 200
    assert "KBO heeft niets onder het nummer 0207.509.031" in onlooker.text


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("voorbeeld bakk", "Voorbeeld Bakkerij BV"),
        ("BAKKERIJ VOORB", "Voorbeeld Bakkerij BV"),
        ("ákkérij voorbeeld", "Voorbeeld Bakkerij BV"),
        ("schijn zonen", "Transport Schijn & Zonen BV"),
        ("testbeeld b.v.", "Bloemen Testbeeld BV"),
        ("vo", "Voorbeeld Bakkerij BV"),  # too short for the index: the beginning of a name
    ],
)
async def test_a_part_of_a_name_is_enough(onlooker: Visitor, typed: str, name: str) -> None:
    await onlooker.search(typed)

    assert f">{name.replace('&', '&amp;')}</bdi></a>" in onlooker.page


async def test_ceased_enterprises_are_found_when_asked_for(onlooker: Visitor) -> None:
    await onlooker.search("drukkerij")
    assert "Geen onderneming gevonden" in onlooker.text
    assert "stopgezette ondernemingen" in onlooker.text

    await onlooker.search("drukkerij", "&stopgezet=ja")
    assert "Drukkerij Voorbij BV" in onlooker.text
    assert re.search(r'name="stopgezet" value="ja" checked', onlooker.page)


async def test_results_come_in_pages_that_keep_the_question(onlooker: Visitor) -> None:
    await onlooker.search("watermunt", "&stopgezet=ja")
    assert "30 ondernemingen gevonden" in onlooker.text
    assert "Pagina 1 van 2" in onlooker.text

    following = re.search(r'rel="next" href="([^"]+)"', onlooker.page)
    assert following is not None
    await onlooker.get(following[1].replace("&amp;", "&"))

    assert "Pagina 2 van 2" in onlooker.text
    assert "stopgezet=ja" in onlooker.at


@pytest.mark.parametrize("page", ["0", "-1", "99999999999", "x", ""])
async def test_a_page_that_is_not_there_is_the_nearest(onlooker: Visitor, page: str) -> None:
    await onlooker.search("watermunt", f"&pagina={page}")

    assert onlooker.status == 200
    assert "Pagina" in onlooker.text


@pytest.mark.parametrize(
    "typed", ["%", "_", "*", '"', "(", "NEAR(a b)", "a AND b", "sought:bakkerij", "\x00", "ab" * 400]
)
async def test_signs_that_mean_something_to_a_database_mean_nothing_here(onlooker: Visitor, typed: str) -> None:
    await onlooker.search(typed)

    assert onlooker.status in (200, 422)


async def test_the_empty_search_is_a_page(onlooker: Visitor) -> None:
    await onlooker.get("/kbo")

    assert onlooker.status == 200
    assert "Zoek een onderneming op" in onlooker.text
    assert onlooker.error_of("q") == ""


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once_and_leaves_plain_words(name: str) -> None:
    once = folded(name)

    assert folded(once) == once
    assert all(word.isalnum() for word in once.split())


async def test_among_ten_thousand_enterprises_a_search_reads_an_index_and_a_bounded_number_of_rows(
    visitor: Visitor,
) -> None:
    with visitor.world.changing() as session:
        rows = [
            {
                "number": enterprise_number(19900000 + n),
                "key": f"many-{n}",
                "name": f"Wéverij {n:05d} Veelvuldig BV",
                "address": "",
                "ceased_on": date(2020, 1, 1) if n % 2 else None,
            }
            for n in range(10_000)
        ]
        session.execute(insert(EnterpriseRow), rows)
    today = visitor.clock.today()
    with visitor.world.reading() as session:
        for typed in ("weverij", "verij 01234", "we", "veelvuldig bv"):
            query = read_query(typed)
            assert isinstance(query, NameQuery)
            wanted = found_by(query, today=today, ceased_too=True)
            plain = wanted.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
            plan = [row.detail for row in session.execute(text(f"EXPLAIN QUERY PLAN {plain}"))]
            assert all(" INDEX " in step or "PRIMARY KEY" in step for step in plan), plan
            assert len(session.execute(wanted).all()) <= MOST + 1
        all_of_them = find(session, NameQuery(words=("weverij",)), today=today, ceased_too=True, page=1)
        one = find(session, NameQuery(words=("01234",)), today=today, ceased_too=False, page=1)

    assert (all_of_them.count, all_of_them.is_cut, len(all_of_them.hits)) == (MOST, True, PER_PAGE)
    assert [hit.name for hit in one.hits] == ["Wéverij 01234 Veelvuldig BV"]
    await visitor.search("weverij")
    assert "Er zijn meer dan 1.000 ondernemingen" in visitor.text


async def test_a_name_that_changes_or_goes_is_found_as_it_is_now(visitor: Visitor) -> None:
    with visitor.world.changing() as session:
        row = session.get(EnterpriseRow, BAKERY)
        assert row is not None
        row.name, row.sought = "Nieuwe Naam BV", folded("Nieuwe Naam BV")
    await visitor.search("nieuwe naam")
    assert "Nieuwe Naam BV" in visitor.text
    await visitor.search("voorbeeld bakkerij")
    assert "Geen onderneming gevonden" in visitor.text

    visitor.world.reset()
    await visitor.search("voorbeeld bakkerij")
    assert "Voorbeeld Bakkerij BV" in visitor.text
