"""What an administrator does with a working relation: change, extend, pause, resume, remove; each asks first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.idm import relations, rules
from mock_idp.idm.counter import Counter, Page, Turn
from mock_idp.idm.history import Writing
from mock_idp.idm.pages.known import PEOPLE, address_of, known
from mock_idp.idm.pages.relation_form import read_relation
from mock_idp.idm.rules import RuleBrokenError
from mock_idp.idm.signin import SPACE
from mock_idp.idm.standing import standing_of_relation
from mock_idp.numbers import format_enterprise_number
from mock_idp.world.facts import RelationStatus
from mock_idp.world.tables import RelationRow
from pagekit.languages import message

RELATIONS = f"{SPACE}/relaties"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do with a relation. `whole`: its rights are concerned too, so their versions count.

    `only_when` is the status in which it makes sense, where it matters. `done` is the message that follows.
    `carry_out` raises what `relations` raises.
    """

    template: str
    done: str
    whole: bool
    carry_out: Callable[[Writing, RelationRow, int, Mapping[str, str]], None]
    only_when: RelationStatus | None = None


def _edit(writing: Writing, relation: RelationRow, version: int, fields: Mapping[str, str]) -> None:
    relations.edit_relation(writing, relation, version=version, form=read_relation(fields))


def _extend(writing: Writing, relation: RelationRow, version: int, _: Mapping[str, str]) -> None:
    relations.extend_relation(writing, relation, version=version)


def _pause(writing: Writing, relation: RelationRow, version: int, _: Mapping[str, str]) -> None:
    relations.pause(writing, relation, version=version)


def _resume(writing: Writing, relation: RelationRow, version: int, _: Mapping[str, str]) -> None:
    relations.resume(writing, relation, version=version)


def _remove(writing: Writing, relation: RelationRow, version: int, _: Mapping[str, str]) -> None:
    relations.remove_relation(writing, relation, version=version)


STEPS = {
    "bewerken": Step(
        template="idm/relation_edit.html",
        done=message("The working relation was changed."),
        whole=True,
        carry_out=_edit,
    ),
    "verlengen": Step(
        template="idm/relation_extend.html",
        done=message("The working relation and its user rights were extended."),
        whole=True,
        carry_out=_extend,
    ),
    "pauzeren": Step(
        template="idm/relation_pause.html",
        done=message("The working relation is paused. Its rights give no access until you resume it."),
        whole=False,
        carry_out=_pause,
        only_when=RelationStatus.ACTIVE,
    ),
    "hervatten": Step(
        template="idm/relation_resume.html",
        done=message("The working relation is active again."),
        whole=False,
        carry_out=_resume,
        only_when=RelationStatus.PAUSED,
    ),
    "verwijderen": Step(
        template="idm/relation_remove.html",
        done=message("The working relation was removed, with its user rights."),
        whole=True,
        carry_out=_remove,
    ),
}


class RelationPages:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[BaseRoute]:
        working = self._counter.working
        return [
            route
            for word, step in STEPS.items()
            for route in (
                Route(f"{RELATIONS}/{{id:int}}/{word}", working(self._asking(step)), methods=["GET"]),
                Route(f"{RELATIONS}/{{id:int}}/{word}", working(self._acting(step)), methods=["POST"]),
            )
        ]

    def _asking(self, step: Step) -> Page:
        async def ask(turn: Turn) -> Response:
            with self._counter.world.reading() as session:
                relation = _relation(turn, session)
                if step.only_when is not None and relation.status != step.only_when.value:
                    return self._counter.desk.see_other(address_of(relation.person.key))
            return self._show(turn, step)

        return ask

    def _acting(self, step: Step) -> Page:
        async def act(turn: Turn) -> Response:
            def change(writing: Writing) -> str:
                relation = _relation(turn, writing.session)
                here = address_of(relation.person.key)
                step.carry_out(writing, relation, turn.version(), turn.fields)
                turn.visitor.notice = (step.done, {})
                return here

            try:
                return self._counter.submit(turn, change, look_at=self._present_state(turn))
            except RuleBrokenError as broken:
                return self._show(turn, step, broken)

        return act

    def _present_state(self, turn: Turn) -> str:
        """The page of the person, or everybody's when the relation is gone."""
        with self._counter.world.reading() as session:
            row = session.get(RelationRow, turn.request.path_params["id"])
            return PEOPLE if row is None or row.organisation != turn.organisation else address_of(row.person.key)

    def _show(self, turn: Turn, step: Step, broken: RuleBrokenError | None = None) -> Response:
        today = self._counter.clock.today()
        with self._counter.world.reading() as session:
            relation = _relation(turn, session)
            extension = relations.extension_of(relation, today)
            stands = _typed(relation)
            return self._counter.show(
                turn,
                step.template,
                problems=broken.problems if broken else (),
                person=known(relation.person, self._counter.clock),
                relation=relation,
                number=format_enterprise_number(relation.organisation),
                standing=standing_of_relation(relation, today),
                typed=dict.fromkeys(stands, "") | dict(turn.fields) if broken else stands,
                categories=[(one, one) for one in rules.CATEGORIES],
                extension=extension,
                can_extend=extension.last > relation.last
                or any(extension.rights[right.id] > right.last for right in relation.rights),
                version=turn.version() or (relations.seen_version(relation) if step.whole else relation.version),
                target=turn.request.url.path,
                years=(rules.RELATION_YEARS, rules.RIGHT_YEARS),
            )


def _relation(turn: Turn, session: Session) -> RelationRow:
    return relations.relation_in(session, turn.request.path_params["id"], turn.organisation)


def _typed(relation: RelationRow) -> Mapping[str, str]:
    return {
        "category": relation.category,
        "first": rules.written_day(relation.first),
        "last": rules.written_day(relation.last),
        "phone": relation.phone,
        "email": relation.email,
        "reason": "",
    }
