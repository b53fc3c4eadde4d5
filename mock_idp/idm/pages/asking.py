"""Self-registration: the deep link (*aanvraag*) that other sites give to somebody who lacks a right, and its form.

The parameters are user management's own: `dg` the target group, `an` an application or `ec` a right, `ctx` the context
(profile), `oc` the organisation (Vlaanderen, "Zelfregistratie"). What the link asks for can still be changed.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.idm import authority, requests
from mock_idp.idm.counter import Counter, Turn
from mock_idp.idm.history import Writing
from mock_idp.idm.requests import RequestStatus
from mock_idp.idm.rules import RuleBrokenError
from mock_idp.idm.signin import SPACE
from mock_idp.numbers import format_enterprise_number, parse_enterprise_number
from mock_idp.world.facts import RightKind
from mock_idp.world.tables import EnterpriseRow
from pagekit.languages import message

ASKING = f"{SPACE}/aanvraag"
TARGET_GROUP = "EA"  # economische actoren: everything with an enterprise number


class AskingPages:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[BaseRoute]:
        page = self._counter.page
        return [
            Route(ASKING, page(self.form), methods=["GET"]),
            # The same, for somebody who has no working relation yet: here one form serves both.
            Route(f"{ASKING}_werkrelatie", page(self.form), methods=["GET"]),
            Route(ASKING, page(self.ask), methods=["POST"]),
        ]

    async def form(self, turn: Turn) -> Response:
        asked = turn.request.query_params
        if asked.get("dg", TARGET_GROUP) != TARGET_GROUP:
            return self._counter.show(turn, "idm/other_target_group.html", status=404)
        number = parse_enterprise_number(asked.get("oc", ""))
        kind = self._right(asked.get("ec", ""), asked.get("an", ""))
        profile = next((one for one in (kind.profiles if kind else ()) if _same(one, asked.get("ctx", ""))), "")
        return self._form(turn, {"oc": number or "", "right": kind.name if kind else "", "profile": profile})

    async def ask(self, turn: Turn) -> Response:
        typed = turn.fields
        organisation = parse_enterprise_number(typed.get("oc", "")) or ""

        def change(writing: Writing) -> str:
            requests.ask(
                writing,
                catalogue=self._counter.world.current.catalogue,
                organisation=organisation,
                right=typed.get("right", ""),
                profiles=tuple(value for value in turn.form.getlist("profiles") if isinstance(value, str)),
                phone=typed.get("phone", ""),
                email=typed.get("email", ""),
            )
            turn.visitor.notice = (
                message("Your request was sent. As soon as a local administrator approves it, you have access."),
                {},
            )
            return "/mijn-profiel"

        try:
            return self._counter.submit(turn, change)
        except RuleBrokenError as broken:
            return self._form(turn, {"oc": organisation, **typed}, broken)

    def _form(self, turn: Turn, asked: Mapping[str, str], broken: RuleBrokenError | None = None) -> Response:
        catalogue = self._counter.world.current.catalogue
        # Without a chosen right there is nothing to choose profiles of: the form then asks for the right first.
        kind = catalogue.rights.get(asked.get("right", ""))
        with self._counter.world.reading() as session:
            person = self._counter.person(session, turn)
            enterprise = session.get(EnterpriseRow, asked.get("oc", ""))
            waiting = [one for one in requests.requests_of(session, person) if one.status == RequestStatus.OPEN.value]
            already = any(
                enterprise is not None and one.organisation == enterprise.number and kind and one.right == kind.name
                for one in waiting
            )
            return self._counter.show(
                turn,
                "idm/asking.html",
                problems=broken.problems if broken else (),
                enterprise=enterprise,
                enterprise_number="" if enterprise is None else format_enterprise_number(enterprise.number),
                nobody_decides=enterprise is not None and not _decided(session, enterprise),
                already=already,
                represents=enterprise is not None
                and authority.represents(session, person, enterprise.number, catalogue, self._counter.clock.today()),
                kind=kind,
                rights=tuple(catalogue.rights),
                chosen_profiles=turn.form.getlist("profiles") or [asked.get("profile", "")],
                phone=asked.get("phone") or person.phone.replace(" ", ""),
                email=asked.get("email") or person.email or "",
                target=ASKING,
            )

    def _right(self, code: str, application: str) -> RightKind | None:
        """A right by its code or its name; or the one that opens an application of ours."""
        catalogue = self._counter.world.current.catalogue
        for kind in catalogue.rights.values():
            if code and (_same(kind.code, code) or _same(kind.name, code)):
                return kind
        if application in catalogue.applications:
            return next(iter(catalogue.rights.values()), None)
        return None


def _decided(session: Session, enterprise: EnterpriseRow) -> bool:
    return requests.can_be_asked(session, enterprise.number)


def _same(one: str, other: str) -> bool:
    """Codes are compared whole, and without regard for case, spaces and underscores."""
    return one.casefold().replace(" ", "").replace("_", "") == other.casefold().replace(" ", "").replace("_", "")
