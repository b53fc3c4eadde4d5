"""What every page of user management passes before its own work: who is there, for which organisation, with whose form.

In order: signed in, the form is ours and unexpired, administrator of the organisation that is worked for. A page then
runs with a Turn. `submit` makes a change in one transaction, once, however often the form is sent.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from mock_idp.clock import Clock
from mock_idp.desk import Desk, ForeignFormError, texts_of
from mock_idp.idm.authority import NotAllowedError, administered_by, administers
from mock_idp.idm.changes import ChangedMeanwhileError
from mock_idp.idm.history import Writing
from mock_idp.idm.rules import Problem
from mock_idp.idm.signin import SPACE, sign_in_address
from mock_idp.idm.visitors import COOKIE, Visitor, Visitors
from mock_idp.world.live import LiveWorld
from mock_idp.world.tables import EnterpriseRow, PersonRow, SubmissionRow

CHOICE = f"{SPACE}/organisatie"
LARGEST_ID = 2**63 - 1  # as far as SQLite counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One request of somebody who is signed in. `fields` is empty unless it is a POST; `form` has repeated fields."""

    request: Request
    visitor: Visitor
    form: FormData = field(default_factory=FormData)
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def organisation(self) -> str:
        """The number of the organisation that is worked for. Only in pages behind `Counter.working`."""
        if self.visitor.organisation is None:
            raise NotAllowedError("no organisation chosen")
        return self.visitor.organisation

    def version(self, name: str = "version") -> int:
        """The version of the row that the page showed; 0, which no row has, when the form does not say."""
        text = self.fields.get(name, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


Page = Callable[[Turn], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]
Change = Callable[[Writing], str]


class Counter:
    """The desk of user management. Its pages are made with `page` and `working`, shown with `show`."""

    def __init__(self, *, desk: Desk, world: LiveWorld, clock: Clock, visitors: Visitors) -> None:
        self.desk = desk
        self.world = world
        self.clock = clock
        self.visitors = visitors

    # -- before a page

    def page(self, page: Page) -> Endpoint:
        """A page for everybody who is signed in."""

        async def endpoint(request: Request) -> Response:
            visitor = self.visitors.find(request.cookies.get(COOKIE))
            if visitor is None:
                if request.method != "GET":
                    return self.desk.page(request, "idm/stale_form.html", status=403)
                query = f"?{request.url.query}" if request.url.query else ""
                return self.desk.see_other(sign_in_address(request.url.path + query))
            try:
                turn = await self._turn(request, visitor)
            except ForeignFormError:
                return self.desk.page(request, "idm/stale_form.html", status=403)
            try:
                _check_numbers(request)
                return await page(turn)
            except NotAllowedError:
                return self.show(turn, "idm/not_allowed.html", status=403)
            except (ChangedMeanwhileError, StaleDataError):
                return self.show(turn, "idm/changed_meanwhile.html", status=409)

        return endpoint

    def working(self, page: Page) -> Endpoint:
        """A page for administrators, within the organisation they chose to work for."""

        async def for_administrators(turn: Turn) -> Response:
            with self.world.reading() as session:
                person = self.person(session, turn)
                administered = administered_by(session, person)
                chosen = turn.visitor.organisation
                if chosen is not None and not administers(session, person, chosen):
                    turn.visitor.organisation = chosen = None
            if chosen is None and len(administered) == 1:
                self.visitors.chose(turn.visitor, administered[0].number)
            elif chosen is None:
                return self.desk.see_other(CHOICE)
            if turn.request.method == "POST" and turn.fields.get("organisation") != turn.organisation:
                # The form was made for another organisation, or for none: forged, or of before a switch in another tab.
                raise NotAllowedError("another organisation")
            return await page(turn)

        return self.page(for_administrators)

    async def _turn(self, request: Request, visitor: Visitor) -> Turn:
        if request.method != "POST":
            return Turn(request=request, visitor=visitor)
        form = await self.desk.form(request)
        fields = texts_of(form)
        if not hmac.compare_digest(fields.get("form_token", "").encode(), visitor.form_token.encode()):
            raise ForeignFormError("form token")
        return Turn(request=request, visitor=visitor, form=form, fields=fields)

    # -- within a page

    def person(self, session: Session, turn: Turn) -> PersonRow:
        """Who is signed in. Raises NotAllowedError when a reset took the person away."""
        row = session.scalars(select(PersonRow).where(PersonRow.key == turn.visitor.person_key)).one_or_none()
        if row is None:
            raise NotAllowedError("the person is gone")
        return row

    def submit(self, turn: Turn, change: Change, *, look_at: str = SPACE) -> Response:
        """Make a change, and see the address that it returns. A form that was handled before changes nothing again.

        Lets RuleBrokenError through, for the page to show the problems beside what was typed. When somebody else was
        quicker, `look_at` is where the present state can be seen.
        """
        try:
            return self._once(turn, change)
        except (ChangedMeanwhileError, StaleDataError):
            return self.show(turn, "idm/changed_meanwhile.html", status=409, look_at=look_at)

    def _once(self, turn: Turn, change: Change) -> Response:
        token = turn.fields.get("submission", "")
        if not 16 <= len(token) <= 64:
            raise NotAllowedError("a form without its number")
        token = f"{turn.visitor.person_key}:{token}"
        with self.world.changing() as session:
            earlier = session.get(SubmissionRow, token)
            if earlier is not None:
                return self.desk.see_other(earlier.location)
            writing = Writing(
                session=session,
                clock=self.clock,
                actor=self.person(session, turn),
                reason=turn.fields.get("reason", ""),
            )
            location = change(writing)
            session.add(SubmissionRow(token=token, location=location))
        return self.desk.see_other(location)

    def show(
        self, turn: Turn, template: str, *, status: int = 200, problems: Sequence[Problem] = (), **context: object
    ) -> Response:
        """A page with the visitor's name and organisation above it, and problems by field.

        Templates get: `visitor_name`, `working_for` (number and name, or none), `form_token`, `submission`, `notice`,
        `errors` (field -> text), `error_list` (for the summary), `posted` (what was typed).
        """
        notice, turn.visitor.notice = turn.visitor.notice, None
        with self.world.reading() as session:
            person = session.scalars(select(PersonRow).where(PersonRow.key == turn.visitor.person_key)).one_or_none()
            number = turn.visitor.organisation
            enterprise = None if number is None else session.get(EnterpriseRow, number)
        errors = [(one.field, self.desk.text(turn.request, one.text, **one.values)) for one in problems]
        return self.desk.page(
            turn.request,
            template,
            status=status if not problems or status != 200 else 422,
            visitor_name="" if person is None else person.name,
            working_for=enterprise,
            form_token=turn.visitor.form_token,
            submission=turn.fields.get("submission") or secrets.token_urlsafe(18),
            notice=None if notice is None else self.desk.text(turn.request, notice[0], **notice[1]),
            errors=dict(reversed(errors)),
            error_list=errors,
            posted=turn.fields,
            **context,
        )


def _check_numbers(request: Request) -> None:
    """A number in an address that no row can have: the database could not even be asked."""
    if any(isinstance(value, int) and value > LARGEST_ID for value in request.path_params.values()):
        raise NotAllowedError("no such row")
