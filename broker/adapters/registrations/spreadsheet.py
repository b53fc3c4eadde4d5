"""Registrations as CSV (RFC 4180, UTF-8, a header row), in which the agency gets them, and back.

A spreadsheet takes a cell that begins with = + - or @ for a formula and calculates it. Telephone numbers begin with +,
and a name may begin with anything, so such a cell gets an apostrophe in front, as OWASP advises ("CSV Injection"), and
reading takes it away again. Programs that want the plain values ask for JSON.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from broker.domain.numbers import EnterpriseNumber, InvalidNumberError
from broker.domain.people import Organisation
from broker.domain.registration import Contact, ContactField, Mistake, Registration, read_contact

COLUMNS = (
    "number",
    "name",
    *(field.value for field in ContactField),
    "registered_by",
    "registered_by_name",
    "registered_at",
)
# What begins a formula somewhere: also after a tab or a line end, and in the wide letters of East Asia. Apostrophes
# before it count, so that a cell which had one already gets it back.
_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


class SpreadsheetInvalid(Exception):
    """The text is no such CSV; `problems` are (line, what is wrong), all of them."""

    def __init__(self, problems: list[tuple[int, str]]) -> None:
        super().__init__("; ".join(f"line {line}: {problem}" for line, problem in problems))
        self.problems = problems


def fields_of(registration: Registration) -> dict[str, str]:
    """Return a registration as plain texts, in the order of the columns."""
    contact = registration.contact
    return {
        "number": registration.organisation.number.digits,
        "name": registration.organisation.name,
        **{field.value: getattr(contact, field.value) for field in ContactField},
        "registered_by": registration.registered_by,
        "registered_by_name": registration.registered_by_name,
        "registered_at": registration.registered_at.astimezone(UTC).isoformat(),
    }


def written(registrations: Iterable[Registration], *, header: bool = True) -> str:
    """Return registrations as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    if header:
        writer.writerow(COLUMNS)
    writer.writerows([_guarded(value) for value in fields_of(one).values()] for one in registrations)
    return text.getvalue()


def read_spreadsheet(text: str) -> tuple[Registration, ...]:
    """Return the registrations in a CSV. Raises SpreadsheetInvalid with every problem in it."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    registrations: list[Registration] = []
    problems: list[tuple[int, str]] = []
    seen: set[EnterpriseNumber] = set()
    try:
        missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise SpreadsheetInvalid([(1, f"these columns are missing: {', '.join(missing)}")])
        for row in rows:
            found = _registration(row)
            if isinstance(found, str):
                problems.append((rows.line_num, found))
            elif found.organisation.number in seen:
                problems.append((rows.line_num, f"number: {found.organisation.number.digits} stands there twice"))
            else:
                seen.add(found.organisation.number)
                registrations.append(found)
    except csv.Error as error:
        problems.append((rows.line_num, f"no CSV: {error}"))
    if problems:
        raise SpreadsheetInvalid(problems)
    return tuple(registrations)


def _registration(row: Mapping[str | None, object]) -> Registration | str:
    """Return the registration that stands in a row, or what is wrong with it."""
    if any(not isinstance(row.get(name), str) for name in COLUMNS) or None in row:
        return f"has another number of cells than the {len(COLUMNS)} of the header"
    cells = {name: _unguarded(str(row[name])) for name in COLUMNS}
    try:
        number = EnterpriseNumber.parse(cells["number"])
    except InvalidNumberError as error:
        return f"number: {error}"
    contact = read_contact(cells)
    try:
        registered_at = datetime.fromisoformat(cells["registered_at"])
    except ValueError:
        registered_at = None
    wrong = list(_wrong(cells, contact, registered_at))
    if wrong or not isinstance(contact, Contact) or registered_at is None:
        return "; ".join(wrong)
    return Registration(
        organisation=Organisation(number=number, name=cells["name"]),
        contact=contact,
        registered_by=cells["registered_by"],
        registered_by_name=cells["registered_by_name"],
        registered_at=registered_at.astimezone(UTC),
    )


def _wrong(
    cells: Mapping[str, str], contact: Contact | tuple[Mistake, ...], registered_at: datetime | None
) -> Iterator[str]:
    for name in ("name", "registered_by", "registered_by_name"):
        if not cells[name].strip():
            yield f"{name}: missing"
    if isinstance(contact, tuple):
        yield from (f"{mistake.field.value}: {mistake.flaw.value}" for mistake in contact)
    if registered_at is None or registered_at.tzinfo is None:
        yield "registered_at: write 2026-06-01T08:00:00+00:00, with its time zone"


def _guarded(value: str) -> str:
    return f"'{value}" if _FORMULA.match(value) else value


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
