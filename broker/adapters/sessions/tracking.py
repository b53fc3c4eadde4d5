"""Reads from Redis that stay true: one connection over which Redis tells when anything that was read changes.

Client-side caching as Redis has it since version 6 (CLIENT TRACKING, with RESP3 pushes on the connection that read).
What was read counts as true until a push names it, the connection breaks, or the connection has been silent for a
second: a cut that nobody notices must not keep a session alive. Without such a connection, reads go over the ordinary
pool and nothing they return may be kept. What is kept, and for how long, is the business of whoever asks.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import hiredis
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from broker.adapters.sessions.connection import StoreLimits, store_errors

_log = logging.getLogger("inkom.sessions")
_PAUSE_SECONDS = 1.0
_READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingTimes:
    """Seconds: how often the connection is tried, and how long what was read counts after it last answered."""

    beat: float = 0.25
    sure: float = 1.0


class _Key:
    """One key that was read; everybody who remembers its value shares it."""

    __slots__ = ("__weakref__", "changed")

    def __init__(self) -> None:
        self.changed = False


class Memory:
    """Whether what was read is still so, without asking again."""

    __slots__ = ("_channel", "_keys")

    def __init__(self, channel: _Channel, keys: tuple[_Key, ...]) -> None:
        self._channel = channel
        self._keys = keys

    def holds(self) -> bool:
        """Whether nothing that was read has changed; False as soon as that cannot be known."""
        return self._channel.is_sure() and not any(key.changed for key in self._keys)

    def joined(self, other: Memory) -> Memory | None:
        """Return the memory of both; None when they came over different connections."""
        return Memory(self._channel, self._keys + other._keys) if self._channel is other._channel else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Values of one question, and what tells if they are still so; None where nothing does."""

    values: Sequence[Any]
    memory: Memory | None


class TrackedReads:
    """Asks Redis, over the tracked connection while there is one."""

    def __init__(self, redis: Redis, *, limits: StoreLimits | None = None, times: TrackingTimes | None = None) -> None:
        self._redis = redis
        self._limits = limits or StoreLimits()
        self._times = times or TrackingTimes()
        self._channel: _Channel | None = None

    @property
    def is_sure(self) -> bool:
        """Whether changes are told at this moment."""
        return self._channel is not None and self._channel.is_sure()

    @property
    def watched(self) -> int:
        """How many keys somebody remembers the value of."""
        return 0 if self._channel is None else self._channel.watched

    async def read(self, *, record: str | None = None, values: Sequence[str] = ()) -> Reading:
        """Return a record with its remaining life (ms, as PTTL says), and values. Raises StoreUnavailable."""
        keys = [*([record] if record is not None else []), *values]
        commands: list[tuple[str, ...]] = [] if record is None else [("GET", record), ("PTTL", record)]
        if values:
            commands.append(("MGET", *values))
        channel = self._channel
        if channel is not None:
            with suppress(RedisConnectionError):
                return await channel.ask(commands, keys)
        with store_errors():
            # Outside MULTI: between them, the session may at most end, and a mark may only be newer than its facts.
            pipeline = self._redis.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            return Reading(values=_flat(await pipeline.execute()), memory=None)

    async def follow(self) -> None:
        """Keep a tracked connection, until cancelled; while there is none, reads are answered all the same."""
        said = False
        while True:
            try:
                await self._keep_channel()
            except (RedisError, OSError, TimeoutError) as error:
                if not said:
                    reason = type(error).__name__
                    _log.warning("changes of sessions cannot be followed (%s): each request asks Redis", reason)
                said = True
            else:
                said = False
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _keep_channel(self) -> None:
        """Serve one connection from its opening to its end. Returns after an end, raises when it never worked."""
        pool = self._redis.connection_pool
        connection: Any = pool.connection_class(**{**pool.connection_kwargs, "protocol": 3})
        try:
            async with asyncio.timeout(self._limits.connect + self._limits.command):
                await connection.connect()
                await connection.send_command("CLIENT", "TRACKING", "ON")
                await connection.read_response()
            # After the handshake the streams are ours: redis-py offers no reading of many answers at once.
            reader, writer = connection._reader, connection._writer
            if reader is None or writer is None:
                raise RedisConnectionError("closed at once")
            channel = _Channel(reader, writer, times=self._times)
            try:
                self._channel = channel
                await channel.run(patience=self._limits.command)
            finally:
                self._channel = None
                channel.fail()
        finally:
            await connection.disconnect(nowait=True)
        _log.warning("the connection that follows changes of sessions broke: each request asks Redis meanwhile")


