"""A server in a thread and a loop of its own, so that tests may block or run a loop of their own meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextmanager
def listening(serve: Serve) -> Iterator[int]:
    """Serve connections on a free port of the loopback for the length of a block; the port.

    At the end whatever still goes on is cancelled, and every connection closed.
    """
    loop, ended, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    port = 0
    alive: set[asyncio.Task[None] | None] = set()  # the loop itself keeps tasks by weak references only

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        alive.add(asyncio.current_task())
        # Cancelled at the end only; asyncio's streams would report that as an error.
        with suppress(OSError, asyncio.CancelledError):
            try:
                await serve(reader, writer)
            except asyncio.CancelledError:
                writer.transport.abort()
                raise
            finally:
                writer.close()
                alive.discard(asyncio.current_task())

    async def run() -> None:
        nonlocal port
        server = await asyncio.start_server(one, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        ready.set()
        await ended.wait()
        server.close()
        # Connections that were just accepted get their task in the turns that follow, and transports close in them.
        for _ in range(10):
            pending = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
            await asyncio.sleep(0)

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    try:
        assert ready.wait(10), "the server did not start"
        yield port
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)
        loop.close()
