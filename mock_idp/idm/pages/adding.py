"""*Voeg gebruiker toe*, in three steps: the number, the details, and a look at both before anything is written.

The number stays in a draft on this side: no address and no later page has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.idm import authority, changes, rules
from mock_idp.idm.changes import PersonForm
from mock_idp.idm.counter import Counter, Turn
from mock_idp.idm.history import Writing
from mock_idp.idm.pages.known import PEOPLE, address_of
from mock_idp.idm.rules import Problem, RuleBrokenError
from mock_idp.idm.signin import SPACE
from mock_idp.numbers import sex_of
from mock_idp.world.tables import PersonRow
from pagekit.languages import message

NEW = f"{PEOPLE}/nieuw"
DRAFTS = f"{SPACE}/toevoegen"
_TYPED = ("given_name", "family_name", "birth_date", "call_name", "initials", "reason")


class AddingPages:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[BaseRoute]:
        working = self._counter.working
        return [
            Route(NEW, working(self.ask_number), methods=["GET"]),
            Route(NEW, working(self.take_number), methods=["POST"]),
            Route(f"{DRAFTS}/{{draft}}", working(self.ask_details), methods=["GET"]),
            Route(f"{DRAFTS}/{{draft}}", working(self.take_details), methods=["POST"]),
            Route(f"{DRAFTS}/{{draft}}/bevestigen", working(self.ask_confirmation), methods=["GET"]),
            Route(f"{DRAFTS}/{{draft}}/bevestigen", working(self.add), methods=["POST"]),
        ]

    async def ask_number(self, turn: Turn) -> Response:
        return self._counter.show(turn, "idm/add_number.html")

    async def take_number(self, turn: Turn) -> Response:
        try:
            digits = rules.read_number("national_number", turn.fields.get("national_number", ""))
        except RuleBrokenError as broken:
            return self._counter.show(turn, "idm/add_number.html", problems=broken.problems)
        with self._counter.world.reading() as session:
            person = changes.registered_person(session, digits)
            if person is not None and authority.is_known_in(session, person, turn.organisation):
                return self._already_known(turn, person)
        draft = turn.visitor.new_draft(purpose="add", organisation=turn.organisation, number=digits)
        return self._counter.desk.see_other(f"{DRAFTS}/{draft}")

    async def ask_details(self, turn: Turn) -> Response:
        draft = _draft(turn)
        return self._counter.desk.see_other(NEW) if draft is None else self._details(turn, draft)

    async def take_details(self, turn: Turn) -> Response:
        draft = _draft(turn)
        if draft is None:
            return self._counter.desk.see_other(NEW)
        typed = {name: turn.fields.get(name, "") for name in _TYPED}
        problems = self._problems(turn, draft["number"], typed)
        if problems:
            return self._details(turn, {**draft, **typed}, problems)
        draft.update(typed)
        return self._counter.desk.see_other(f"{turn.request.url.path}/bevestigen")

    async def ask_confirmation(self, turn: Turn) -> Response:
        draft = _draft(turn)
        if draft is None or "reason" not in draft:
            return self._counter.desk.see_other(NEW)
        return self._show(turn, "idm/add_confirm.html", draft)

    async def add(self, turn: Turn) -> Response:
        def change(writing: Writing) -> str:
            draft = _draft(turn)
            if draft is None or "reason" not in draft:
                return NEW
            was_known = _is_known(writing, turn.organisation, draft["number"])
            person = changes.add_person(
                Writing(session=writing.session, clock=writing.clock, actor=writing.actor, reason=draft["reason"]),
                organisation=turn.organisation,
                national_number=draft["number"],
                form=_form(draft),
            )
            turn.visitor.notice = (
                message("%(person)s was known in your organisation already.")
                if was_known
                else message("%(person)s was added. Now link them to the organisation."),
                {"person": person.name},
            )
            turn.visitor.drafts.pop(turn.request.path_params["draft"], None)
            return address_of(person.key)

        try:
            return self._counter.submit(turn, change)
        except RuleBrokenError as broken:
            return self._details(turn, _draft(turn) or {}, broken.problems)

    def _already_known(self, turn: Turn, person: PersonRow) -> Response:
        turn.visitor.notice = (message("%(person)s was known in your organisation already."), {"person": person.name})
        return self._counter.desk.see_other(address_of(person.key))

    def _problems(self, turn: Turn, digits: str, fields: Mapping[str, str]) -> list[Problem]:
        """All of them at once, in the order of the page."""
        unreadable: list[Problem] = []
        try:
            form = _form(fields)
        except RuleBrokenError as broken:
            unreadable = list(broken.problems)
            form = _form({**fields, "birth_date": ""})
        with self._counter.world.reading() as session:
            registered = changes.registered_person(session, digits) is not None
        found = changes.person_problems(digits, form, names_needed=not registered, today=self._counter.clock.today())
        if unreadable and not registered:
            found = [one for one in found if one.field != "birth_date"] + unreadable
        found += rules.reason_problems(fields.get("reason", ""))
        return sorted(found, key=lambda problem: _TYPED.index(problem.field))

    def _details(self, turn: Turn, draft: Mapping[str, str], problems: Sequence[Problem] = ()) -> Response:
        return self._show(turn, "idm/add_details.html", draft, problems)

    def _show(self, turn: Turn, template: str, draft: Mapping[str, str], problems: Sequence[Problem] = ()) -> Response:
        """Every step after the first: what the register says of the number, and what was typed."""
        with self._counter.world.reading() as session:
            person = changes.registered_person(session, draft["number"])
        return self._counter.show(
            turn,
            template,
            problems=problems,
            person=person,
            sex=sex_of(draft["number"]),
            typed={name: draft.get(name, "") for name in _TYPED},
            here=f"{DRAFTS}/{turn.request.path_params['draft']}",
        )


def _draft(turn: Turn) -> dict[str, str] | None:
    draft = turn.visitor.draft(turn.request.path_params["draft"])
    if draft is None or draft.get("purpose") != "add" or draft.get("organisation") != turn.organisation:
        return None
    return draft


def _is_known(writing: Writing, organisation: str, digits: str) -> bool:
    person = changes.registered_person(writing.session, digits)
    return person is not None and authority.is_known_in(writing.session, person, organisation)


def _form(fields: Mapping[str, str]) -> PersonForm:
    birth_date = fields.get("birth_date", "")
    return PersonForm(
        given_name=fields.get("given_name", ""),
        family_name=fields.get("family_name", ""),
        birth_date=rules.read_day("birth_date", birth_date) if birth_date else None,
        call_name=fields.get("call_name", ""),
        initials=fields.get("initials", ""),
    )
