"""*Koppel gebruiker aan organisatie*, in three steps: the organisation, the working relation's details, and a look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.days import plus_years
from mock_idp.idm import authority, people, relations, rules
from mock_idp.idm.counter import Counter, Turn
from mock_idp.idm.history import Writing
from mock_idp.idm.pages.known import PEOPLE, address_of, known
from mock_idp.idm.pages.relation_form import read_relation
from mock_idp.idm.rules import Problem, RuleBrokenError
from mock_idp.idm.signin import SPACE
from mock_idp.numbers import format_enterprise_number
from mock_idp.world.tables import EnterpriseRow, PersonRow
from pagekit.languages import message

DRAFTS = f"{SPACE}/koppelen"
_TYPED = ("category", "first", "last", "phone", "email", "reason")


class LinkingPages:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[BaseRoute]:
        working = self._counter.working
        begin = f"{PEOPLE}/{{key}}/koppelen"
        return [
            Route(begin, working(self.ask_organisation), methods=["GET"]),
            Route(begin, working(self.take_organisation), methods=["POST"]),
            Route(f"{DRAFTS}/{{draft}}", working(self.ask_details), methods=["GET"]),
            Route(f"{DRAFTS}/{{draft}}", working(self.take_details), methods=["POST"]),
            Route(f"{DRAFTS}/{{draft}}/bevestigen", working(self.ask_confirmation), methods=["GET"]),
            Route(f"{DRAFTS}/{{draft}}/bevestigen", working(self.link), methods=["POST"]),
        ]

    # -- step 1

    async def ask_organisation(self, turn: Turn) -> Response:
        return self._choice(turn)

    async def take_organisation(self, turn: Turn) -> Response:
        number = turn.fields.get("linked_organisation", "")
        if not number:
            return self._choice(
                turn, [Problem(field="linked_organisation", text=message("Choose an organisation from the list."))]
            )
        with self._counter.world.reading() as session:
            person = people.person_in(session, turn.request.path_params["key"], turn.organisation)
            authority.require_administrator(session, self._counter.person(session, turn), number)
        today = self._counter.clock.today()
        draft = turn.visitor.new_draft(
            purpose="link",
            person=person.key,
            linked=number,
            category=rules.CATEGORIES[0],
            first=rules.written_day(today),
            last=rules.written_day(plus_years(today, rules.RELATION_YEARS)),
            phone=person.phone,
            email=person.email or "",
            reason="",
        )
        return self._counter.desk.see_other(f"{DRAFTS}/{draft}")

    def _choice(self, turn: Turn, problems: Sequence[Problem] = ()) -> Response:
        with self._counter.world.reading() as session:
            person = people.person_in(session, turn.request.path_params["key"], turn.organisation)
            administered = authority.administered_by(session, self._counter.person(session, turn))
            return self._counter.show(
                turn,
                "idm/link_organisation.html",
                problems=problems,
                person=known(person, self._counter.clock),
                organisations=[
                    (one.number, f"{one.name} ({format_enterprise_number(one.number)})") for one in administered
                ],
            )

    # -- step 2

    async def ask_details(self, turn: Turn) -> Response:
        draft = _draft(turn)
        return self._lost(turn) if draft is None else self._show(turn, "idm/link_details.html", draft)

    async def take_details(self, turn: Turn) -> Response:
        draft = _draft(turn)
        if draft is None:
            return self._lost(turn)
        typed = {name: turn.fields.get(name, "") for name in _TYPED}
        try:
            form = read_relation(typed)
            with self._counter.world.reading() as session:
                person = self._drafted(session, turn, draft)
                asking = Writing(
                    session=session,
                    clock=self._counter.clock,
                    actor=self._counter.person(session, turn),
                    reason=typed["reason"],
                )
                rules.require(relations.problems_of(asking, person, organisation=draft["linked"], form=form))
        except RuleBrokenError as broken:
            return self._show(turn, "idm/link_details.html", {**draft, **typed}, broken.problems)
        draft.update(typed, ready="yes")
        return self._counter.desk.see_other(f"{DRAFTS}/{turn.request.path_params['draft']}/bevestigen")

    # -- step 3

    async def ask_confirmation(self, turn: Turn) -> Response:
        draft = _draft(turn)
        if draft is None or "ready" not in draft:
            return self._lost(turn)
        return self._show(turn, "idm/link_confirm.html", draft)

    async def link(self, turn: Turn) -> Response:
        def change(writing: Writing) -> str:
            draft = _draft(turn)
            if draft is None or "ready" not in draft:
                return PEOPLE
            person = self._drafted(writing.session, turn, draft)
            relations.link(
                Writing(session=writing.session, clock=writing.clock, actor=writing.actor, reason=draft["reason"]),
                person,
                organisation=draft["linked"],
                form=read_relation(draft),
            )
            self._go_on_there(writing.session, turn, person, draft["linked"])
            return address_of(person.key)

        try:
            return self._counter.submit(turn, change)
        except RuleBrokenError as broken:
            return self._show(turn, "idm/link_details.html", _draft(turn) or {}, broken.problems)

    def _go_on_there(self, session: Session, turn: Turn, person: PersonRow, number: str) -> None:
        """The page that follows is the person's, in the organisation of the new relation."""
        enterprise = session.get_one(EnterpriseRow, number)
        turn.visitor.drafts.pop(turn.request.path_params["draft"], None)
        turn.visitor.notice = (
            message("%(person)s is linked to %(organisation)s. Now grant the user right."),
            {"person": person.name, "organisation": enterprise.name},
        )
        if number != turn.organisation:
            self._counter.visitors.chose(turn.visitor, number)

    # -- all of them

    def _drafted(self, session: Session, turn: Turn, draft: Mapping[str, str]) -> PersonRow:
        """The person of the draft, if still known here; the organisation, if still administered."""
        person = people.person_in(session, draft["person"], turn.organisation)
        authority.require_administrator(session, self._counter.person(session, turn), draft["linked"])
        return person

    def _show(self, turn: Turn, template: str, draft: Mapping[str, str], problems: Sequence[Problem] = ()) -> Response:
        with self._counter.world.reading() as session:
            person = self._drafted(session, turn, draft)
            enterprise = session.get_one(EnterpriseRow, draft["linked"])
            return self._counter.show(
                turn,
                template,
                problems=problems,
                person=known(person, self._counter.clock),
                linked=enterprise,
                number=format_enterprise_number(enterprise.number),
                typed={name: draft.get(name, "") for name in _TYPED},
                categories=[(one, one) for one in rules.CATEGORIES],
                years=rules.RELATION_YEARS,
                here=f"{DRAFTS}/{turn.request.path_params['draft']}",
            )

    def _lost(self, turn: Turn) -> Response:
        return self._counter.desk.see_other(PEOPLE)


def _draft(turn: Turn) -> dict[str, str] | None:
    draft = turn.visitor.draft(turn.request.path_params["draft"])
    return draft if draft is not None and draft.get("purpose") == "link" else None
