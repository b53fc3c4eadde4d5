"""A counting relay in front of the application: who came by the proxy passes it, who came by the gateway does not."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Lock, Thread


@dataclass(slots=True)
class Relay:
    """`carried` counts bytes towards the application."""

    port: int = 0
    carried: int = 0
    lock: Lock = field(default_factory=Lock)

    def count(self, size: int) -> None:
        with self.lock:
            self.carried += size


@contextmanager
def relay_to(port: int) -> Iterator[Relay]:
    """Run a relay to a port of the loopback for the length of a block."""
    relay = Relay()

    class Carries(BaseRequestHandler):
        def handle(self) -> None:
            client: socket.socket = self.request
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as application:
                back = Thread(target=_carry, args=(application, client, None), daemon=True)
                back.start()
                _carry(client, application, relay)
                back.join()

    class Server(ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Carries) as server:
        relay.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            server.shutdown()
            thread.join()


def _carry(source: socket.socket, target: socket.socket, relay: Relay | None) -> None:
    with suppress(OSError):
        while block := source.recv(65536):
            if relay is not None:
                relay.count(len(block))
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)
