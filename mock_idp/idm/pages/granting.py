"""*Ken gebruikersrecht toe*, in three steps: the right, its days and profiles, and a look before it is granted."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.idm import grants, people, relations, rules
from mock_idp.idm.counter import Counter, Turn
from mock_idp.idm.history import Writing
from mock_idp.idm.pages.known import PEOPLE, address_of, known
from mock_idp.idm.pages.relations import RELATIONS
from mock_idp.idm.pages.right_form import RightForm, is_moving, moving_problems, read_right, typed_form
from mock_idp.idm.rules import Problem, RuleBrokenError
from mock_idp.idm.signin import SPACE
from mock_idp.idm.standing import standing_of_relation, standing_of_right
from mock_idp.numbers import format_enterprise_number
from mock_idp.world.facts import RightKind
from mock_idp.world.tables import RelationRow
from pagekit.languages import message

GRANTING = f"{SPACE}/recht-toekennen"
Draft = dict[str, str]


class GrantingPages:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[BaseRoute]:
        working = self._counter.working
        begin = f"{RELATIONS}/{{id:int}}/recht-toekennen"
        return [
            Route(begin, working(self.ask_right), methods=["GET"]),
            Route(begin, working(self.take_right), methods=["POST"]),
            Route(f"{GRANTING}/{{draft}}", working(self.ask_details), methods=["GET"]),
            Route(f"{GRANTING}/{{draft}}", working(self.take_details), methods=["POST"]),
            Route(f"{GRANTING}/{{draft}}/bevestigen", working(self.ask_confirmation), methods=["GET"]),
            Route(f"{GRANTING}/{{draft}}/bevestigen", working(self.grant), methods=["POST"]),
        ]

    # -- step 1

    async def ask_right(self, turn: Turn) -> Response:
        return self._choice(turn)

    async def take_right(self, turn: Turn) -> Response:
        today = self._counter.clock.today()
        kind = self._counter.world.current.catalogue.rights.get(turn.fields.get("right", ""))
        if kind is None:
            return self._choice(turn, [Problem(field="right", text=message("Choose a user right from the list."))])
        with self._counter.world.reading() as session:
            relation = self._relation(session, turn, turn.request.path_params["id"])
            period = grants.proposed(relation, kind.name, today)
            problems = grants.grant_problems(
                relation,
                catalogue=self._counter.world.current.catalogue,
                right=kind.name,
                profiles=kind.profiles,
                period=period,
                today=today,
            )
        if problems:
            return self._choice(turn, problems)
        draft = turn.visitor.new_draft(
            purpose="grant",
            relation=str(relation.id),
            right=kind.name,
            first=rules.written_day(period.first),
            last=rules.written_day(period.last),
            profiles="",
        )
        return self._counter.desk.see_other(f"{GRANTING}/{draft}")

    def _choice(self, turn: Turn, problems: Sequence[Problem] = ()) -> Response:
        today = self._counter.clock.today()
        with self._counter.world.reading() as session:
            relation = self._relation(session, turn, turn.request.path_params["id"])
            return self._counter.show(
                turn,
                "idm/grant_right.html",
                problems=problems,
                person=known(relation.person, self._counter.clock),
                relation=relation,
                standing=standing_of_relation(relation, today),
                number=format_enterprise_number(relation.organisation),
                rights=[(one.name, one.name) for one in self._counter.world.current.catalogue.rights.values()],
                chosen=turn.fields.get("right") or turn.request.query_params.get("recht", ""),
                held=[(one, standing_of_right(one, today)) for one in relation.rights],
                target=turn.request.url.path,
            )

    # -- step 2

    async def ask_details(self, turn: Turn) -> Response:
        draft = _draft(turn)
        if draft is None:
            return self._lost(turn)
        return self._details(turn, draft, _kept(draft))

    async def take_details(self, turn: Turn) -> Response:
        draft = _draft(turn)
        if draft is None:
            return self._lost(turn)
        form = typed_form(turn, self._kind(draft))
        if is_moving(turn):
            return self._details(turn, draft, form, moving_problems(turn))
        try:
            period = read_right(form)
            with self._counter.world.reading() as session:
                rules.require(
                    grants.grant_problems(
                        self._relation(session, turn, int(draft["relation"])),
                        catalogue=self._counter.world.current.catalogue,
                        right=draft["right"],
                        profiles=form.profiles,
                        period=period,
                        today=self._counter.clock.today(),
                    )
                )
        except RuleBrokenError as broken:
            return self._details(turn, draft, form, broken.problems)
        draft.update(
            first=rules.written_day(period.first),
            last=rules.written_day(period.last),
            profiles="\n".join(form.profiles),
            ready="yes",
        )
        return self._counter.desk.see_other(f"{GRANTING}/{turn.request.path_params['draft']}/bevestigen")

    def _details(self, turn: Turn, draft: Draft, form: RightForm, problems: Sequence[Problem] = ()) -> Response:
        return self._show(turn, "idm/grant_details.html", draft, form, problems)

    # -- step 3

    async def ask_confirmation(self, turn: Turn) -> Response:
        draft = _draft(turn)
        if draft is None or "ready" not in draft:
            return self._lost(turn)
        return self._show(turn, "idm/grant_confirm.html", draft, _kept(draft))

    async def grant(self, turn: Turn) -> Response:
        draft = _draft(turn)

        def change(writing: Writing) -> str:
            if draft is None or "ready" not in draft:
                return self._begin_again(turn)
            form = _kept(draft)
            period = read_right(form)
            relation = self._relation(writing.session, turn, int(draft["relation"]))
            row = grants.grant(
                writing,
                relation,
                catalogue=self._counter.world.current.catalogue,
                right=draft["right"],
                profiles=form.profiles,
                first=period.first,
                last=period.last,
            )
            turn.visitor.notice = (
                message("%(person)s has the right %(right)s from %(first)s until %(last)s."),
                {
                    "person": relation.person.name,
                    "right": row.name,
                    "first": rules.written_day(row.first),
                    "last": rules.written_day(row.last),
                },
            )
            return address_of(relation.person.key)

        try:
            return self._counter.submit(turn, change, look_at=PEOPLE)
        except RuleBrokenError as broken:
            if draft is None:
                return self._lost(turn)
            return self._show(turn, "idm/grant_confirm.html", draft, _kept(draft), broken.problems)

    # -- all of them

    def _relation(self, session: Session, turn: Turn, relation_id: int) -> RelationRow:
        """In the organisation worked for, of a person whom it knows."""
        relation = relations.relation_in(session, relation_id, turn.organisation)
        people.person_in(session, relation.person.key, turn.organisation)
        return relation

    def _kind(self, draft: Draft) -> RightKind:
        return self._counter.world.current.catalogue.rights[draft["right"]]

    def _show(
        self, turn: Turn, template: str, draft: Draft, form: RightForm, problems: Sequence[Problem] = ()
    ) -> Response:
        kind = self._kind(draft)
        with self._counter.world.reading() as session:
            relation = self._relation(session, turn, int(draft["relation"]))
            return self._counter.show(
                turn,
                template,
                problems=problems,
                person=known(relation.person, self._counter.clock),
                relation=relation,
                number=format_enterprise_number(relation.organisation),
                kind=kind,
                form=form,
                years=rules.RIGHT_YEARS,
                ends_with_relation=grants.proposed(relation, kind.name, self._counter.clock.today()).last
                == relation.last,
                reason=turn.fields.get("reason", ""),
                first_step=f"{RELATIONS}/{relation.id}/recht-toekennen?recht={kind.name.replace(' ', '+')}",
                here=f"{GRANTING}/{turn.request.path_params['draft']}",
            )

    def _lost(self, turn: Turn) -> Response:
        return self._counter.desk.see_other(self._begin_again(turn))

    def _begin_again(self, turn: Turn) -> str:
        turn.visitor.notice = (message("That form was no longer kept here. Choose the person again."), {})
        return PEOPLE


def _draft(turn: Turn) -> Draft | None:
    draft = turn.visitor.draft(turn.request.path_params["draft"])
    return draft if draft is not None and draft.get("purpose") == "grant" else None


def _kept(draft: Draft) -> RightForm:
    return RightForm(
        first=draft["first"],
        last=draft["last"],
        profiles=tuple(one for one in draft["profiles"].split("\n") if one),
    )
