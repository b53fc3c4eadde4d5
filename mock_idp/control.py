"""The strings that tests and demos pull: `/mock/...`. FOR DEVELOPMENT ONLY.

Whoever can reach these addresses can sign in as anyone, move the day and make the provider lie. That is their purpose.
The mock government must never stand where real people or real data are. Programs may pull them without any token;
a browser on another site's page may not (`other_sites`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mock_idp.acm.clients import client_from_json
from mock_idp.acm.methods import Method
from mock_idp.acm.provider import Provider
from mock_idp.acm.scripts import NextLogin, ScriptError, script_for
from mock_idp.control_requests import ControlError, answer, body_of, nothing_else, refused, text_in
from mock_idp.faults import Armed
from mock_idp.listed import listed_fault, listed_person
from mock_idp.strict_yaml import FileProblemsError
from mock_idp.world.database import WorldDatabaseError


class Control:
    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def routes(self) -> list[Route]:
        return [
            Route("/health", self.health, methods=["GET"]),
            Route("/mock/people", self.people, methods=["GET"]),
            Route("/mock/clock", self.clock, methods=["GET"]),
            Route("/mock/faults", self.faults, methods=["GET"]),
            Route("/mock/next-login", self.next_login, methods=["POST"]),
            Route("/mock/clients", self.put_client, methods=["POST"]),
            Route("/mock/clock", self.move_clock, methods=["POST"]),
            Route("/mock/fault", self.arm_fault, methods=["POST"]),
            Route("/mock/reset", self.reset, methods=["POST"]),
        ]

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok", "day": self._provider.clock.today().isoformat()})

    async def people(self, request: Request) -> Response:
        """Never a national number: this table is printed by demos."""
        world = self._provider.world.current
        return answer({"people": [listed_person(world, person) for person in world.cast]})

    async def next_login(self, request: Request) -> Response:
        try:
            asked = await body_of(request)
            login = NextLogin(
                client_id=text_in(asked, "client_id"),
                person=text_in(asked, "mock_person") or "",
                method=text_in(asked, "mock_method"),
                organisation=text_in(asked, "mock_organisation"),
            )
            nothing_else(asked, "client_id", "mock_person", "mock_method", "mock_organisation")
            script_for(login, self._provider.world.current, acceptable=tuple(Method))
        except (ControlError, ScriptError) as error:
            return refused(error)
        return answer({"waiting": self._provider.next_logins.put(login)})

    async def put_client(self, request: Request) -> Response:
        try:
            client = client_from_json(await request.body())
        except FileProblemsError as error:
            return refused(error)
        self._provider.clients.put(client)
        return answer(client.described(), status=201)

    async def clock(self, request: Request) -> Response:
        return self._day()

    async def move_clock(self, request: Request) -> Response:
        clock = self._provider.clock
        try:
            asked = await body_of(request)
            nothing_else(asked, "day")
            day = _day(asked)
        except ControlError as error:
            return refused(error)
        if not clock.earliest <= day <= clock.latest:
            return refused(ControlError(f"the day is between {clock.earliest} and {clock.latest}"))
        clock.move_to(day)
        return self._day()

    async def faults(self, request: Request) -> Response:
        known = [listed_fault(fault) for fault in self._provider.faults.known.values()]
        return answer({"faults": known, "armed": [_described_armed(armed) for armed in self._provider.faults.armed]})

    async def arm_fault(self, request: Request) -> Response:
        try:
            asked = await body_of(request)
            nothing_else(asked, "fault", "times", "client_id", "seconds")
            armed = self._provider.faults.arm(
                text_in(asked, "fault") or "",
                times=_times(asked),
                client_id=text_in(asked, "client_id"),
                seconds=_seconds(asked),
            )
        except KeyError:
            return refused(ControlError("there is no fault of that name; GET /mock/faults lists them"))
        except ControlError as error:
            return refused(error)
        return answer({"armed": _described_armed(armed)})

    async def reset(self, request: Request) -> Response:
        """The world as at start, counted from the real day; nobody signed in, nothing armed or queued; clients stay."""
        try:
            self._provider.world.reset()
        except (FileProblemsError, WorldDatabaseError) as error:
            return refused(error)
        return self._day()

    def _day(self) -> Response:
        clock = self._provider.clock
        return answer({"day": clock.today().isoformat(), "moved_by_days": clock.moved_by_days})


def _described_armed(armed: Armed) -> dict[str, object]:
    return {
        "fault": armed.fault.name,
        "times": "always" if armed.times is None else armed.times,
        "client_id": armed.client_id,
    }


def _day(asked: Mapping[str, object]) -> date:
    try:
        return date.fromisoformat(text_in(asked, "day") or "")
    except ValueError as error:
        raise ControlError('the body is {"day": "2026-11-24"}') from error


def _times(asked: Mapping[str, object]) -> int | None:
    value = asked.get("times", 1)
    if value == "always":
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ControlError('times is a whole number from 1, or "always" (until the reset)')
    return value


def _seconds(asked: Mapping[str, object]) -> float:
    value = asked.get("seconds", 5)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 600:
        raise ControlError("seconds is a number between 0 and 600")
    return float(value)
