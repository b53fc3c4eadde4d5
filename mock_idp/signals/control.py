"""Sending an event by hand, right or wrong, and seeing what was sent and what became of it. FOR DEVELOPMENT ONLY."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from mock_idp.acm.provider import Provider
from mock_idp.signals.asked import NO_STORE
from mock_idp.signals.sets import Kind, Twist
from mock_idp.signals.streams import Status
from mock_idp.signals.transmitter import Transmitter
from mock_idp.world.facts import subject_of


class SignalsControl:
    def __init__(self, provider: Provider, transmitter: Transmitter) -> None:
        self._provider = provider
        self._transmitter = transmitter

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/mock/signals", self.sent, methods=["GET"]),
            Route("/mock/signals", self.send, methods=["POST"]),
        ]

    async def sent(self, request: Request) -> Response:
        rows = [
            {
                "client_id": one.client_id,
                "stream_id": one.stream_id,
                "event": one.news.kind,
                "person": one.news.person,
                "id": one.news.event_id,
                "at": one.at.isoformat(),
                "tries": one.tries,
                "status": one.status,
            }
            for one in self._transmitter.sent
        ]
        return JSONResponse({"signals": rows}, headers=NO_STORE)

    async def send(self, request: Request) -> Response:
        """About a person or about a stream; answers when what is pushed was delivered or given up."""
        try:
            asked = json.loads(await request.body())
            if "stream" in asked:
                self._about_stream(asked)
            else:
                self._about_person(asked)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            known = f"event is one of {', '.join(Kind)}; twist, if any, one of {', '.join(Twist)}"
            more = "subject is person or session, sub_id and says are objects; or stream, with status or state"
            error = f"person is a key of the cast; {known}; {more}"
            return JSONResponse({"error": error}, status_code=400, headers=NO_STORE)
        await self._transmitter.delivered()
        return await self.sent(request)

    def _about_person(self, asked: dict[str, object]) -> None:
        """`{"person": KEY, "event": …, "subject": "session", "sub_id": {…}, "says": {…}, "twist": …}`."""
        kind = Kind(str(asked.get("event", Kind.TOKEN_CLAIMS_CHANGE)))
        twist = Twist(str(asked["twist"])) if asked.get("twist") is not None else None
        says, sub_id = asked.get("says", {}), asked.get("sub_id")
        person = self._provider.world.current.person(str(asked["person"]))
        if person is None or kind.about_stream or not isinstance(says, dict):
            raise ValueError
        if asked.get("subject") == "session":
            sub_id = self._latest_session(person.key)
        if sub_id is not None and not isinstance(sub_id, dict):
            raise ValueError
        self._transmitter.tell(person.key, kind, subject=sub_id, says=says, twist=twist)

    def _latest_session(self, key: str) -> dict[str, object]:
        """The person's latest session at the provider, as a complex subject."""
        sessions = self._provider.sessions.of(key)
        return {
            "format": "complex",
            "user": self._transmitter.named(subject_of(key)),
            "session": {"format": "opaque", "id": sessions[-1].sid},
        }

    def _about_stream(self, asked: dict[str, object]) -> None:
        """`{"stream": NAME, "status": "paused"}`, or a verification that nobody asked for, with or without `state`."""
        stream = self._transmitter.streams.find(str(asked["stream"]))
        if stream is None:
            raise ValueError
        if "status" in asked:
            status = Status(str(asked["status"]))
            self._transmitter.set_status(stream, status, None)
            self._transmitter.tell_of_stream(stream, Kind.STREAM_UPDATED, status=status.value)
            return
        state = asked.get("state")
        self._transmitter.tell_of_stream(stream, Kind.VERIFICATION, **({} if state is None else {"state": str(state)}))
