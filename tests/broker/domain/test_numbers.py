"""National and enterprise numbers. The vectors are published ones, test numbers or never issued."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.numbers import (
    EnterpriseNumber,
    InvalidNumberError,
    NationalNumber,
    NumberKind,
    without_national_numbers,
)


@pytest.mark.parametrize(
    ("digits", "kind"),
    [
        ("85073003328", NumberKind.NATIONAL),
        ("17073003384", NumberKind.NATIONAL),  # right only with the 2 of births from 2000
        ("93051822361", NumberKind.NATIONAL),
        ("00012556777", NumberKind.NATIONAL),
        ("98472899765", NumberKind.BIS),
        ("01490700185", NumberKind.BIS),
        ("67621546751", NumberKind.TEST),
        ("70670108776", NumberKind.TEST),
        ("82672100108", NumberKind.TEST),
        ("01690700428", NumberKind.TEST),
    ],
)
def test_a_published_number_is_valid_and_tells_its_kind(digits: str, kind: NumberKind) -> None:
    assert NationalNumber(digits).kind is kind


def test_a_bis_number_of_somebody_whose_sex_is_unknown_has_twenty_in_its_month() -> None:
    assert NationalNumber(_with_check("982728997")).kind is NumberKind.BIS


@pytest.mark.parametrize(
    "text", ["85.07.30-033.28", "85073003328", " 85.07.30-033.28 ", "850730 03328", "850730-03328"]
)
def test_a_national_number_may_be_written_in_several_ways(text: str) -> None:
    assert NationalNumber.parse(text) == NationalNumber("85073003328")
    assert NationalNumber.parse(text).dotted == "85.07.30-033.28"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is written as"),
        ("8507300332", "is written as"),
        ("85.07.30-033.29", "check digits"),
        ("85073003329", "check digits"),
        ("85133003328", "month"),
        ("85933003328", "month"),
        ("٨٥٠٧٣٠٠٣٣٢٨", "is written as"),
        ("85.07.30-033.28\n85", "is written as"),
    ],
)
def test_a_national_number_that_cannot_be_is_refused_without_being_repeated(text: str, said: str) -> None:
    with pytest.raises(InvalidNumberError, match=said) as refused:
        NationalNumber.parse(text)
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize("digits", ["850730033281", "8507300332", "8507300332x", "٨٥٠٧٣٠٠٣٣٢٨"])
def test_a_national_number_has_eleven_digits(digits: str) -> None:
    with pytest.raises(InvalidNumberError, match="eleven digits"):
        NationalNumber(digits)


def test_a_national_number_never_shows_itself_unasked() -> None:
    number = NationalNumber("82672100108")
    for shown in (repr(number), str(number), f"{number}", f"{[number]}", f"{number!a}"):
        assert "82672100108" not in shown
        assert "672100" not in shown


@given(st.integers(0, 999_999_999), st.booleans())
def test_reading_what_was_written_gives_the_same_national_number(first_nine: int, born_from_2000: bool) -> None:
    base = f"{first_nine:09d}"
    base = f"{base[:2]}{int(base[2:4]) % 13 + 60}{base[4:]}"  # a test number, whatever was drawn
    number = NationalNumber(_with_check(base, century="2" if born_from_2000 else ""))
    assert NationalNumber.parse(number.dotted) == number == NationalNumber.parse(number.digits)


@given(st.text("0123456789", min_size=11, max_size=11))
def test_a_national_number_is_valid_exactly_when_the_published_rule_says_so(digits: str) -> None:
    months = {offset + month for offset in (0, 20, 40, 60) for month in range(13)}
    rule = int(digits[2:4]) in months and digits in {_with_check(digits[:9]), _with_check(digits[:9], century="2")}
    try:
        NationalNumber(digits)
    except InvalidNumberError:
        assert not rule
    else:
        assert rule


@pytest.mark.parametrize("digits", ["0123456749", "0566988259", "0207509031", "0426994097", "0428315871", "1999999943"])
def test_a_published_enterprise_number_is_valid(digits: str) -> None:
    assert EnterpriseNumber(digits).digits == digits


@pytest.mark.parametrize(
    "text",
    ["0123.456.749", "0123456749", "BE 0123 456 749", "be0123.456.749", "123456749", "123.456.749"],
)
def test_an_enterprise_number_may_be_written_in_several_ways(text: str) -> None:
    assert EnterpriseNumber.parse(text) == EnterpriseNumber("0123456749")
    assert str(EnterpriseNumber.parse(text)) == "0123.456.749"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is written as"),
        ("0456765432", "check digits"),
        ("9999000001", "is written as"),
        ("0123.456.74", "is written as"),
        ("0123-456-749", "is written as"),
        ("٠١٢٣٤٥٦٧٤٩", "is written as"),
    ],
)
def test_an_enterprise_number_that_cannot_be_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidNumberError, match=said):
        EnterpriseNumber.parse(text)


@pytest.mark.parametrize(
    ("digits", "said"), [("2147812701", "begins with"), ("019999994", "ten digits"), ("01234567é9", "ten")]
)
def test_an_enterprise_number_has_ten_digits_that_begin_with_0_or_1(digits: str, said: str) -> None:
    with pytest.raises(InvalidNumberError, match=said):
        EnterpriseNumber(digits)


@given(st.integers(0, 19_999_999))
def test_reading_what_was_written_gives_the_same_enterprise_number(first_eight: int) -> None:
    number = EnterpriseNumber(f"{first_eight:08d}{97 - first_eight % 97:02d}")
    assert EnterpriseNumber.parse(number.dotted) == number == EnterpriseNumber.parse(f"BE {number.digits}")


@given(st.text())
def test_any_text_is_read_or_refused_and_nothing_else_happens(text: str) -> None:
    for kind in (NationalNumber, EnterpriseNumber):
        try:
            kind.parse(text)
        except InvalidNumberError as refused:
            assert len(text) < 8 or text not in str(refused)  # noqa: PT017  (the message of some error, not of one)


def _with_check(first_nine: str, century: str = "") -> str:
    return f"{first_nine}{97 - int(century + first_nine) % 97:02d}"


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/dossier/82672100108", "/dossier/(number)"),
        ("/dossier/82.67.21-001.08/x", "/dossier/(number)/x"),
        ("/dossier/82%2E67%2e21%2D001%2D08", "/dossier/(number)"),
        ("/dossier/82%2067%2021%20001%2008", "/dossier/(number)"),
        ("/dossier/1999999943", "/dossier/1999999943"),
        ("/2026/11/24", "/2026/11/24"),
        ("/", "/"),
    ],
)
def test_what_looks_like_a_national_number_is_left_out_of_a_path(path: str, kept: str) -> None:
    assert without_national_numbers(path) == kept
