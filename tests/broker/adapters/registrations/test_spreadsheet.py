"""Registrations as CSV: as RFC 4180 has it, harmless in a spreadsheet, and the same again when read."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.adapters.registrations import SpreadsheetInvalid, read_spreadsheet, written
from broker.domain.people import Organisation
from tests.broker.gateway import BAKERY, FLORIST, a_contact, a_registration

FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff20x",
    "'=1",
    "''=1",
)


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_it_has_a_header_and_lines_that_end_as_rfc_4180_says() -> None:
    text = written([a_registration(Organisation(number=BAKERY.number, name='Brood, "vers"\r\nen warm'))])
    assert text.startswith("number,name,email,phone,street,house_number,postal_code,municipality,language,")
    assert text.endswith("\r\n")
    assert '"Brood, ""vers""\r\nen warm"' in text
    assert len(cells(text)) == 2
    assert written([]) == text[: text.index("\r\n") + 2]


@pytest.mark.parametrize("value", [*FORMULAS, "'t Hoekje", "gewoon", "a=1"])
def test_no_cell_begins_a_formula_and_reading_gives_back_what_was_there(value: str) -> None:
    made = a_registration(Organisation(number=BAKERY.number, name=value), registered_by_name=value)
    text = written([made])
    assert all(cell[:1] not in set("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20") for cell in cells(text)[1])
    assert read_spreadsheet(text) == (made,)


@given(st.text(min_size=1).filter(lambda text: text.strip()), st.text(min_size=1).filter(lambda text: text.strip()))
def test_any_name_survives_the_way_there_and_back(name: str, by: str) -> None:
    made = a_registration(Organisation(number=BAKERY.number, name=name), registered_by=by)
    assert read_spreadsheet(written([made])) == (made,)


def test_a_phone_number_is_text_in_a_spreadsheet() -> None:
    assert cells(written([a_registration()]))[1][3] == "'+3212345678"


def test_a_file_saved_by_a_spreadsheet_is_read_too() -> None:
    text = "\ufeff" + written([a_registration(), a_registration(FLORIST)]).replace("\r\n", "\n").replace("'+", "+")
    assert [one.organisation for one in read_spreadsheet(text)] == [BAKERY, FLORIST]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1999999943", "1999999944", "number: "),
        ("1999999943", "", "number: "),
        ("info@bakkerij.test", "x", "email: no-email"),
        ("'+3212345678", "0912", "phone: no-phone"),
        ("9000", "", "postal_code: missing"),
        ("2025-06-01T08:00:00+00:00", "2025-06-01T08:00:00", "registered_at: write"),
        ("2025-06-01T08:00:00+00:00", "yesterday", "registered_at: write"),
        ("a-pseudonym", " ", "registered_by: missing"),
        (",nl,", ",", "another number of cells"),
        (",nl,", ",nl,,", "another number of cells"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old: str, new: str, said: str) -> None:
    text = written([a_registration(FLORIST, contact=a_contact(postal_code="1000"))])
    text += written([a_registration()], header=False).replace(old, new)
    with pytest.raises(SpreadsheetInvalid) as refused:
        read_spreadsheet(text)
    ((line, problem),) = refused.value.problems
    assert line == 3
    assert said in problem


def test_all_problems_are_told_together_and_an_organisation_stands_there_once() -> None:
    broken = written([a_registration()], header=False).replace("nl", "xx")
    text = written([a_registration(), a_registration()]) + broken
    with pytest.raises(SpreadsheetInvalid) as refused:
        read_spreadsheet(text)
    assert [line for line, _ in refused.value.problems] == [3, 4]
    assert "line 3: number: 1999999943 stands there twice" in str(refused.value)


@pytest.mark.parametrize("text", ["", "number,name\r\n", "a\r\n1\r\n"])
def test_a_file_without_the_columns_is_told_which_are_missing(text: str) -> None:
    with pytest.raises(SpreadsheetInvalid, match=r"these columns are missing: .*email"):
        read_spreadsheet(text)


def test_a_quote_that_is_never_closed_is_told() -> None:
    with pytest.raises(SpreadsheetInvalid, match="no CSV"):
        read_spreadsheet(written([]) + '"1999999943')
