"""Visitors with something open: an event stream and a WebSocket of the application, and whether they were ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic
from urllib.parse import urlsplit

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.e2e.chain import Chain, Visitor

APP = "/kmo-portefeuille"
FLORIST = "1999999151"
SOON = 20.0  # seconds; streams end within a second or two, a busy machine may need more


def signed_in(chain: Chain, person: str) -> Visitor:
    """A visitor who is in the application."""
    visitor = chain.visitor()
    page = visitor.open(person)
    if 'name="organisation"' in page.text:
        page = visitor.choose(FLORIST)
    assert page.status_code == 200, page.text
    return visitor


def cookies_of(visitor: Visitor) -> str:
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in visitor.client.cookies.jar)


@contextmanager
def socket_of(visitor: Visitor, *, origin: str | None = None, app: str = APP) -> Iterator[ClientConnection]:
    """Open the application's WebSocket as a page of the gateway would."""
    address = f"ws://{urlsplit(visitor.chain.gateway).netloc}{app}/socket"
    headers = {"Origin": origin or visitor.chain.gateway}
    if cookie := cookies_of(visitor):
        headers["Cookie"] = cookie
    with connect(address, additional_headers=headers, proxy=None, open_timeout=SOON) as socket:
        yield socket


class Following:
    """Reads the application's event stream beside the test, and knows when it was cut."""

    def __init__(self, visitor: Visitor, *, gateway: str | None = None) -> None:
        """`gateway` is another one's address, which answers under the public name of the chain's own."""
        self.first, self.ended = Event(), Event()
        self.ended_at = 0.0
        self._gateway = gateway or visitor.chain.gateway
        self.counts: list[int] = []
        self._visitor = visitor
        self._thread = Thread(target=self._read, daemon=True)
        self._thread.start()
        assert self.first.wait(SOON), "no event arrived"

    def _read(self) -> None:
        try:
            host = {"host": urlsplit(self._visitor.chain.gateway).netloc}
            with self._visitor.client.stream("GET", f"{self._gateway}{APP}/events", headers=host) as answer:
                for line in answer.iter_lines():
                    if line.startswith("data:"):
                        self.counts.append(json.loads(line[5:])["count"])
                        self.first.set()
        except httpx2.TransportError:
            pass  # the gateway cuts a stream that may no longer flow, and so does a test that has seen enough
        self.ended_at = monotonic()
        self.ended.set()


@contextmanager
def open_streams(visitor: Visitor) -> Iterator[tuple[ClientConnection, Following]]:
    """A WebSocket that has said who is connected, and an event stream that has begun."""
    with socket_of(visitor) as socket:
        socket.recv(SOON)
        yield socket, Following(visitor)


def assert_ended(socket: ClientConnection, events: Following) -> None:
    with pytest.raises(ConnectionClosed):
        socket.recv(SOON)
    assert events.ended.wait(SOON)


def assert_still_open(socket: ClientConnection, events: Following) -> None:
    socket.send("still here?")
    assert socket.recv(SOON) == "still here?"
    assert not events.ended.is_set()