class _Channel:
    """One tracked connection: questions in order, answers in order, pushes between them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, times: TrackingTimes) -> None:
        self._reader = reader
        self._writer = writer
        self._times = times
        self._loop = asyncio.get_running_loop()
        self._answers = hiredis.Reader(notEnoughData=Ellipsis, replyError=RedisError)
        self._asked: deque[tuple[asyncio.Future[list[Any]], int]] = deque()
        self._answered: list[Any] = []
        self._keys: WeakValueDictionary[bytes, _Key] = WeakValueDictionary()
        self._unsent: list[bytes] = []
        self._sure_until = 0.0

    def is_sure(self) -> bool:
        """Whether every push that matters would have arrived by now."""
        return self._loop.time() < self._sure_until

    @property
    def watched(self) -> int:
        """How many keys somebody remembers the value of."""
        return len(self._keys)

    async def ask(self, commands: Sequence[Sequence[Any]], keys: Sequence[str]) -> Reading:
        """Ask, and remember what was read. Raises redis' ConnectionError when the connection breaks."""
        # Before the question is sent: a change that is announced while it is under way is a change all the same.
        watched = tuple(map(self._key, keys))
        values = _flat(await self._question(commands))
        failed = next((value for value in values if isinstance(value, RedisError)), None)
        if failed is not None:
            raise RedisConnectionError("refused")
        return Reading(values=values, memory=Memory(self, watched))

    async def run(self, *, patience: float) -> None:
        """Take answers and pushes in until the connection ends."""
        beating = asyncio.create_task(self._beat(patience))
        try:
            while octets := await self._reader.read(_READ_BYTES):
                self._answers.feed(octets)
                while (answer := self._answers.gets()) is not Ellipsis:
                    self._take(answer)
        except (OSError, hiredis.ProtocolError):
            return
        finally:
            beating.cancel()

    def fail(self) -> None:
        """Forget everything: nothing is sure any more, and whoever waits for an answer learns that none comes."""
        self._sure_until = 0.0
        while self._asked:
            future, _ = self._asked.popleft()
            if not future.done():
                future.set_exception(RedisConnectionError("the connection broke"))

    async def _beat(self, patience: float) -> None:
        """Make sure, again and again, that the connection still carries what Redis says."""
        while True:
            sent = self._loop.time()
            try:
                async with asyncio.timeout(patience):
                    # Says, unlike PING, whom we speak with, and is allowed to every user.
                    (told,) = await self._question([("HELLO", "3")])
            except (TimeoutError, RedisConnectionError):
                self._writer.transport.abort()
                return
            if not isinstance(told, dict) or told.get(b"role") != b"master":
                # A server that became a replica tells of changes when it hears of them itself, if it ever does.
                self._writer.transport.abort()
                return
            # Answers keep their order: every push from before the answer is here, so it was true when we asked.
            self._sure_until = sent + self._times.sure
            await asyncio.sleep(self._times.beat)

    async def _question(self, commands: Iterable[Sequence[Any]]) -> list[Any]:
        packed = [hiredis.pack_command(tuple(command)) for command in commands]
        if self._writer.transport.is_closing():
            raise RedisConnectionError("the connection broke")
        future: asyncio.Future[list[Any]] = self._loop.create_future()
        self._asked.append((future, len(packed)))
        if not self._unsent:
            # Questions of one turn of the loop go out together.
            self._loop.call_soon(self._send)
        self._unsent += packed
        return await future

    def _send(self) -> None:
        octets, self._unsent = b"".join(self._unsent), []
        if not self._writer.transport.is_closing():
            self._writer.write(octets)

    def _take(self, answer: Any) -> None:
        if isinstance(answer, hiredis.PushNotification):
            if answer[0] == b"invalidate":
                self._changed(answer[1])
            return
        if not self._asked:
            raise hiredis.ProtocolError("an answer that nobody asked for")
        self._answered.append(answer)
        future, wanted = self._asked[0]
        if len(self._answered) == wanted:
            self._asked.popleft()
            answers, self._answered = self._answered, []
            if not future.done():
                future.set_result(answers)

    def _changed(self, names: list[bytes] | None) -> None:
        # No names: the whole database was emptied.
        for name in [*self._keys.keys()] if names is None else names:
            key = self._keys.pop(name, None)
            if key is not None:
                key.changed = True

    def _key(self, name: str) -> _Key:
        octets = name.encode()
        key = self._keys.get(octets)
        if key is None:
            key = self._keys[octets] = _Key()
        return key


def _flat(answers: Sequence[Any]) -> list[Any]:
    """The values of MGET beside those of the other commands."""
    return [value for answer in answers for value in (answer if isinstance(answer, list) else [answer])]
