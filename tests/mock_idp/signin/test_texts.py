"""Every text of the sign-in pages exists in Dutch, and phone numbers are read however people write them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mock_idp.signin.app
from mock_idp.signin.desk import LOCALES, TEMPLATES
from mock_idp.signin.people import phone_digits, phone_ending, phone_text
from pagekit.kit import PageKit, Site


def test_every_text_has_its_dutch() -> None:
    kit = PageKit(templates=TEMPLATES, locales=LOCALES, site=Site(name="Access control (test environment)"))
    assert kit.missing("nl", sources=(Path(mock_idp.signin.app.__file__).parent,)) == ()


@pytest.mark.parametrize("typed", ["+32 470 00 00 01", "0032470000001", "0470/00.00.01", "0470 000 001"])
def test_a_mobile_number_is_read_in_every_usual_spelling(typed: str) -> None:
    assert phone_digits(typed) == "+32470000001"


@pytest.mark.parametrize("typed", ["", "02 553 17 00", "+31 470 00 00 01", "470000001", "04700000011", "0470 00 00 0x"])
def test_anything_else_is_no_mobile_number(typed: str) -> None:
    assert phone_digits(typed) is None


@given(st.from_regex(r"\+324[0-9]{8}", fullmatch=True))
def test_a_number_that_was_written_out_reads_the_same(number: str) -> None:
    assert phone_digits(phone_text(number)) == number
    assert number[3:10] not in phone_ending(number)
