"""Two pages with which a visitor turns the world: *Verplaats de klok* and *Begin opnieuw*.

The same can be done with JSON (`control`); these are for people, so they say what will happen before it does.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mock_idp.clock import Clock
from mock_idp.days import plus_years
from mock_idp.desk import Desk, ForeignFormError, texts_of
from mock_idp.moved_day import DayProblemError, read_picked, read_typed
from mock_idp.strict_yaml import FileProblemsError
from mock_idp.world.coming_days import ChangingDay, changing_days
from mock_idp.world.database import WorldDatabaseError
from mock_idp.world.live import LiveWorld
from mock_idp.world.tables import HistoryRow, MailRow, PersonRow, RequestRow
from pagekit.languages import message

CLOCK = "/mock/klok"
RESET = "/mock/opnieuw"
COMING, PAST = 8, 4
BEFORE_MAILS = timedelta(days=10)  # from then on there is a mail a day (guide, renewal)
DAY = timedelta(days=1)

NOT_OURS = message("That form did not come from this page. Nothing has changed; try again below.")


class WorldPages:
    def __init__(self, *, desk: Desk, world: LiveWorld, clock: Clock) -> None:
        self._desk = desk
        self._world = world
        self._clock = clock

    def routes(self) -> list[Route]:
        return [
            Route(CLOCK, self.show_clock, methods=["GET"]),
            Route(CLOCK, self.move_clock, methods=["POST"]),
            Route(RESET, self.show_reset, methods=["GET"]),
            Route(RESET, self.reset, methods=["POST"]),
        ]

    # -- the clock

    async def show_clock(self, request: Request) -> Response:
        return self._clock_page(request, has_moved="verplaatst" in request.query_params)

    async def move_clock(self, request: Request) -> Response:
        try:
            form = texts_of(await self._desk.form(request))
        except ForeignFormError:
            return self._clock_page(request, status=403, problem=self._desk.text(request, NOT_OURS))
        typed, picked = form.get("day", ""), form.get("to")
        try:
            if picked == "real":
                self._clock.reset()
            else:
                day = read_typed(typed, self._clock) if picked is None else read_picked(picked, self._clock)
                self._clock.move_to(day)
        except DayProblemError as problem:
            told = self._desk.text(request, problem.text, **problem.values)
            return self._clock_page(request, status=400, problem=told, typed=typed)
        return self._desk.see_other(f"{CLOCK}?verplaatst")

    def _clock_page(
        self,
        request: Request,
        *,
        status: int = 200,
        has_moved: bool = False,
        problem: str | None = None,
        typed: str = "",
    ) -> Response:
        today = self._clock.today()
        with self._world.reading() as session:
            days = changing_days(session, today)
        coming = [one for one in days if one.day >= today]
        past = [one for one in reversed(days) if one.day < today]
        return self._desk.page(
            request,
            "mock/clock.html",
            status=status,
            today=today,
            moved_by_days=self._clock.moved_by_days,
            has_moved=has_moved,
            problem=problem,
            typed=typed,
            tomorrow=today + DAY,
            in_ten_days=today + BEFORE_MAILS,
            in_a_year=plus_years(today, 1),
            coming=tuple(_row(one) for one in coming[:COMING]),
            past=tuple(_row(one) for one in past[:PAST]),
            action=CLOCK,
            reset_url=RESET,
        )

    # -- the reset

    async def show_reset(self, request: Request) -> Response:
        return self._reset_page(request, is_done="gedaan" in request.query_params)

    async def reset(self, request: Request) -> Response:
        try:
            await self._desk.form(request)
        except ForeignFormError:
            return self._reset_page(request, status=403, problem=self._desk.text(request, NOT_OURS))
        try:
            self._world.reset()
        except (FileProblemsError, WorldDatabaseError) as error:
            return self._reset_page(request, status=409, problem=str(error))
        return self._desk.see_other(f"{RESET}?gedaan")

    def _reset_page(
        self, request: Request, *, status: int = 200, is_done: bool = False, problem: str | None = None
    ) -> Response:
        with self._world.reading() as session:
            changes, requests, messages = (
                session.scalar(select(func.count()).select_from(table)) or 0
                for table in (HistoryRow, RequestRow, MailRow)
            )
            generated = session.scalar(select(func.count()).select_from(PersonRow).where(PersonRow.generated)) or 0
        return self._desk.page(
            request,
            "mock/reset.html",
            status=status,
            today=self._clock.today(),
            moved_by_days=self._clock.moved_by_days,
            is_done=is_done,
            problem=problem,
            changes=changes,
            requests=requests,
            messages=messages,
            generated=generated,
            action=RESET,
            clock_url=CLOCK,
        )


def _row(one: ChangingDay) -> tuple[ChangingDay, tuple[tuple[str, str], ...]]:
    """A day that something changes, and the buttons beside it: message id and the day that it leads to."""
    buttons = [
        (message("Day before"), (one.day - DAY).isoformat()),
        (message("That day"), one.day.isoformat()),
        (message("Day after"), (one.day + DAY).isoformat()),
    ]
    if one.ends_a_right:
        buttons.insert(0, (message("10 days before"), (one.day - BEFORE_MAILS).isoformat()))
    return one, tuple(buttons)
