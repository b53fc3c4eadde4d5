"""Sending an event by hand, seeing what was sent, and the transmitter's configuration metadata (Shared Signals 1.0)."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from mock_idp.acm.provider import Provider
from mock_idp.signals.transmitter import Kind, Transmitter, Twist

NO_STORE = {"Cache-Control": "no-store"}


class SignalsControl:
    def __init__(self, provider: Provider, transmitter: Transmitter) -> None:
        self._provider = provider
        self._transmitter = transmitter

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/mock/signals", self.sent, methods=["GET"]),
            Route("/mock/signals", self.send, methods=["POST"]),
            Route("/.well-known/ssf-configuration/op", self.configuration, methods=["GET"]),
        ]

    async def sent(self, request: Request) -> Response:
        rows = [
            {
                "client_id": one.client_id,
                "event": one.kind,
                "person": one.person,
                "id": one.event_id,
                "at": one.at.isoformat(),
                "tries": one.tries,
                "status": one.status,
            }
            for one in self._transmitter.sent
        ]
        return JSONResponse({"signals": rows}, headers=NO_STORE)

    async def send(self, request: Request) -> Response:
        """`{"person": KEY, "event": …, "twist": …}`; answers when the event was delivered or given up."""
        person, kind, twist = None, Kind.TOKEN_CLAIMS_CHANGE, None
        try:
            asked = json.loads(await request.body())
            kind = Kind(asked.get("event", kind))
            twist = Twist(asked["twist"]) if asked.get("twist") is not None else None
            person = self._provider.world.current.person(str(asked["person"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
        if person is None:
            known = f"event is one of {', '.join(Kind)}; twist, if any, one of {', '.join(Twist)}"
            return JSONResponse({"error": f"person is a key of the cast; {known}"}, status_code=400, headers=NO_STORE)
        self._transmitter.tell(person.key, kind, twist=twist)
        await self._transmitter.delivered()
        return await self.sent(request)

    async def configuration(self, request: Request) -> Response:
        """Where a receiver finds us (OpenID Shared Signals Framework 1.0, section 7.1). Only push is offered."""
        return JSONResponse(
            {
                "spec_version": "1_0",
                "issuer": self._provider.issuer,
                "jwks_uri": f"{self._provider.issuer}/v1/keys",
                "delivery_methods_supported": ["urn:ietf:rfc:8935"],
                "critical_subject_members": [],
                "default_subjects": "ALL",
            }
        )
