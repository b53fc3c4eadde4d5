"""What every page at the counter passes: the form is from one of our pages, and makes its change once.

Nobody signs in here: it is a place to play KBO, for demos and tests.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from mock_idp.clock import Clock
from mock_idp.desk import Desk, ForeignFormError, texts_of
from mock_idp.idm.rules import Problem
from mock_idp.kbo.pages import COUNTER, SPACE
from mock_idp.kbo.reports import GoneError, Report
from mock_idp.kbo.term import Term
from mock_idp.kbo.wording import DONE, HOLDERS
from mock_idp.world.live import LiveWorld
from mock_idp.world.tables import SubmissionRow

NUMBER_LENGTHS = range(16, 65)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One request. `fields` is what was typed, empty unless it is a POST."""

    request: Request
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def number(self) -> str:
        """The enterprise in the address."""
        number: str = self.request.path_params["number"]
        return number

    @property
    def row(self) -> int:
        """The function in the address."""
        row: int = self.request.path_params["row"]
        if row >= 2**62:
            raise GoneError
        return row


Page = Callable[[Turn], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]
Change = Callable[[Report], str]


class Counter:
    def __init__(self, *, desk: Desk, world: LiveWorld, clock: Clock, term: Term) -> None:
        self.world = world
        self.clock = clock
        self.term = term
        self._desk = desk

    def page(self, page: Page) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            try:
                fields = texts_of(await self._desk.form(request)) if request.method == "POST" else {}
                return await page(Turn(request=request, fields=fields))
            except ForeignFormError:
                return self._desk.page(request, "kbo/foreign_form.html", status=403, counter=COUNTER)
            except GoneError:
                status = 404 if request.method == "GET" else 409
                return self._desk.page(request, "kbo/gone.html", status=status, space=SPACE)

        return endpoint

    def submit(self, turn: Turn, change: Change) -> Response:
        """Make a change, and see the address that it returns. A form that was handled before changes nothing again.

        Lets RuleBrokenError through, for the page to show the problems beside what was typed.
        """
        token = turn.fields.get("submission", "")
        if len(token) not in NUMBER_LENGTHS:
            raise ForeignFormError("a form without its number")
        token = f"kbo:{token}"
        today = self.clock.today()
        with self.world.changing() as session:
            earlier = session.get(SubmissionRow, token)
            if earlier is not None:
                return self._desk.see_other(earlier.location)
            report = Report(
                session=session,
                catalogue=self.world.current.catalogue,
                today=today,
                now=self.clock.now(),
                public_from=self.term.public_from(session, today),
            )
            location = change(report)
            session.add(SubmissionRow(token=token, location=location))
        return self._desk.see_other(location)

    def show(self, turn: Turn, template: str, *, problems: Sequence[Problem] = (), **context: object) -> Response:
        """A page. Templates get `errors` (by field), `error_list` (for the summary), `posted`, `submission`, `done`."""
        errors = [(one.field, self._desk.text(turn.request, one.text, **one.values)) for one in problems]
        return self._desk.page(
            turn.request,
            template,
            status=422 if problems else 200,
            space=SPACE,
            counter=COUNTER,
            today=self.clock.today(),
            holders=HOLDERS,
            done=DONE.get(turn.request.query_params.get("gedaan", "")),
            submission=turn.fields.get("submission") or secrets.token_urlsafe(18),
            errors=dict(reversed(errors)),
            error_list=errors,
            posted=turn.fields,
            **context,
        )
