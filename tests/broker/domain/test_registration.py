"""What may be typed as a contact address: kept as it was typed, and every mistake named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.registration import Contact, ContactField, Flaw, Mistake, read_contact

TYPED = {
    "email": "info@bakkerij.test",
    "phone": "+3212345678",
    "street": "Deegstraat",
    "house_number": "7 bus 2",
    "postal_code": "9000",
    "municipality": "Gent",
    "language": "nl",
}


def flaws(**typed: str) -> list[tuple[str, Flaw]]:
    read = read_contact({**TYPED, **typed})
    return [] if isinstance(read, Contact) else [(mistake.field.value, mistake.flaw) for mistake in read]


def test_what_was_typed_is_kept_without_the_spaces_around_it() -> None:
    assert read_contact({**TYPED, "street": "  Rue de l'Église \n"}) == Contact(
        **{**TYPED, "street": "Rue de l'Église"}
    )


def test_every_mistake_is_told_in_the_order_of_the_form() -> None:
    assert read_contact({}) == tuple(Mistake(field=field, flaw=Flaw.MISSING) for field in ContactField)
    assert flaws(language="xx", email="x") == [("email", Flaw.NO_EMAIL), ("language", Flaw.NO_LANGUAGE)]


@pytest.mark.parametrize(
    "email", ["a@b.be", "voor.naam+inkom@sub.domein.example", "o'neill@x-y.museum", "a" * 64 + "@voorbeeld.be"]
)
def test_an_address_of_e_mail_is_taken(email: str) -> None:
    assert flaws(email=email) == []


@pytest.mark.parametrize(
    "email",
    [
        "info",
        "info@",
        "@b.be",
        "info@bakkerij",
        "a b@c.be",
        "a@b.be, c@d.be",
        "a@b..be",
        "a@-b.be",
        "a@b.b",
        "info@bäckerei.be",
        "<a@b.be>",
        "a@b.be?cc=x",
        "a" * 65 + "@b.be",
        "a@" + "b." * 130 + "be",
    ],
)
def test_what_is_no_address_of_e_mail_is_not(email: str) -> None:
    assert flaws(email=email) == [("email", Flaw.NO_EMAIL)]


@pytest.mark.parametrize("phone", ["+3212345678", "+32 470 00 00 01", "+32 (0)9/123.45.67", "+31-20-1234567"])
def test_a_phone_number_with_its_country_is_taken(phone: str) -> None:
    assert flaws(phone=phone) == []


@pytest.mark.parametrize(
    "phone", ["09 123 45 67", "0032 9 123", "+32", "+0912345678", "+32=1+1", "+321234567890123456", "+32 abc", "1700"]
)
def test_what_is_no_phone_number_with_its_country_is_not(phone: str) -> None:
    assert flaws(phone=phone) == [("phone", Flaw.NO_PHONE)]


@pytest.mark.parametrize(
    "phone",
    [
        "+\u0663\u0662\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668",
        "+\uff13\uff12\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",
    ],
)
def test_digits_of_another_script_are_no_phone_number(phone: str) -> None:
    assert flaws(phone=phone) == [("phone", Flaw.NO_PHONE)]


@pytest.mark.parametrize("code", ["999", "0999", "10000", "B-1000", "1 00", "\u0661\u0660\u0660\u0660"])
def test_a_postal_code_has_four_digits(code: str) -> None:
    assert flaws(postal_code=code) == [("postal_code", Flaw.NO_POSTAL_CODE)]


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "\u202eabc", "a\u200bb", "\ud800", "a\x1b[2Jb"])
def test_signs_that_nobody_sees_are_refused(text: str) -> None:
    assert flaws(street=text, municipality=text) == [("street", Flaw.NOT_TEXT), ("municipality", Flaw.NOT_TEXT)]


def test_what_is_too_long_is_refused() -> None:
    assert flaws(street="x" * 100, house_number="1" * 20) == []
    assert flaws(street="x" * 101, house_number="1" * 21) == [
        ("street", Flaw.TOO_LONG),
        ("house_number", Flaw.TOO_LONG),
    ]


@given(st.fixed_dictionaries({field.value: st.text() for field in ContactField}))
def test_whatever_is_typed_is_a_contact_address_or_told_field_by_field(typed: dict[str, str]) -> None:
    read = read_contact(typed)
    if isinstance(read, Contact):
        assert all(getattr(read, field.value) == typed[field.value].strip() for field in ContactField)
    else:
        assert 1 <= len({mistake.field for mistake in read}) == len(read) <= len(ContactField)
