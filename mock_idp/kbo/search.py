"""Search by a part of the name, by index, however many enterprises there are: at most MOST of them are looked at.

Names are compared as `folded` writes them, so accents, case and punctuation do not matter. All words must be there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, column, literal_column, or_, select, table
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from mock_idp.kbo.query import INDEXED_LETTERS, NameQuery
from mock_idp.numbers import format_enterprise_number
from mock_idp.world.tables import EnterpriseRow

PER_PAGE = 20
MOST = 1000

_INDEX = table("enterprise_name", column("rowid"))
_LAST_CHARACTER = chr(0x10FFFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    number: str
    name: str
    address: str
    ceased_on: date | None

    @property
    def dotted(self) -> str:
        return format_enterprise_number(self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """One page of what was found. `is_cut`: there are more than `count`, which nobody would page through."""

    hits: Sequence[Hit]
    count: int
    is_cut: bool
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.count // PER_PAGE))


def find(session: Session, query: NameQuery, *, today: date, ceased_too: bool, page: int) -> Hits:
    """In order of name. A page that is not there is the last one, or the first."""
    wanted = found_by(query, today=today, ceased_too=ceased_too)
    found = sorted(session.execute(wanted).all(), key=lambda row: (row.sought, row.number))
    count = min(len(found), MOST)
    page = min(max(page, 1), max(1, -(-count // PER_PAGE)))
    shown = found[:count][(page - 1) * PER_PAGE : page * PER_PAGE]
    hits = [
        Hit(
            number=row.number,
            name=row.name,
            address=row.address,
            ceased_on=row.ceased_on if row.ceased_on is not None and row.ceased_on <= today else None,
        )
        for row in shown
    ]
    return Hits(hits=hits, count=count, is_cut=len(found) > MOST, page=page)


def found_by(query: NameQuery, *, today: date, ceased_too: bool) -> Select[str, str, str, date | None, str]:
    """One more than MOST, to know whether there are."""
    wanted = select(
        EnterpriseRow.number, EnterpriseRow.name, EnterpriseRow.address, EnterpriseRow.ceased_on, EnterpriseRow.sought
    )
    if query.begins:
        begin = " ".join(query.words)
        wanted = wanted.where(EnterpriseRow.sought >= begin, EnterpriseRow.sought < begin + _LAST_CHARACTER).order_by(
            EnterpriseRow.sought
        )
    else:
        long = [word for word in query.words if len(word) >= INDEXED_LETTERS]
        # Folded words hold letters and digits only, so nothing in them means anything to FTS5 between quotes.
        words = sql("enterprise_name MATCH :words").bindparams(words=" ".join(f'"{word}"' for word in long))
        wanted = wanted.join(_INDEX, _INDEX.c.rowid == literal_column("enterprise.rowid")).where(words)
        wanted = wanted.where(*(EnterpriseRow.sought.contains(word) for word in query.words if word not in long))
    if not ceased_too:
        wanted = wanted.where(or_(EnterpriseRow.ceased_on.is_(None), EnterpriseRow.ceased_on > today))
    return wanted.limit(MOST + 1)
