"""*Mijn taken*: what people asked for, for an administrator of the organisation to approve or to refuse."""

from __future__ import annotations

from sqlalchemy.orm import Session
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.idm import requests
from mock_idp.idm.authority import NotAllowedError
from mock_idp.idm.counter import Change, Counter, Turn
from mock_idp.idm.history import Writing
from mock_idp.idm.requests import RequestStatus
from mock_idp.idm.rules import RuleBrokenError
from mock_idp.idm.signin import SPACE
from mock_idp.world.tables import RequestRow
from pagekit.languages import message

TASKS = f"{SPACE}/taken"


class TaskPages:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[BaseRoute]:
        working = self._counter.working
        return [
            Route(TASKS, working(self.tasks), methods=["GET"]),
            Route(f"{TASKS}/{{id:int}}", working(self.task), methods=["GET"]),
            Route(f"{TASKS}/{{id:int}}/goedkeuren", working(self.approve), methods=["POST"]),
            Route(f"{TASKS}/{{id:int}}/weigeren", working(self.refuse), methods=["POST"]),
        ]

    async def tasks(self, turn: Turn) -> Response:
        with self._counter.world.reading() as session:
            waiting = requests.open_requests(session, turn.organisation)
            rows = [(one.id, one.person.name, one.right, one.profiles, one.asked_on) for one in waiting]
        return self._counter.show(turn, "idm/tasks.html", rows=rows)

    async def task(self, turn: Turn) -> Response:
        return self._task(turn)

    async def approve(self, turn: Turn) -> Response:
        def change(writing: Writing) -> str:
            request = _request(writing.session, turn)
            catalogue = self._counter.world.current.catalogue
            requests.approve(writing, request, version=turn.version(), catalogue=catalogue)
            turn.visitor.notice = (
                message("%(person)s now has the right %(right)s."),
                {"person": request.person.name, "right": request.right},
            )
            return f"{SPACE}/personen/{request.person.key}"

        return self._decide(turn, change)

    async def refuse(self, turn: Turn) -> Response:
        def change(writing: Writing) -> str:
            request = _request(writing.session, turn)
            requests.refuse(writing, request, version=turn.version())
            turn.visitor.notice = (
                message("The request of %(person)s was refused. They read your reason in My profile."),
                {"person": request.person.name},
            )
            return TASKS

        return self._decide(turn, change)

    def _decide(self, turn: Turn, change: Change) -> Response:
        try:
            return self._counter.submit(turn, change)
        except RuleBrokenError as broken:
            return self._task(turn, broken)

    def _task(self, turn: Turn, broken: RuleBrokenError | None = None) -> Response:
        with self._counter.world.reading() as session:
            request = _request(session, turn)
            decided_by = request.decided_by.name if request.decided_by else ""
            person = request.person
            return self._counter.show(
                turn,
                "idm/task.html",
                problems=broken.problems if broken else (),
                task=request,
                person=person,
                decided_by=decided_by,
                is_open=request.status == RequestStatus.OPEN.value,
                here=f"{TASKS}/{request.id}",
            )


def _request(session: Session, turn: Turn) -> RequestRow:
    """The request in the address, which must be one to the organisation worked for."""
    request = session.get(RequestRow, turn.request.path_params["id"])
    if request is None or request.organisation != turn.organisation:
        raise NotAllowedError("another organisation's request")
    return request
