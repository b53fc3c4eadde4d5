"""The mock's own mail server: takes every message, delivers none, and keeps them for the mailbox pages.

On the loopback address only. Nothing that it receives ever leaves the machine. The only import of aiosmtpd.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiosmtpd.smtp import SMTP, Envelope, Session

from mock_idp.mail.mailbox import Mailbox

LARGEST_MESSAGE = 1_000_000
MOST_RECIPIENTS = 100
IDLE_SECONDS = 120


class Intake:
    """What aiosmtpd asks at each step of a transaction; it finds the methods by these names."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name for it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # as above
        content = envelope.content
        assert isinstance(content, bytes)  # noqa: S101  # decode_data is off
        self._mailbox.keep(sender=envelope.mail_from or "", recipients=tuple(envelope.rcpt_tos), message=content)
        return "250 2.0.0 Kept for the mailbox pages; this server delivers nothing"


@asynccontextmanager
async def catching(listener: socket.socket, mailbox: Mailbox) -> AsyncIterator[None]:
    """Serves on a bound socket for the length of a block."""
    loop = asyncio.get_running_loop()
    open_sessions: set[asyncio.BaseTransport] = set()

    class Listed(SMTP):
        """Known while it is open, so that the program can end without waiting for an idle client."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            open_sessions.add(transport)
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            open_sessions.discard(self.transport)
            super().connection_lost(error)

    server = await loop.create_server(
        lambda: Listed(
            Intake(mailbox),
            data_size_limit=LARGEST_MESSAGE,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="mock mail server, delivers nothing",
            timeout=IDLE_SECONDS,
            loop=loop,
        ),
        sock=listener,
    )
    try:
        yield
    finally:
        server.close()
        for transport in tuple(open_sessions):
            transport.close()
        await server.wait_closed()
