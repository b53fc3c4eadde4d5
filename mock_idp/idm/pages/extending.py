"""Extends several rights at once, from the result of a search: one choice for all, and a report that tells each one.

A right that a rule keeps from being extended doesn't keep the others from it; the report says which rule.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

from sqlalchemy.orm import Session
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.idm import grants, rules
from mock_idp.idm.changes import ChangedMeanwhileError
from mock_idp.idm.counter import Counter, Turn
from mock_idp.idm.history import Writing
from mock_idp.idm.pages.known import address_of
from mock_idp.idm.pages.looking_up import GRANTS, ON_A_PAGE
from mock_idp.idm.pages.rights import AUTOMATIC, read_extension
from mock_idp.idm.rules import Problem, RuleBrokenError
from mock_idp.world.tables import RightRow
from pagekit.languages import message

EXTENDING = f"{GRANTS}/verlengen"
EXTENDED = f"{GRANTS}/verlengd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one right: its new end date, or the problem (a message id and its values)."""

    person: str
    address: str
    right: str
    before: str
    after: str = ""
    problem: str = ""
    values: dict[str, object]


class ExtendingPages:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[BaseRoute]:
        working = self._counter.working
        return [
            Route(EXTENDING, working(self.ask), methods=["GET"]),
            Route(EXTENDING, working(self.extend), methods=["POST"]),
            Route(f"{EXTENDED}/{{draft}}", working(self.report), methods=["GET"]),
        ]

    async def ask(self, turn: Turn) -> Response:
        ids = _ids(turn.request.query_params.getlist("rechten"))
        if not ids:
            turn.visitor.notice = (message("Tick the rights that you want to extend first."), {})
            return self._counter.desk.see_other(GRANTS)
        return self._ask(turn, ids)

    async def extend(self, turn: Turn) -> Response:
        ids = _ids([value for value in turn.form.getlist("rechten") if isinstance(value, str)])

        def change(writing: Writing) -> str:
            last = read_extension(turn)
            rules.require(rules.reason_problems(writing.reason))
            outcomes = [self._one(writing, turn, one, last) for one in ids]
            draft = turn.visitor.new_draft(purpose="extended", outcomes=_written(outcomes))
            return f"{EXTENDED}/{draft}"

        try:
            return self._counter.submit(turn, change, look_at=GRANTS)
        except RuleBrokenError as broken:
            return self._ask(turn, ids, broken.problems)

    async def report(self, turn: Turn) -> Response:
        draft = turn.visitor.draft(turn.request.path_params["draft"])
        if draft is None or draft.get("purpose") != "extended":
            return self._counter.desk.see_other(GRANTS)
        outcomes = _read(draft["outcomes"])
        rows = [(one, self._counter.desk.text(turn.request, one.problem, **one.values)) for one in outcomes]
        return self._counter.show(
            turn,
            "idm/extended.html",
            rows=rows,
            extended=sum(1 for one in outcomes if one.after),
            failed=sum(1 for one in outcomes if one.problem),
        )

    def _one(self, writing: Writing, turn: Turn, right_id: int, last: date | None) -> Outcome:
        try:
            row = grants.right_in(writing.session, right_id, turn.organisation)
        except ChangedMeanwhileError:
            gone = message("This right was removed in the meantime.")
            return Outcome(person="?", address=GRANTS, right="?", before="?", problem=gone, values={})
        person = row.relation.person
        before = rules.written_day(row.last)
        problem: Problem | None = None
        try:
            grants.extend_right(writing, row, version=turn.version(f"versie-{right_id}"), last=last)
        except RuleBrokenError as broken:
            problem = broken.problems[0]
        except ChangedMeanwhileError:
            problem = Problem(
                field="last", text=message("Somebody else changed this right in the meantime. Look at it again.")
            )
        return Outcome(
            person=person.name,
            address=address_of(person.key),
            right=row.name,
            before=before,
            after="" if problem else rules.written_day(row.last),
            problem=problem.text if problem else "",
            values=dict(problem.values) if problem else {},
        )

    def _ask(self, turn: Turn, ids: Sequence[int], problems: Sequence[Problem] = ()) -> Response:
        today = self._counter.clock.today()
        with self._counter.world.reading() as session:
            rows = [self._asked(session, turn, one, today) for one in ids]
            return self._counter.show(
                turn,
                "idm/extend_several.html",
                problems=problems,
                rows=[row for row in rows if row is not None],
                how=turn.fields.get("hoe", AUTOMATIC),
                last=turn.fields.get("last", ""),
                reason=turn.fields.get("reason", ""),
                years=rules.RIGHT_YEARS,
                target=EXTENDING,
            )

    def _asked(
        self, session: Session, turn: Turn, right_id: int, today: date
    ) -> tuple[RightRow, date | None, int] | None:
        """A right, its end after an automatic extension, and the version that was seen; none when it is gone."""
        try:
            row = grants.right_in(session, right_id, turn.organisation)
        except ChangedMeanwhileError:
            return None
        automatic = grants.reach_of(row, today).last if grants.can_extend(row, today) else None
        return row, automatic, turn.version(f"versie-{right_id}") or row.version


def _ids(texts: Sequence[str]) -> list[int]:
    """At most a page of them: more never came from our own form."""
    numbers = [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 18]
    return list(dict.fromkeys(numbers))[:ON_A_PAGE]


def _written(outcomes: Sequence[Outcome]) -> str:
    return json.dumps([asdict(one) for one in outcomes])


def _read(text: str) -> list[Outcome]:
    return [Outcome(**fields) for fields in json.loads(text)]
