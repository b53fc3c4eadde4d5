"""Reading what a receiver asks for: who asks, by the access token, and the JSON of the question."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mock_idp.acm.clients import Client, Clients
from mock_idp.signals.streams import Stream, Streams

NO_STORE = {"Cache-Control": "no-store"}


class AskedWronglyError(Exception):
    """A question that gets no answer: `status` says why (section 8.1 names one for each)."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status

    def answer(self) -> Response:
        # RFC 6750 section 3: whoever shows no token, or an unknown one, is told what is wanted.
        challenge = {"WWW-Authenticate": 'Bearer realm="shared signals"'} if self.status == 401 else {}
        return JSONResponse({"error": str(self)}, status_code=self.status, headers={**NO_STORE, **challenge})


def receiver_of(request: Request, clients: Clients) -> Client:
    """The client whose `signals_access_token` is shown. Raises AskedWronglyError."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        for client in clients.all():
            known = client.signals_access_token
            if known is not None and hmac.compare_digest(known.encode(), token.strip().encode()):
                return client
    raise AskedWronglyError(401, "show a client's signals_access_token as bearer token")


async def body_of(request: Request) -> Mapping[str, object]:
    """The JSON object of the body. Raises AskedWronglyError."""
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise AskedWronglyError(400, "the body is no JSON object")
    return body


def stream_of(client: Client, stream_id: object, streams: Streams) -> Stream:
    """The client's own stream of that name. Raises AskedWronglyError."""
    if not isinstance(stream_id, str) or not stream_id:
        raise AskedWronglyError(400, "stream_id is absent")
    for stream in streams.of(client.client_id):
        if stream.stream_id == stream_id:
            return stream
    raise AskedWronglyError(404, "you have no stream of that name")


def text_or_none(body: Mapping[str, object], name: str) -> str | None:
    """A text that may be absent. Raises AskedWronglyError."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise AskedWronglyError(400, f"{name} is no text")
    return value
