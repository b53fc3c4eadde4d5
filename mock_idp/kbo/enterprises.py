"""Enterprises at the counter: added, ceased, opened again. In force at once: only functions wait for KBO's term.

Raises RuleBrokenError with every problem by field, or GoneError.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import func, select

from mock_idp.days import plus_years
from mock_idp.idm.rules import Problem, RuleBrokenError, read_day, require, text_problems, written_day
from mock_idp.kbo.query import EnterpriseQuery, SlipQuery, read_number
from mock_idp.kbo.reports import YEARS_AHEAD, GoneError, Report
from mock_idp.kbo.wording import slip_text
from mock_idp.numbers import enterprise_number, is_never_issued
from mock_idp.world.tables import EnterpriseRow
from pagekit.languages import message

# Where numbers come from that nobody chose: 1999.800.001 and on.
_FIRST_EIGHT, _LAST_EIGHT = 19998000, 19998999


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterpriseForm:
    """As typed. Without a number it gets the next free one."""

    name: str
    address: str
    number: str
    began_on: str


def add_enterprise(report: Report, form: EnterpriseForm) -> EnterpriseRow:
    problems: list[Problem] = [*text_problems("name", form.name), *text_problems("address", form.address)]
    number, began_on = "", report.today
    try:
        number = _free_number(report, form.number)
    except RuleBrokenError as error:
        problems += error.problems
    try:
        began_on = read_day("began_on", form.began_on)
    except RuleBrokenError as error:
        problems += error.problems
    if began_on > report.today:
        problems.append(Problem(field="began_on", text=message("The begin date cannot be in the future.")))
    require(problems)
    row = EnterpriseRow(
        number=number,
        key=f"added-{secrets.token_hex(6)}",
        name=form.name,
        address=form.address,
        began_on=began_on,
    )
    report.session.add(row)
    return row


def cease(report: Report, row: EnterpriseRow, ceased_on: str) -> None:
    """`ceased_on`, as typed, is the first day on which the enterprise no longer is active."""
    if row.ceased_on is not None:
        raise GoneError
    day = read_day("ceased_on", ceased_on)
    if row.began_on is not None and day < row.began_on:
        text = message("The enterprise began on %(day)s. It cannot have ceased before that.")
        raise RuleBrokenError(Problem(field="ceased_on", text=text, values={"day": written_day(row.began_on)}))
    if day > plus_years(report.today, YEARS_AHEAD):
        raise RuleBrokenError(Problem(field="ceased_on", text=message("Not more than a year ahead.")))
    row.ceased_on = day


def reopen(row: EnterpriseRow) -> None:
    if row.ceased_on is None:
        raise GoneError
    row.ceased_on = None


def _free_number(report: Report, text: str) -> str:
    if not text:
        return _next_number(report)
    asked = read_number(text)
    if isinstance(asked, EnterpriseQuery) and is_never_issued(asked.number):
        if report.session.get(EnterpriseRow, asked.number) is None:
            return asked.number
        problem = Problem(field="number", text=message("Another enterprise has this number."))
    elif isinstance(asked, SlipQuery):
        problem = Problem(field="number", text=slip_text(asked.slip), values={"digits": asked.digits})
    else:
        text = message("An enterprise number here begins with 1999: KBO has not issued those.")
        problem = Problem(field="number", text=text)
    raise RuleBrokenError(problem)


def _next_number(report: Report) -> str:
    block = EnterpriseRow.number.between(f"{_FIRST_EIGHT:08d}", f"{_LAST_EIGHT:08d}99")
    last = report.session.scalar(select(func.max(EnterpriseRow.number)).where(block))
    first_eight = _FIRST_EIGHT if last is None else int(last[:8])
    if first_eight >= _LAST_EIGHT:
        raise RuleBrokenError(Problem(field="number", text=message("No numbers are left: write one yourself.")))
    return enterprise_number(first_eight + 1)
