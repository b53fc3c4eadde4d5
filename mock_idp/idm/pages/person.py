"""*Gegevens van gebruiker*: a person's page with the tabs Werkrelatie, Werkrelatie details, Accounts and Historiek."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.acm.methods import Method
from mock_idp.idm import changes, people, telling
from mock_idp.idm.counter import Counter, Turn
from mock_idp.idm.history import Writing
from mock_idp.idm.pages.known import PEOPLE, known
from mock_idp.idm.pages.numbered import neighbours, page_number
from mock_idp.idm.relations import relations_in
from mock_idp.idm.rules import RuleBrokenError
from mock_idp.idm.standing import Standing, standing_of_relation, standing_of_right
from mock_idp.numbers import format_enterprise_number
from mock_idp.world.facts import PersonStatus
from mock_idp.world.questions import status_of
from mock_idp.world.tables import EnterpriseRow, HistoryRow, PersonRow, RelationRow, RightRow
from pagekit.languages import message

EVENTS_ON_A_PAGE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationView:
    """A working relation as its part of the page shows it."""

    row: RelationRow
    standing: Standing
    rights: Sequence[tuple[RightRow, Standing]]

    @property
    def is_over(self) -> bool:
        return self.standing is Standing.EXPIRED


class PersonPages:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[BaseRoute]:
        working = self._counter.working
        one = f"{PEOPLE}/{{key}}"
        return [
            Route(one, working(self.relations), methods=["GET"]),
            Route(f"{one}/details", working(self.details), methods=["GET"]),
            Route(f"{one}/accounts", working(self.accounts), methods=["GET"]),
            Route(f"{one}/historiek", working(self.history), methods=["GET"]),
            Route(f"{one}/bewerken", working(self.ask_changes), methods=["GET"]),
            Route(f"{one}/bewerken", working(self.edit), methods=["POST"]),
        ]

    async def relations(self, turn: Turn) -> Response:
        today = self._counter.clock.today()
        with self._counter.world.reading() as session:
            person = self._person(turn, session)
            held = relations_in(person, turn.organisation)
            is_active = status_of(person, self._counter.clock) is PersonStatus.ACTIVE
            enterprise = session.get(EnterpriseRow, turn.organisation)
            is_open = enterprise is not None and (enterprise.ceased_on is None or today < enterprise.ceased_on)
            return self._counter.show(
                turn,
                "idm/person_relations.html",
                person=known(person, self._counter.clock),
                number=format_enterprise_number(turn.organisation),
                relations=[self._relation(one) for one in held],
                opens=telling.opens(held, today) if is_active and is_open else (),
                soon=today + people.EXPIRING,
            )

    async def details(self, turn: Turn) -> Response:
        with self._counter.world.reading() as session:
            person = self._person(turn, session)
            held = relations_in(person, turn.organisation)
            latest = session.scalars(_events(person, turn.organisation).limit(3)).all()
            return self._counter.show(
                turn,
                "idm/person_details.html",
                person=known(person, self._counter.clock),
                number=format_enterprise_number(turn.organisation),
                relations=[self._relation(one) for one in held],
                latest=[telling.event(row) for row in latest],
            )

    async def accounts(self, turn: Turn) -> Response:
        with self._counter.world.reading() as session:
            person = self._person(turn, session)
            activated = {Method(method) for method in person.activated}
            account = self._counter.world.current.person(person.key)
            return self._counter.show(
                turn,
                "idm/person_accounts.html",
                person=known(person, self._counter.clock),
                vo_id="" if account is None else account.vo_id,
                methods=[(telling.METHODS[one], one in (Method.APP, Method.SMS), one in activated) for one in Method],
            )

    async def history(self, turn: Turn) -> Response:
        with self._counter.world.reading() as session:
            person = self._person(turn, session)
            wanted = _events(person, turn.organisation)
            total = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
            pages = max(1, -(-total // EVENTS_ON_A_PAGE))
            page = page_number(turn.request, pages)
            rows = session.scalars(
                wanted.options(joinedload(HistoryRow.actor))
                .offset((page - 1) * EVENTS_ON_A_PAGE)
                .limit(EVENTS_ON_A_PAGE)
            )
            return self._counter.show(
                turn,
                "idm/person_history.html",
                person=known(person, self._counter.clock),
                events=[telling.event(row) for row in rows],
                page=page,
                pages=pages,
                neighbours=neighbours(turn.request, page=page, pages=pages),
            )

    # -- Bewerk

    async def ask_changes(self, turn: Turn) -> Response:
        return self._edit(turn)

    async def edit(self, turn: Turn) -> Response:
        def change(writing: Writing) -> str:
            person = self._person(turn, writing.session)
            changes.edit_person(
                writing,
                person,
                organisation=turn.organisation,
                version=turn.version(),
                call_name=turn.fields.get("call_name", ""),
                initials=turn.fields.get("initials", ""),
            )
            turn.visitor.notice = (message("The changes were saved."), {})
            return here

        here = f"{PEOPLE}/{turn.request.path_params['key']}"
        try:
            return self._counter.submit(turn, change, look_at=here)
        except RuleBrokenError as broken:
            return self._edit(turn, broken)

    def _edit(self, turn: Turn, broken: RuleBrokenError | None = None) -> Response:
        with self._counter.world.reading() as session:
            person = self._person(turn, session)
            return self._counter.show(
                turn,
                "idm/person_edit.html",
                problems=broken.problems if broken else (),
                person=known(person, self._counter.clock),
                version=turn.version() or person.version,
            )

    # -- all of them

    def _person(self, turn: Turn, session: Session) -> PersonRow:
        return people.person_in(session, turn.request.path_params["key"], turn.organisation)

    def _relation(self, relation: RelationRow) -> RelationView:
        today = self._counter.clock.today()
        return RelationView(
            row=relation,
            standing=standing_of_relation(relation, today),
            rights=[(right, standing_of_right(right, today)) for right in relation.rights],
        )


def _events(person: PersonRow, organisation: str) -> Select[HistoryRow]:
    """What happened to this person in this organisation, newest first."""
    return (
        select(HistoryRow)
        .where(HistoryRow.person_id == person.id, HistoryRow.organisation == organisation)
        .order_by(HistoryRow.id.desc())
    )
