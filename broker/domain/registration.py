"""An organisation's registration on INKOM as a value, and the rules for the contact address that is asked for it.

What is typed is kept as it was typed, without the spaces around it; a mistake names its field and what is wrong in it.
Who may register is `admission`'s: only somebody for whom nothing else stands in the way.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from broker.domain.people import Organisation

LANGUAGES = ("nl", "fr", "de", "en")


class ContactField(Enum):
    """What is asked, in the order of the form."""

    EMAIL = "email"
    PHONE = "phone"
    STREET = "street"
    HOUSE_NUMBER = "house_number"
    POSTAL_CODE = "postal_code"
    MUNICIPALITY = "municipality"
    LANGUAGE = "language"

    @property
    def max_length(self) -> int:
        """The most characters that fit."""
        return _MAX_LENGTHS[self]


# An address of e-mail is at most 254 characters long (RFC 5321, section 4.5.3.1.3, less the brackets).
_MAX_LENGTHS = {
    ContactField.EMAIL: 254,
    ContactField.PHONE: 30,
    ContactField.STREET: 100,
    ContactField.HOUSE_NUMBER: 20,
    ContactField.POSTAL_CODE: 4,
    ContactField.MUNICIPALITY: 100,
    ContactField.LANGUAGE: 2,
}


class Flaw(Enum):
    """What can be wrong with something that was typed."""

    MISSING = "missing"
    TOO_LONG = "too-long"
    NOT_TEXT = "not-text"
    NO_EMAIL = "no-email"
    NO_PHONE = "no-phone"
    NO_POSTAL_CODE = "no-postal-code"
    NO_LANGUAGE = "no-language"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One field that has to be typed again."""

    field: ContactField
    flaw: Flaw


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Where the agency reaches the organisation, and in which language it writes."""

    email: str
    phone: str
    street: str
    house_number: str
    postal_code: str
    municipality: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """An organisation's registration. It names who made it by pseudonym and name, never by national number.

    `registered_at` is in UTC; `organisation` has the name that KBO gave it then.
    """

    organisation: Organisation
    contact: Contact
    registered_by: str
    registered_by_name: str
    registered_at: datetime


# As browsers check it (HTML, "valid e-mail address"), with a dot in the domain: the agency writes over the internet.
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
# With its country, as the guide writes it (+3212345678); E.164 allows fifteen digits. Separators are for the reader.
_PHONE = re.compile(r"\+[1-9](?:[ ./()-]*[0-9]){7,14}")
_POSTAL_CODE = re.compile(r"[1-9][0-9]{3}")
_ANYTHING = re.compile(r".*")


def read_contact(typed: Mapping[str, str]) -> Contact | tuple[Mistake, ...]:
    """Return the contact address that somebody typed, or every mistake in it, in the order of the form."""
    values = {field: typed.get(field.value, "").strip() for field in ContactField}
    flaws = {field: _flaw(field, value) for field, value in values.items()}
    mistakes = tuple(Mistake(field=field, flaw=flaw) for field, flaw in flaws.items() if flaw is not None)
    return mistakes or Contact(**{field.value: value for field, value in values.items()})


def _flaw(field: ContactField, value: str) -> Flaw | None:
    if not value:
        return Flaw.MISSING
    if any(unicodedata.category(character).startswith("C") for character in value):
        return Flaw.NOT_TEXT  # control characters, and those that turn the direction of a text around
    if field is ContactField.LANGUAGE:
        return None if value in LANGUAGES else Flaw.NO_LANGUAGE
    form, flaw = _FORMS.get(field, (_ANYTHING, Flaw.TOO_LONG))
    return None if len(value) <= field.max_length and form.fullmatch(value) else flaw


_FORMS = {
    ContactField.EMAIL: (_EMAIL, Flaw.NO_EMAIL),
    ContactField.PHONE: (_PHONE, Flaw.NO_PHONE),
    ContactField.POSTAL_CODE: (_POSTAL_CODE, Flaw.NO_POSTAL_CODE),
}
