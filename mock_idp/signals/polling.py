"""Where a receiver fetches its events (RFC 8936), acknowledges the last ones, and waits when there are none."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from mock_idp.acm.provider import Provider
from mock_idp.signals.asked import NO_STORE, AskedWronglyError, body_of, receiver_of, stream_of
from mock_idp.signals.streams import Method, Stream
from mock_idp.signals.transmitter import Transmitter

LONGEST_WAIT = 20.0  # seconds; then an empty answer, and the receiver asks again
_MOST = 100


class PollEndpoint:
    def __init__(self, provider: Provider, transmitter: Transmitter) -> None:
        self._provider = provider
        self._transmitter = transmitter

    def routes(self) -> list[BaseRoute]:
        return [Route("/op/ssf/v1/poll/{stream_id}", self.poll, methods=["POST"])]

    async def poll(self, request: Request) -> Response:
        try:
            client = receiver_of(request, self._provider.clients)
            stream = stream_of(client, request.path_params["stream_id"], self._transmitter.streams)
            if stream.method is not Method.POLL:
                raise AskedWronglyError(404, "this stream is pushed")
            asked = await body_of(request)
            most, at_once = _most(asked), asked.get("returnImmediately") is True
            self._settle(stream, asked)
        except AskedWronglyError as wrong:
            return wrong.answer()
        sets, more = self._transmitter.hand_out(stream, most)
        if not sets and not at_once and most > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(stream.news.wait(), LONGEST_WAIT)
            sets, more = self._transmitter.hand_out(stream, most)
        return JSONResponse({"sets": sets, "moreAvailable": more}, headers=NO_STORE)

    def _settle(self, stream: Stream, asked: Mapping[str, object]) -> None:
        acknowledged, refused = asked.get("ack", []), asked.get("setErrs", {})
        if not isinstance(acknowledged, list) or not isinstance(refused, dict):
            raise AskedWronglyError(400, "ack is a list, setErrs an object")
        for event_id in acknowledged:
            self._transmitter.settle(stream, str(event_id), accepted=True)
        for event_id in refused:
            self._transmitter.settle(stream, event_id, accepted=False)


def _most(asked: Mapping[str, object]) -> int:
    most = asked.get("maxEvents", _MOST)
    if not isinstance(most, int) or isinstance(most, bool) or most < 0:
        raise AskedWronglyError(400, "maxEvents is no number")
    return min(most, _MOST)
