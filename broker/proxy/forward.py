"""Carry one HTTP request from ASGI to a backend and the answer back, both as streams.

Nothing is held back: each part is passed on when it comes, as fast as the other side takes it. A body that breaks off
is never finished on the client's behalf, and an answer that breaks off is cut, not completed. What is sent was decided
by the gate; this module adds nothing to it but what `rewriting` says.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import cast

from starlette.types import Receive, Scope, Send

from broker.proxy.backends import Backends
from broker.proxy.failures import BodyTooLarge, ClientGone, ForwardingFailed
from broker.proxy.messages import Body, CookieNames, Headers, body_of, origin_form, response_headers
from broker.proxy.rewriting import Rewriting
from broker.proxy.upstream import RequestHead, Upstream, UpstreamResponse

Inspect = Callable[[int, Headers], None]
ABORT = "inkom.abort"  # ASGI extension of the edge: cut the client's connection without finishing the answer


class _Client:
    """The sending side of the client: its body, and whether it is still there."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._parts: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=1)

    async def listen(self) -> None:
        """Take in the body at the pace at which it is used, then return when the client is gone."""
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return
            octets = message.get("body", b"")
            if octets:
                await self._parts.put(octets)
            if not message.get("more_body", False):
                await self._parts.put(None)
                break
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the parts of the body as they come."""
        while (octets := await self._parts.get()) is not None:
            yield octets


async def forward(
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    upstream: Backends | Upstream,
    target: bytes,
    headers: Headers,
    own_cookies: CookieNames,
    inspect: Inspect | None = None,
    rewriting: Rewriting | None = None,
) -> None:
    """Forward the request of `scope` with these headers, and send the answer.

    `inspect` sees status and fields of the answer before anything is sent, and raises when it is not to be sent.

    Raises ForwardingFailed; when its `answer_started` is true the client's connection is already cut, else nothing was
    sent and the caller may still answer.
    """
    framing = body_of(scope["headers"])
    _refuse_large_body(scope["headers"], framing, upstream.limits.max_body)
    client = _Client(receive)
    sent = origin_form(target) if rewriting is None else rewriting.target(origin_form(target))
    head = RequestHead(method=scope["method"].encode("ascii"), target=sent, headers=headers)
    answer = _Answer(send, cast("Callable[[], None] | None", scope.get("extensions", {}).get(ABORT)))
    body = None if framing is Body.NONE else client.body()
    carrying = asyncio.create_task(_carry(head, body, upstream, answer, own_cookies, inspect, rewriting))
    listening = asyncio.create_task(client.listen())
    try:
        await asyncio.wait({carrying, listening}, return_when=asyncio.FIRST_COMPLETED)
        if not carrying.done():
            listening.result()
            raise ClientGone("the client left before the answer was complete")
        carrying.result()
    except ForwardingFailed as failed:
        failed.answer_started = answer.started
        if answer.started:
            answer.cut()
        raise
    finally:
        listening.cancel()
        carrying.cancel()
        await asyncio.wait({carrying, listening})


class _Answer:
    """The answer to the client, as far as it has gone."""

    def __init__(self, send: Send, abort: Callable[[], None] | None) -> None:
        self._send = send
        self._abort = abort
        self.started = False

    async def start(self, status: int, headers: Headers) -> None:
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def part(self, octets: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": octets, "more_body": more})

    def cut(self) -> None:
        if self._abort is not None:
            self._abort()


async def _carry(
    head: RequestHead,
    body: AsyncIterator[bytes] | None,
    upstream: Backends | Upstream,
    answer: _Answer,
    own_cookies: CookieNames,
    inspect: Inspect | None,
    rewriting: Rewriting | None,
) -> None:
    response = await upstream.send(head, body)
    try:
        if inspect is not None:
            inspect(response.status, response.headers)
        await answer.start(response.status, _client_headers(response, own_cookies, rewriting))
        async for octets in response:
            await answer.part(octets, more=True)
        await answer.part(b"", more=False)
    finally:
        await response.aclose()


def _client_headers(response: UpstreamResponse, own_cookies: CookieNames, rewriting: Rewriting | None) -> Headers:
    answered = response.headers if rewriting is None else rewriting.response(response.headers)
    headers = response_headers(answered, own_cookies=own_cookies)
    if response.status in (204, 304):
        # RFC 9110 8.6: no length with 204; with 304 it is the length of another body, which servers stumble over.
        return [(name, value) for name, value in headers if name != b"content-length"]
    return headers


def _refuse_large_body(headers: Headers, framing: Body, limit: int) -> None:
    if framing is Body.LENGTH and any(name == b"content-length" and int(value) > limit for name, value in headers):
        raise BodyTooLarge("the body is larger than this backend accepts")
