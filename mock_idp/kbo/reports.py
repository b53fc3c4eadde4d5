"""What KBO is told at the counter about functions: added, ended, withdrawn, recorded at once. Rules and writes.

Public from `Report.public_from` on; until then a report can be withdrawn. Raises RuleBrokenError with every problem by
field, or GoneError. Each change about a person has its line in the history, without who did it: nobody signs in here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from mock_idp.days import OPEN_END, plus_years
from mock_idp.idm.history import Action
from mock_idp.idm.rules import LONGEST_REASON, Problem, RuleBrokenError, read_day, read_number, require, written_day
from mock_idp.kbo import query
from mock_idp.kbo.wording import slip_text
from mock_idp.world.facts import Catalogue, FunctionHolder
from mock_idp.world.questions import last_day
from mock_idp.world.tables import EnterpriseRow, FunctionRow, HistoryRow, PersonRow
from pagekit.languages import message

T = TypeVar("T")
YEARS_AHEAD = 1  # nobody reports what lies farther away


class GoneError(Exception):
    """The function or enterprise of the form is not there, or not any more as it was. Nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One transaction at the counter: the day and the moment, and when everybody sees what is told."""

    session: Session
    catalogue: Catalogue
    today: date
    now: datetime
    public_from: date

    def enterprise(self, number: str) -> EnterpriseRow:
        """Raises GoneError."""
        row = self.session.get(EnterpriseRow, number)
        if row is None:
            raise GoneError
        return row

    def function(self, row_id: int) -> FunctionRow:
        """Raises GoneError."""
        row = self.session.get(FunctionRow, row_id)
        if row is None:
            raise GoneError
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionForm:
    """As typed. `person` is the key of somebody of the cast; who is not there is named by number."""

    holder: FunctionHolder
    person: str
    national_number: str
    company: str
    code: str
    first: str


def add_function(report: Report, number: str, form: FunctionForm) -> FunctionRow:
    enterprise = report.enterprise(number)
    problems: list[Problem] = []
    if enterprise.ceased_on is not None and enterprise.ceased_on <= report.today:
        text = message("This enterprise ceased on %(day)s: nobody can get a function in it any more.")
        problems.append(Problem(field="code", text=text, values={"day": written_day(enterprise.ceased_on)}))
    person = company = first = None
    if form.holder is not FunctionHolder.ENTERPRISE:
        person = _read(problems, lambda: _person(report, form))
    if form.holder is not FunctionHolder.NATURAL_PERSON:
        company = _read(problems, lambda: _company(report, form.company, enterprise))
    if form.code not in report.catalogue.functions:
        problems.append(Problem(field="code", text=message("Choose a function of the list: KBO knows no other.")))
    first = _read(problems, lambda: _first_day(report, form.first, enterprise))
    require(problems)
    row = FunctionRow(
        organisation=number,
        code=form.code,
        holder=form.holder.value,
        person_id=None if person is None else person.id,
        company=None if company is None else company.name,
        first=first,
        last=OPEN_END,
        recorded_on=report.public_from,
    )
    require(_overlap_problems(report, row))
    report.session.add(row)
    if person is not None:
        person.in_registers = True
        _record(report, Action.FUNCTION_ADDED, row, after={"first": row.first.isoformat()})
    return row


def end_function(report: Report, row: FunctionRow, *, last: str, reason: str) -> None:
    """`last` is the last day on which the function is held, as typed."""
    until = last_day(row, report.today)
    if is_waiting(row, report.today):
        text = message("KBO was told of this function before and has not recorded that yet. Withdraw that first.")
        raise RuleBrokenError(Problem(field="last", text=text))
    if until < report.today:
        text = message("This function already ended on %(day)s.")
        raise RuleBrokenError(Problem(field="last", text=text, values={"day": written_day(until)}))
    problems: list[Problem] = []
    day = _read(problems, lambda: read_day("last", last))
    if day is not None:
        problems += _end_problems(row, day, until=until, today=report.today)
    if len(reason) > LONGEST_REASON:
        text = message("At most %(most)s characters.")
        problems.append(Problem(field="reason", text=text, values={"most": LONGEST_REASON}))
    require(problems)
    row.last, row.ends_on, row.end_recorded_on, row.end_reason = until, day, report.public_from, reason
    before = {} if until == OPEN_END else {"last": until.isoformat()}
    after = {"last": day.isoformat()} if day is not None else {}
    _record(report, Action.FUNCTION_ENDED, row, before=before, after=after, reason=reason)


def withdraw(report: Report, row: FunctionRow) -> None:
    """A report that is not public yet is as if it had never been made. Raises GoneError when it is."""
    if not is_waiting(row, report.today):
        raise GoneError
    _record(report, Action.FUNCTION_WITHDRAWN, row)
    if row.recorded_on > report.today:
        report.session.delete(row)
        return
    row.ends_on = row.end_recorded_on = None
    row.end_reason = ""


def record_now(report: Report, row: FunctionRow) -> None:
    """Everybody sees it from today on. Raises GoneError when it is public already."""
    if not is_waiting(row, report.today):
        raise GoneError
    if row.recorded_on > report.today:
        row.recorded_on = report.today
    else:
        row.end_recorded_on = report.today
    _record(report, Action.FUNCTION_RECORDED, row)


def is_waiting(row: FunctionRow, today: date) -> bool:
    """KBO was told of the function or of its end, and has not recorded it yet."""
    return row.recorded_on > today or (row.end_recorded_on is not None and row.end_recorded_on > today)


def _read(problems: list[Problem], read: Callable[[], T]) -> T | None:
    """What was read, or None with what was wrong among the problems."""
    try:
        return read()
    except RuleBrokenError as error:
        problems += error.problems
        return None


def _person(report: Report, form: FunctionForm) -> PersonRow:
    if form.person and form.national_number:
        text = message("Choose somebody from the list or write a number, not both.")
        raise RuleBrokenError(Problem(field="national_number", text=text))
    if form.national_number:
        digits = read_number("national_number", form.national_number)
        wanted = select(PersonRow).where(PersonRow.national_number == digits)
        problem = Problem(field="national_number", text=message("The national register knows nobody with this number."))
    else:
        wanted = select(PersonRow).where(PersonRow.key == form.person, PersonRow.in_cast)
        problem = Problem(field="person", text=message("Choose somebody from the list, or write a number below it."))
    found = report.session.scalars(wanted).one_or_none()
    if found is None:
        raise RuleBrokenError(problem)
    return found


def _company(report: Report, text: str, enterprise: EnterpriseRow) -> EnterpriseRow:
    def problem(text: str, **values: object) -> RuleBrokenError:
        return RuleBrokenError(Problem(field="company", text=text, values=values))

    asked = query.read_number(text)
    if isinstance(asked, query.SlipQuery):
        raise problem(slip_text(asked.slip), digits=asked.digits)
    if isinstance(asked, query.UnitQuery):
        raise problem(message("This is the number of an establishment unit. Only an enterprise holds a function."))
    found = report.session.get(EnterpriseRow, asked.number)
    if found is None:
        raise problem(message("KBO has no enterprise with this number."))
    if found.number == enterprise.number:
        raise problem(message("An enterprise cannot hold a function in itself."))
    if found.ceased_on is not None and found.ceased_on <= report.today:
        raise problem(message("That enterprise ceased on %(day)s."), day=written_day(found.ceased_on))
    return found


def _first_day(report: Report, text: str, enterprise: EnterpriseRow) -> date:
    first = read_day("first", text)
    if enterprise.began_on is not None and first < enterprise.began_on:
        text = message("The enterprise itself began on %(day)s. No function in it begins earlier.")
        raise RuleBrokenError(Problem(field="first", text=text, values={"day": written_day(enterprise.began_on)}))
    if first > plus_years(report.today, YEARS_AHEAD):
        raise RuleBrokenError(Problem(field="first", text=message("Not more than a year ahead.")))
    return first


def _end_problems(row: FunctionRow, day: date, *, until: date, today: date) -> Iterable[Problem]:
    if day < row.first:
        text = message("The end date is before the begin date, which is %(day)s.")
        yield Problem(field="last", text=text, values={"day": written_day(row.first)})
    elif day >= until:
        text = message("The function already ends on %(day)s. Only an earlier day can be reported.")
        yield Problem(field="last", text=text, values={"day": written_day(until)})
    elif day > plus_years(today, YEARS_AHEAD):
        yield Problem(field="last", text=message("Not more than a year ahead."))


def _overlap_problems(report: Report, new: FunctionRow) -> Iterable[Problem]:
    wanted = select(FunctionRow).where(
        FunctionRow.organisation == new.organisation,
        FunctionRow.code == new.code,
        FunctionRow.person_id.is_(None) if new.person_id is None else FunctionRow.person_id == new.person_id,
        FunctionRow.company.is_(None) if new.company is None else FunctionRow.company == new.company,
    )
    for row in report.session.scalars(wanted):
        if (row.ends_on or row.last) >= new.first:
            text = message("The same holder already has this function, from %(day)s on.")
            yield Problem(field="code", text=text, values={"day": written_day(row.first)})
            return


def _record(
    report: Report,
    action: Action,
    row: FunctionRow,
    *,
    before: Mapping[str, str] | None = None,
    after: Mapping[str, str] | None = None,
    reason: str = "",
) -> None:
    if row.person_id is None:
        return
    kind = report.catalogue.functions[row.code]
    named = {"function": f"{kind.label} ({kind.code})"}
    gone = action is Action.FUNCTION_WITHDRAWN
    report.session.add(
        HistoryRow(
            at=report.now,
            day=report.today,
            person_id=row.person_id,
            organisation=row.organisation,
            action=action.value,
            change={
                "before": {**(named if gone or before else {}), **(before or {})},
                "after": {**({} if gone else named), **(after or {})},
            },
            reason=reason,
        )
    )
