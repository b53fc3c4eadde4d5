"""The management interface for receivers (OpenID Shared Signals Framework 1.0, sections 7.1 and 8.1).

A receiver has one stream of its own here, and hears of everybody until it removes a subject from it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from mock_idp.acm.clients import Client
from mock_idp.acm.provider import Provider
from mock_idp.signals.asked import NO_STORE, AskedWronglyError, body_of, receiver_of, stream_of, text_or_none
from mock_idp.signals.sets import Kind
from mock_idp.signals.streams import Method, Status, Stream, subject_name
from mock_idp.signals.transmitter import Transmitter

_PATH = "/op/ssf/v1"
_Question = Callable[[Request, Client], Awaitable[Response]]


class StreamManagement:
    def __init__(self, provider: Provider, transmitter: Transmitter) -> None:
        self._provider = provider
        self._transmitter = transmitter
        self._streams = transmitter.streams

    def routes(self) -> list[BaseRoute]:
        stream = f"{_PATH}/stream"
        return [
            Route("/.well-known/ssf-configuration/op", self.metadata, methods=["GET"]),
            self._route(stream, self.read, "GET"),
            self._route(stream, self.create, "POST"),
            self._route(stream, self.update, "PATCH"),
            self._route(stream, self.replace, "PUT"),
            self._route(stream, self.delete, "DELETE"),
            self._route(f"{_PATH}/status", self.status, "GET"),
            self._route(f"{_PATH}/status", self.change_status, "POST"),
            self._route(f"{_PATH}/subjects:add", self.add_subject, "POST"),
            self._route(f"{_PATH}/subjects:remove", self.remove_subject, "POST"),
            self._route(f"{_PATH}/verification", self.verify, "POST"),
        ]

    def _route(self, path: str, question: _Question, method: str) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                return await question(request, receiver_of(request, self._provider.clients))
            except AskedWronglyError as wrong:
                return wrong.answer()

        return Route(path, endpoint, methods=[method])

    async def metadata(self, request: Request) -> Response:
        """Where a receiver finds us, and what we offer (section 7.1)."""
        at = self._provider.settings.origin + _PATH
        return JSONResponse(
            {
                "spec_version": "1_0",
                "issuer": self._provider.issuer,
                "jwks_uri": f"{self._provider.issuer}/v1/keys",
                "delivery_methods_supported": list(Method),
                "configuration_endpoint": f"{at}/stream",
                "status_endpoint": f"{at}/status",
                "add_subject_endpoint": f"{at}/subjects:add",
                "remove_subject_endpoint": f"{at}/subjects:remove",
                "verification_endpoint": f"{at}/verification",
                "critical_subject_members": [],
                "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6750"}],
                "default_subjects": "ALL",
            }
        )

    async def read(self, request: Request, client: Client) -> Response:
        """One stream by its name, or all of the receiver's."""
        if "stream_id" in request.query_params:
            return self._described(self._named(request, client))
        issuer = self._provider.issuer
        return JSONResponse([one.described(issuer) for one in self._streams.of(client.client_id)], headers=NO_STORE)

    async def create(self, request: Request, client: Client) -> Response:
        asked = await body_of(request)
        if self._streams.of(client.client_id):
            raise AskedWronglyError(409, "you have a stream already: change or delete that one")
        method, endpoint, authorization = _delivery(asked)
        events, description = _events(asked), text_or_none(asked, "description")
        stream = self._streams.make(client)
        stream.events_requested, stream.description = events, description
        self._deliver(stream, method, endpoint, authorization)
        return self._described(stream, status=201)

    async def update(self, request: Request, client: Client) -> Response:
        """Change what is named, leave the rest (section 8.1.1.3)."""
        asked = await body_of(request)
        stream = stream_of(client, asked.get("stream_id"), self._streams)
        delivery = _delivery(asked) if "delivery" in asked else None
        events, description = _events(asked), text_or_none(asked, "description")
        if "events_requested" in asked:
            stream.events_requested = events
        if "description" in asked:
            stream.description = description
        if delivery is not None:
            self._deliver(stream, *delivery)
        return self._described(stream)

    async def replace(self, request: Request, client: Client) -> Response:
        """Take the whole configuration anew (section 8.1.1.4)."""
        asked = await body_of(request)
        stream = stream_of(client, asked.get("stream_id"), self._streams)
        method, endpoint, authorization = _delivery(asked)
        stream.events_requested, stream.description = _events(asked), text_or_none(asked, "description")
        self._deliver(stream, method, endpoint, authorization)
        return self._described(stream)

    async def delete(self, request: Request, client: Client) -> Response:
        self._streams.remove(self._named(request, client))
        return Response(status_code=204, headers=NO_STORE)

    async def status(self, request: Request, client: Client) -> Response:
        return _status(self._named(request, client))

    async def change_status(self, request: Request, client: Client) -> Response:
        asked = await body_of(request)
        stream = stream_of(client, asked.get("stream_id"), self._streams)
        status = asked.get("status")
        if not isinstance(status, str) or status not in tuple(Status):
            raise AskedWronglyError(400, f"status is one of {', '.join(Status)}")
        self._transmitter.set_status(stream, Status(status), text_or_none(asked, "reason"))
        return _status(stream)

    async def add_subject(self, request: Request, client: Client) -> Response:
        stream, subject = await self._subject(request, client)
        stream.left_out.discard(subject)
        return Response(status_code=200, headers=NO_STORE)

    async def remove_subject(self, request: Request, client: Client) -> Response:
        stream, subject = await self._subject(request, client)
        stream.left_out.add(subject)
        return Response(status_code=204, headers=NO_STORE)

    async def verify(self, request: Request, client: Client) -> Response:
        """Send a verification event, which says the receiver's `state` (section 8.1.4)."""
        asked = await body_of(request)
        stream = stream_of(client, asked.get("stream_id"), self._streams)
        state = text_or_none(asked, "state")
        self._transmitter.tell_of_stream(stream, Kind.VERIFICATION, **({} if state is None else {"state": state}))
        return Response(status_code=204, headers=NO_STORE)

    def _named(self, request: Request, client: Client) -> Stream:
        return stream_of(client, request.query_params.get("stream_id"), self._streams)

    async def _subject(self, request: Request, client: Client) -> tuple[Stream, str]:
        asked = await body_of(request)
        stream = stream_of(client, asked.get("stream_id"), self._streams)
        name = subject_name(asked.get("subject"))
        if name is None:
            raise AskedWronglyError(404, "we find nobody by that subject: name them by iss_sub or opaque")
        return stream, name

    def _deliver(self, stream: Stream, method: Method, endpoint: str | None, authorization: str | None) -> None:
        stream.method, stream.authorization = method, authorization
        # With poll the address is the transmitter's to give (section 6.1.2).
        ours = f"{self._provider.settings.origin}{_PATH}/poll/{stream.stream_id}"
        stream.endpoint = endpoint if endpoint is not None else ours
        self._transmitter.set_status(stream, stream.status, stream.reason)

    def _described(self, stream: Stream, *, status: int = 200) -> Response:
        return JSONResponse(stream.described(self._provider.issuer), status_code=status, headers=NO_STORE)


