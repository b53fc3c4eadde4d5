"""What an administrator does with a right that was granted: change, extend, remove; each with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy.orm import Session
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.idm import grants, rules
from mock_idp.idm.counter import Change, Counter, Turn
from mock_idp.idm.history import Writing
from mock_idp.idm.pages.known import PEOPLE, address_of, known
from mock_idp.idm.pages.right_form import RightForm, is_moving, moving_problems, read_right, typed_form
from mock_idp.idm.rules import Problem, RuleBrokenError
from mock_idp.idm.signin import SPACE
from mock_idp.idm.standing import standing_of_right
from mock_idp.world.facts import RightKind
from mock_idp.world.tables import RightRow
from pagekit.languages import message

RIGHTS = f"{SPACE}/rechten"
BY_HAND, AUTOMATIC = "zelf", "automatisch"  # values of the choice named `hoe`


class RightPages:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[BaseRoute]:
        working = self._counter.working
        one = f"{RIGHTS}/{{id:int}}"
        return [
            Route(f"{one}/bewerken", working(self.ask_changes), methods=["GET"]),
            Route(f"{one}/bewerken", working(self.edit), methods=["POST"]),
            Route(f"{one}/verlengen", working(self.ask_extension), methods=["GET"]),
            Route(f"{one}/verlengen", working(self.extend), methods=["POST"]),
            Route(f"{one}/verwijderen", working(self.ask_removal), methods=["GET"]),
            Route(f"{one}/verwijderen", working(self.remove), methods=["POST"]),
        ]

    # -- Bewerk

    async def ask_changes(self, turn: Turn) -> Response:
        return self._show(turn, "idm/right_edit.html")

    async def edit(self, turn: Turn) -> Response:
        with self._counter.world.reading() as session:
            # A right that somebody removed meanwhile: the submission says so, and nothing of the form matters.
            row = session.get(RightRow, turn.request.path_params["id"])
            kind = None if row is None else self._kind(row)
        if kind is not None and is_moving(turn):
            return self._show(turn, "idm/right_edit.html", typed_form(turn, kind), moving_problems(turn))

        def change(writing: Writing) -> str:
            row = self._right(turn, writing.session)
            form = typed_form(turn, self._kind(row))
            period = read_right(form)
            grants.edit_right(
                writing,
                row,
                version=turn.version(),
                catalogue=self._counter.world.current.catalogue,
                profiles=form.profiles,
                first=period.first,
                last=period.last,
            )
            turn.visitor.notice = (message("The right %(right)s was changed."), {"right": row.name})
            return address_of(row.relation.person.key)

        return self._submit(turn, change, "idm/right_edit.html")

    # -- Verleng

    async def ask_extension(self, turn: Turn) -> Response:
        return self._show(turn, "idm/right_extend.html")

    async def extend(self, turn: Turn) -> Response:
        def change(writing: Writing) -> str:
            row = self._right(turn, writing.session)
            grants.extend_right(writing, row, version=turn.version(), last=read_extension(turn))
            turn.visitor.notice = (
                message("The right %(right)s was extended until %(day)s."),
                {"right": row.name, "day": rules.written_day(row.last)},
            )
            return address_of(row.relation.person.key)

        return self._submit(turn, change, "idm/right_extend.html")

    # -- Verwijder

    async def ask_removal(self, turn: Turn) -> Response:
        return self._show(turn, "idm/right_remove.html")

    async def remove(self, turn: Turn) -> Response:
        def change(writing: Writing) -> str:
            row = self._right(turn, writing.session)
            person = row.relation.person
            grants.remove_right(writing, row, version=turn.version())
            turn.visitor.notice = (message("The right %(right)s was removed."), {"right": row.name})
            return address_of(person.key)

        return self._submit(turn, change, "idm/right_remove.html")

    # -- all of them

    def _submit(self, turn: Turn, change: Change, template: str) -> Response:
        try:
            return self._counter.submit(turn, change, look_at=self._present_state(turn))
        except RuleBrokenError as broken:
            with self._counter.world.reading() as session:
                kind = self._kind(self._right(turn, session))
            return self._show(turn, template, typed_form(turn, kind), broken.problems)

    def _present_state(self, turn: Turn) -> str:
        """The page of the person, or everybody's when the right is gone."""
        with self._counter.world.reading() as session:
            row = session.get(RightRow, turn.request.path_params["id"])
            if row is None or row.relation.organisation != turn.organisation:
                return PEOPLE
            return address_of(row.relation.person.key)

    def _show(
        self, turn: Turn, template: str, form: RightForm | None = None, problems: Sequence[Problem] = ()
    ) -> Response:
        today = self._counter.clock.today()
        with self._counter.world.reading() as session:
            row = self._right(turn, session)
            return self._counter.show(
                turn,
                template,
                problems=problems,
                person=known(row.relation.person, self._counter.clock),
                right=row,
                relation=row.relation,
                kind=self._kind(row),
                standing=standing_of_right(row, today),
                form=form or _as_it_is(row),
                reach=grants.reach_of(row, today),
                can_extend=grants.can_extend(row, today),
                is_over=row.relation.last < today,
                how=turn.fields.get("hoe", AUTOMATIC),
                years=rules.RIGHT_YEARS,
                version=turn.version() or row.version,
                target=turn.request.url.path,
            )

    def _right(self, turn: Turn, session: Session) -> RightRow:
        return grants.right_in(session, turn.request.path_params["id"], turn.organisation)

    def _kind(self, row: RightRow) -> RightKind:
        """From the catalogue; of a right that is in it no more, only what the row itself tells."""
        known_kind = self._counter.world.current.catalogue.rights.get(row.name)
        return known_kind or RightKind(name=row.name, code=row.name, description={}, profiles=tuple(row.profiles))


def read_extension(turn: Turn) -> date | None:
    """The end date that was typed, or none for an automatic extension. Raises RuleBrokenError."""
    how = turn.fields.get("hoe")
    if how == BY_HAND:
        return rules.read_day("last", turn.fields.get("last", ""))
    if how == AUTOMATIC:
        return None
    raise RuleBrokenError(
        Problem(field="hoe", text=message("Choose whether you set the end date yourself, or automatically."))
    )


def _as_it_is(row: RightRow) -> RightForm:
    return RightForm(first=rules.written_day(row.first), last=rules.written_day(row.last), profiles=tuple(row.profiles))
