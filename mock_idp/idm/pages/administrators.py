"""*Beheer der Toegangsbeheer*: a legal representative designates and withdraws an organisation's administrators."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.idm import designations
from mock_idp.idm.authority import NotAllowedError
from mock_idp.idm.counter import Counter, Turn
from mock_idp.idm.history import Writing
from mock_idp.idm.rules import Problem, RuleBrokenError
from mock_idp.numbers import format_enterprise_number, parse_enterprise_number
from mock_idp.world.facts import AdministratorLevel
from mock_idp.world.tables import EnterpriseRow, PersonRow
from pagekit.languages import message

ADMINISTRATORS = "/beheer-der-toegangsbeheer"
SEARCHABLE_FROM = 10


class AdministratorPages:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[BaseRoute]:
        page = self._counter.page
        one = f"{ADMINISTRATORS}/{{number}}"
        return [
            Route(ADMINISTRATORS, page(self.organisations), methods=["GET"]),
            Route(one, page(self.administrators), methods=["GET"]),
            Route(f"{one}/aanduiden", page(self.look_up), methods=["GET", "POST"]),
            Route(f"{one}/aanduiden/{{draft}}", page(self.confirm), methods=["GET"]),
            Route(f"{one}/aanduiden/{{draft}}", page(self.designate), methods=["POST"]),
            Route(f"{one}/intrekken/{{key}}", page(self.ask_withdrawal), methods=["GET"]),
            Route(f"{one}/intrekken/{{key}}", page(self.withdraw), methods=["POST"]),
        ]

    async def organisations(self, turn: Turn) -> Response:
        searched = turn.request.query_params.get("q", "").strip()
        wanted = searched.casefold().replace(".", "")
        with self._counter.world.reading() as session:
            person = self._counter.person(session, turn)
            catalogue = self._counter.world.current.catalogue
            mine = designations.organisations_of(
                session, person, catalogue=catalogue, today=self._counter.clock.today()
            )
        rows = [
            (one.number, format_enterprise_number(one.number), one.name)
            for one in mine
            if wanted in one.name.casefold().replace(".", "") or wanted in one.number
        ]
        return self._counter.show(
            turn,
            "idm/designating.html",
            organisations=rows,
            any=bool(mine),
            searchable=len(mine) >= SEARCHABLE_FROM,
            searched=searched,
        )

    async def administrators(self, turn: Turn) -> Response:
        with self._counter.world.reading() as session:
            enterprise, levels = self._enterprise(session, turn)
            rows = [
                (row.person.key, row.person.name, row.level, AdministratorLevel(row.level) in levels)
                for row in designations.administrators_in(session, enterprise.number)
            ]
        return self._show(turn, "idm/administrators.html", enterprise, rows=rows)

    # -- designating: by number, then a look at who that is, then confirm

    async def look_up(self, turn: Turn) -> Response:
        with self._counter.world.reading() as session:
            enterprise, _ = self._enterprise(session, turn)
            if turn.request.method == "GET":
                return self._show(turn, "idm/designate_number.html", enterprise)
            try:
                person = designations.find_person(session, turn.fields.get("national_number", ""))
            except RuleBrokenError as broken:
                return self._show(turn, "idm/designate_number.html", enterprise, problems=broken.problems)
            draft = turn.visitor.new_draft(purpose="designate", organisation=enterprise.number, person=person.key)
        return self._counter.desk.see_other(f"{_address(enterprise)}/aanduiden/{draft}")

    async def confirm(self, turn: Turn) -> Response:
        return self._confirm(turn)

    async def designate(self, turn: Turn) -> Response:
        def change(writing: Writing) -> str:
            enterprise, _ = self._enterprise(writing.session, turn)
            person = self._drafted(writing.session, turn, enterprise)
            designations.designate(
                writing,
                catalogue=self._counter.world.current.catalogue,
                organisation=enterprise.number,
                person=person,
                level=_level(turn.fields.get("level", "")),
                email=turn.fields.get("email", ""),
            )
            turn.visitor.notice = (
                message("%(person)s is a local administrator of %(organisation)s from now on."),
                {"person": person.name, "organisation": enterprise.name},
            )
            return _address(enterprise)

        try:
            return self._counter.submit(turn, change)
        except RuleBrokenError as broken:
            return self._confirm(turn, broken)

    def _confirm(self, turn: Turn, broken: RuleBrokenError | None = None) -> Response:
        with self._counter.world.reading() as session:
            enterprise, levels = self._enterprise(session, turn)
            person = self._drafted(session, turn, enterprise)
            return self._show(
                turn,
                "idm/designate.html",
                enterprise,
                problems=broken.problems if broken else (),
                person=person,
                levels=[level.value for level in reversed(levels)],
                email=turn.fields.get("email") or person.email or "",
                target=turn.request.url.path,
            )

    def _drafted(self, session: Session, turn: Turn, enterprise: EnterpriseRow) -> PersonRow:
        draft = turn.visitor.draft(turn.request.path_params["draft"])
        if draft is None or draft.get("purpose") != "designate" or draft.get("organisation") != enterprise.number:
            raise NotAllowedError("no such draft")
        return session.scalars(select(PersonRow).where(PersonRow.key == draft["person"])).one()

    # -- withdrawing

    async def ask_withdrawal(self, turn: Turn) -> Response:
        return self._withdrawal(turn)

    async def withdraw(self, turn: Turn) -> Response:
        def change(writing: Writing) -> str:
            enterprise, _ = self._enterprise(writing.session, turn)
            person = self._administrator(writing.session, turn, enterprise)
            designations.withdraw(
                writing,
                catalogue=self._counter.world.current.catalogue,
                organisation=enterprise.number,
                person=person,
            )
            turn.visitor.notice = (
                message("%(person)s is no longer a local administrator of %(organisation)s."),
                {"person": person.name, "organisation": enterprise.name},
            )
            return _address(enterprise)

        try:
            return self._counter.submit(turn, change)
        except RuleBrokenError as broken:
            return self._withdrawal(turn, broken)

    def _withdrawal(self, turn: Turn, broken: RuleBrokenError | None = None) -> Response:
        with self._counter.world.reading() as session:
            enterprise, _ = self._enterprise(session, turn)
            person = self._administrator(session, turn, enterprise)
            alone = len(designations.administrators_in(session, enterprise.number)) == 1
            return self._show(
                turn,
                "idm/withdraw.html",
                enterprise,
                problems=broken.problems if broken else (),
                person=person,
                alone=alone,
                target=turn.request.url.path,
            )

    def _administrator(self, session: Session, turn: Turn, enterprise: EnterpriseRow) -> PersonRow:
        key = turn.request.path_params["key"]
        for row in designations.administrators_in(session, enterprise.number):
            if row.person.key == key:
                return row.person
        raise NotAllowedError("not an administrator there")

    # -- all of them

    def _enterprise(self, session: Session, turn: Turn) -> tuple[EnterpriseRow, tuple[AdministratorLevel, ...]]:
        """The enterprise in the address, and whom the person may designate there. Raises NotAllowedError for none."""
        number = parse_enterprise_number(turn.request.path_params["number"])
        enterprise = None if number is None else session.get(EnterpriseRow, number)
        if enterprise is None:
            raise NotAllowedError("no such enterprise")
        levels = designations.levels_open_to(
            session,
            self._counter.person(session, turn),
            enterprise.number,
            catalogue=self._counter.world.current.catalogue,
            today=self._counter.clock.today(),
        )
        if not levels:
            raise NotAllowedError("represents another enterprise, or none")
        return enterprise, levels

    def _show(
        self,
        turn: Turn,
        template: str,
        enterprise: EnterpriseRow,
        *,
        problems: tuple[Problem, ...] = (),
        **context: object,
    ) -> Response:
        return self._counter.show(
            turn,
            template,
            status=200,
            problems=problems,
            enterprise=enterprise,
            enterprise_number=format_enterprise_number(enterprise.number),
            here=_address(enterprise),
            **context,
        )


def _address(enterprise: EnterpriseRow) -> str:
    return f"{ADMINISTRATORS}/{enterprise.number}"


def _level(text: str) -> AdministratorLevel:
    try:
        return AdministratorLevel(text)
    except ValueError as error:
        raise RuleBrokenError(
            Problem(field="level", text=message("Choose which kind of administrator this will be."))
        ) from error
