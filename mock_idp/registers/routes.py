"""The registers' paths. National numbers come in the body, so that no log of addresses ever holds one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mock_idp.broken_answers import broken, manner_of
from mock_idp.clock import Clock
from mock_idp.faults import Faults, Stage
from mock_idp.registers import idm, kbo
from mock_idp.registers.answers import (
    ProblemError,
    asked_national_number,
    check_bearer,
    problem_answer,
    register_answer,
)
from mock_idp.world.live import LiveWorld

Question = Callable[[Request], Awaitable[object]]


class Registers:
    def __init__(self, *, world: LiveWorld, clock: Clock, faults: Faults, token: str) -> None:
        self._world = world
        self._clock = clock
        self._faults = faults
        self._token = token

    def routes(self) -> list[Route]:
        return [
            self._route("/idm/v1/person-rights", Stage.IDM, self._person_rights, "POST"),
            self._route("/idm/v1/organisations/{number}/administrators", Stage.IDM, self._administrators, "GET"),
            self._route("/kbo/v1/person-functions", Stage.KBO, self._person_functions, "POST"),
            self._route("/kbo/v1/enterprises/{number}", Stage.KBO, self._enterprise, "GET"),
        ]

    def _route(self, path: str, stage: Stage, question: Question, method: str) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                check_bearer(request, self._token)
                answer = register_answer(await question(request))
            except ProblemError as problem:
                return problem_answer(problem)
            armed = self._faults.take(stage)
            manner = None if armed is None else manner_of(armed.fault)
            if armed is None or manner is None:
                return answer
            return await broken(answer, armed, manner=manner)

        return Route(path, endpoint, methods=[method])

    async def _person_rights(self, request: Request) -> object:
        return idm.person_rights(self._world.current, await asked_national_number(request))

    async def _administrators(self, request: Request) -> object:
        return idm.administrators(self._world.current, request.path_params["number"])

    async def _person_functions(self, request: Request) -> object:
        return kbo.person_functions(self._world.current, await asked_national_number(request))

    async def _enterprise(self, request: Request) -> object:
        return kbo.enterprise(self._world.current, request.path_params["number"], today=self._clock.today())
