"""What MAGDA says of a person's functions and of an enterprise, as the values that registers tell.

A row counts when the person holds the function (AanduidingPersoonOnderneming 1, or 3 with a company beside the person;
never 2, which is a company alone) and its days can be read. Any other row is left out: it lets nobody in. A row that
names another person makes the whole answer worthless. Which codes represent is the domain's (`KboFunction.represents`).
"""

from __future__ import annotations

import re
from datetime import date

from broker.adapters.registers.magda.answer import content_of
from broker.adapters.registers.magda.envelope import ENTERPRISE, FUNCTIONS
from broker.adapters.registers.magda.markup import Element
from broker.adapters.registers.told import (
    EnterpriseDocument,
    Held,
    Representative,
    function_code,
    kept,
    named_organisation,
    period_of,
    plain_text,
)
from broker.adapters.wire import NotUnderstood
from broker.domain.numbers import EnterpriseNumber, NationalNumber
from broker.domain.people import REPRESENTING_FUNCTIONS, KboFunction
from broker.domain.validity import Period

_PERSON, _ENTERPRISE, _PERSON_FOR_ENTERPRISE = "1", "2", "3"  # AanduidingPersoonOnderneming
_ACTIVE = "AC"  # StatusKBO; with any other status (made public, being founded, ceased) it does not act
_IS_ENTERPRISE = "1"  # OndernemingOfVestiging
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)  # a day that is known in part (2009-00-00) is no day


def read_functions(reply: bytes, number: NationalNumber, *, reference: str) -> tuple[Held, ...]:
    """Return the functions that a person holds. Raises NotUnderstood, ReportedError."""
    content = content_of(reply, FUNCTIONS, reference=reference)
    if content is None:
        return ()
    rows = list(content.needed("Functies").all("Functie"))
    if any(named not in {None, number.digits} for named in (row.text("INSZ") for row in rows)):
        raise NotUnderstood("the answer is about another person")
    personal = [row for row in rows if row.text("AanduidingPersoonOnderneming", "Code") != _ENTERPRISE]
    return tuple(kept((_held(row) for row in personal), "KBO functions of a person, by MAGDA"))


def read_enterprise(reply: bytes, number: EnterpriseNumber, *, reference: str) -> EnterpriseDocument | None:
    """Return an enterprise with who may bind it, None when it is unknown. Raises NotUnderstood, ReportedError."""
    content = content_of(reply, ENTERPRISE, reference=reference)
    if content is None:
        return None
    found = content.needed("Onderneming")
    organisation = named_organisation(found.text("Ondernemingsnummer") or "", _registered_name(found))
    if organisation is None or organisation.number != number:
        raise NotUnderstood("the answer is about another enterprise")
    if found.text("OndernemingOfVestiging", "Code") != _IS_ENTERPRISE:
        raise NotUnderstood("the answer is about an establishment, or does not say")
    status = found.text("StatusKBO", "Code")
    if status is None:
        raise NotUnderstood("StatusKBO is missing")
    ends = [_day_of(end.text("Datum")) for name in ("Stopzetting", "Afsluiting") for end in found.all(name)]
    functions = found.only("Functies")
    rows = [] if functions is None else list(functions.all("Functie"))
    representing = [row for row in rows if _code_of(row) in REPRESENTING_FUNCTIONS]
    return EnterpriseDocument(
        organisation=organisation,
        active=status == _ACTIVE and None not in ends,  # that it ended some day, but not which, is over
        ceased_on=min((day for day in ends if day is not None), default=None),
        representatives=tuple(kept((_representative(row) for row in representing), "KBO functions, by MAGDA")),
        lists_functions=functions is not None,
    )


def _held(row: Element) -> Held | None:
    organisation = named_organisation(row.text("FunctiehouderVan") or "", "")
    code = _code_of(row)
    period = _period(row, row.text("Periode", "Begin"), row.text("Periode", "Einde"))
    holder = row.text("AanduidingPersoonOnderneming", "Code")
    if holder not in {_PERSON, _PERSON_FOR_ENTERPRISE} or row.text("INSZ") is None:
        return None
    if organisation is None or code is None or period is None:
        return None
    function = KboFunction(organisation=organisation.number, code=code, period=period)
    return Held(function=function, organisation=organisation)


def _representative(row: Element) -> Representative | None:
    period = _period(row, row.attributes.get("DatumBegin"), row.attributes.get("DatumEinde"))
    if period is None:
        return None
    person = f"{row.text('Persoon', 'VoorNaam') or ''} {row.text('Persoon', 'AchterNaam') or ''}"
    director = row.text("Onderneming", "MaatschappelijkeNaam", "Naam") or ""
    return Representative(name=plain_text(person) or plain_text(director), period=period)


def _code_of(row: Element) -> str | None:
    return function_code(row.text("AardFunctie", "Code") or "")


def _period(row: Element, begins: str | None, until: str | None) -> Period | None:
    """Return the days of a function; None when they cannot be read, or when it ended without a day on which."""
    first = _day_of(begins)
    last = _day_of(until)
    if first is None or (until is not None and last is None):
        return None
    period = period_of(first, last)
    if row.only("EindeFunctie") is not None and period.until is None:
        return None
    if period.until is not None and period.until < first:
        return None
    return period


def _day_of(text: str | None) -> date | None:
    if text is None or not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _registered_name(found: Element) -> str:
    """Return the name in force, the Dutch one first; an enterprise of one person has commercial names at most."""
    names = found.only("Namen")
    if names is None:
        return ""
    official = _names(names, "MaatschappelijkeNamen", "MaatschappelijkeNaam")
    return next(iter(official or _names(names, "CommercieleNamen", "CommercieleNaam")), "")


def _names(names: Element, kind: str, each: str) -> list[str]:
    listed = names.only(kind)
    in_force = [] if listed is None else [one for one in listed.all(each) if "DatumEinde" not in one.attributes]
    in_force.sort(key=lambda one: one.text("Taalcode") != "nl")
    return [name for one in in_force if (name := one.text("Naam"))]
