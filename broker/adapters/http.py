"""HTTP on the back channel: how the gateway calls ACM, IDM and KBO. The only module that imports httpx2.

Every call is bounded in time and in size, follows no redirect, keeps no cookie, accepts no compressed body and ignores
proxies of the environment. What goes wrong on the way is `NoAnswer`; an answer of any status is an `Answer`. Proxied
traffic does not come here (`broker/proxy`).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import httpx2

_KIBIBYTE = 1024


class NoAnswer(Exception):
    """No usable answer came. The message names the kind of trouble, never an address or a body."""

    def __init__(self, trouble: str, *, connection: bool = False, late: bool = False) -> None:
        """`connection`: the connection failed, so that repeating a read may help; `late`: time ran out."""
        super().__init__(trouble)
        self.connection = connection
        self.late = late


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of every call: seconds, bytes of the body, and connections at once.

    `total` covers everything from connecting to the last byte of the body. Before that a call may have to wait for its
    turn, for `turn` at most: when a crowd comes at once, the other party sees `connections` calls at a time, and who
    waits is not told that it does not answer.
    """

    connect: float = 2.0
    total: float = 5.0
    turn: float = 30.0
    body: int = 1024 * _KIBIBYTE
    connections: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, whatever its status. `media_type` has no parameters, and names in `headers` are lower case."""

    status: int
    media_type: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Carries a request and reads its whole answer within the limits.

    As a transport, it binds any client that is made with it, which would otherwise read an answer of any size.
    """

    def __init__(self, limits: Limits, *, tls: ssl.SSLContext | None = None) -> None:
        self._limits = limits
        self._turns = asyncio.Semaphore(limits.connections)
        self._inner = httpx2.AsyncHTTPTransport(
            verify=True if tls is None else tls,
            trust_env=False,
            limits=httpx2.Limits(
                # Each call has a connection of its own (docs/decisions/0028): what comes late or twice on a kept one is
                # taken for the answer to the next question, which is another person's.
                max_connections=limits.connections,
                max_keepalive_connections=0,
            ),
            retries=1,  # of connecting only: a request that was sent is never sent twice by this layer
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the answer with its body already read. Raises NoAnswer."""
        try:
            async with asyncio.timeout(self._limits.turn):
                await self._turns.acquire()
        except TimeoutError:
            raise NoAnswer("too many calls wait for their turn") from None
        try:
            return await self._carried(request)
        finally:
            self._turns.release()

    async def _carried(self, request: httpx2.Request) -> httpx2.Response:
        try:
            async with asyncio.timeout(self._limits.total):
                response = await self._inner.handle_async_request(request)
                try:
                    body = await self._read(response)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx2.TimeoutException):
            raise NoAnswer("no answer in time", late=True) from None
        except (httpx2.NetworkError, httpx2.RemoteProtocolError) as error:
            # The text of the library's error may name hosts and ports; its kind is enough for the log.
            raise NoAnswer(f"the connection failed ({type(error).__name__})", connection=True) from None
        except httpx2.TransportError as error:
            raise NoAnswer(f"the call failed ({type(error).__name__})") from None
        # Cookies would end up in the client's jar and be sent with the next person's call.
        kept = [(name, value) for name, value in response.headers.raw if name.lower() not in _NOT_PASSED_ON]
        return httpx2.Response(response.status_code, headers=kept, content=body, request=request)

    async def _read(self, response: httpx2.Response) -> bytes:
        if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            raise NoAnswer("a compressed body that nobody asked for")
        declared = response.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self._limits.body:
            raise NoAnswer("the answer is too large")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._limits.body:
                raise NoAnswer("the answer is too large")
        return bytes(body)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()


_NOT_PASSED_ON = frozenset({b"set-cookie", b"set-cookie2", b"content-length", b"transfer-encoding"})


class BackChannel:
    """A client with the gateway's bounds, for calls to one party."""

    def __init__(self, limits: Limits | None = None, *, tls: ssl.SSLContext | None = None) -> None:
        self._limits = limits or Limits()
        self._transport = BoundedTransport(self._limits, tls=tls)
        self._client = httpx2.AsyncClient(
            transport=self._transport,
            timeout=httpx2.Timeout(self._limits.total, connect=self._limits.connect),
            trust_env=False,
            follow_redirects=False,
            headers={"accept": "application/json", "accept-encoding": "identity", "user-agent": "inkom"},
        )

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Fetch a document. Raises NoAnswer."""
        return _answer(await self._client.get(url, headers=dict(headers or {})))

    async def post_json(self, url: str, body: bytes, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Post a JSON text. Raises NoAnswer."""
        return await self.post(url, body, headers={"content-type": "application/json", **(headers or {})})

    async def post(self, url: str, body: bytes, *, headers: Mapping[str, str]) -> Answer:
        """Post what the headers say it is. Raises NoAnswer."""
        return _answer(await self._client.post(url, content=body, headers=dict(headers)))

    async def request(self, method: str, url: str, body: bytes, *, headers: Mapping[str, str]) -> Answer:
        """Send a request of any method. Raises NoAnswer."""
        return _answer(await self._client.request(method, url, content=body, headers=dict(headers)))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()


async def read_by(send: Callable[[], Awaitable[Answer]]) -> Answer:
    """Return the answer to what only reads; asked once more when the connection failed before it was whole.

    Raises NoAnswer.
    """
    try:
        return await send()
    except NoAnswer as error:
        if not error.connection:
            raise
        return await send()


def _answer(response: httpx2.Response) -> Answer:
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status_code, media_type=media_type, body=response.content, headers=headers)