def _delivery(asked: Mapping[str, object]) -> tuple[Method, str | None, str | None]:
    """Method, address and header; poll where nothing is said (section 8.1.1.1). Raises AskedWronglyError."""
    delivery = asked.get("delivery", {"method": Method.POLL})
    if not isinstance(delivery, dict) or delivery.get("method") not in tuple(Method):
        raise AskedWronglyError(400, f"delivery.method is one of {', '.join(Method)}")
    method = Method(delivery["method"])
    if method is Method.POLL:
        return method, None, None
    endpoint = text_or_none(delivery, "endpoint_url") or ""
    if not endpoint.startswith(("http://", "https://")):
        raise AskedWronglyError(400, "delivery.endpoint_url is no http(s) address")
    authorization = text_or_none(delivery, "authorization_header")
    if authorization is not None and not (authorization.isascii() and authorization.isprintable()):
        raise AskedWronglyError(400, "delivery.authorization_header is no value of a header field")
    return method, endpoint, authorization


def _events(asked: Mapping[str, object]) -> tuple[str, ...] | None:
    events = asked.get("events_requested")
    if events is None:
        return None
    if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
        raise AskedWronglyError(400, "events_requested is no list of event types")
    return tuple(events)


def _status(stream: Stream) -> Response:
    described = {"stream_id": stream.stream_id, "status": stream.status}
    if stream.reason is not None:
        described["reason"] = stream.reason
    return JSONResponse(described, headers=NO_STORE)
