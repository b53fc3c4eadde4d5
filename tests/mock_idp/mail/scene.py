"""A world on a file with two people to be told, and a mail server that answers as a test wants."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import select

from mock_idp.mail.office import MailOffice
from mock_idp.mail.settings import MailServer, MailSettings
from mock_idp.settings import Settings
from mock_idp.world.file import load_seed
from mock_idp.world.live import LiveWorld
from mock_idp.world.tables import PersonRow, RelationRow, ReminderRow
from tests.mock_idp.provider import MovableClock

SOON = "zoe@voorbeeld.test"  # expires-soon: her right ends in nine days
TODAY = "expires-today@voorbeeld.test"
ORIGIN = "http://localhost:9000"
USER, PASSWORD = "mailer", "hush-hush"


@dataclass(kw_only=True)
class Scene:
    """One process of the mock, as far as mail is concerned."""

    world: LiveWorld
    clock: MovableClock
    database: Path

    def office(self, server: MailServer | None, **settings: Any) -> MailOffice:
        return MailOffice(MailSettings(server=server, **settings), world=self.world, clock=self.clock, origin=ORIGIN)

    @contextmanager
    def relation_of(self, key: str) -> Iterator[RelationRow]:
        """The first working relation of somebody, to be changed."""
        wanted = select(RelationRow).join(RelationRow.person).where(PersonRow.key == key).order_by(RelationRow.id)
        with self.world.changing() as session:
            row = session.scalars(wanted).first()
            assert row is not None
            yield row

    def reminders(self) -> dict[tuple[str, date], str]:
        wanted = select(PersonRow.key, ReminderRow.day, ReminderRow.status).join(
            PersonRow, PersonRow.id == ReminderRow.person_id
        )
        with self.world.reading() as session:
            return {(key, day): status for key, day, status in session.execute(wanted)}


def scene_in(folder: Path) -> Scene:
    """What is on the file is taken up again: a second scene in the same folder is a restart."""
    clock, path = MovableClock(), folder / "world.db"
    world = LiveWorld(lambda: load_seed(Settings().world_file, today=clock.real_day()), clock=clock, database=path)
    return Scene(world=world, clock=clock, database=path)


@dataclass(kw_only=True)
class Postman:
    """`at_mail`, `at_rcpt` and `at_data` answer in place of 250 when they return something.

    While `open` is not set, every recipient waits for an answer; `reached` says that one does.
    """

    server: MailServer
    delivered: list[tuple[tuple[str, ...], bytes]] = field(default_factory=list)
    sessions: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    at_mail: Callable[[str], str | None] = lambda address: None
    at_rcpt: Callable[[str], str | None] = lambda address: None
    at_data: Callable[[SMTP], str | None] = lambda server: None

    @property
    def recipients(self) -> list[str]:
        return sorted(address for addresses, _ in self.delivered for address in addresses)

    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(content, policy=default) for _, content in self.delivered]

    async def handle_EHLO(  # noqa: N802  # aiosmtpd's name for it
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.sessions += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802  # as above
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.at_mail(address)
        if answer is None:
            envelope.mail_from = address
        return answer or "250 OK"

    async def handle_RCPT(  # noqa: N802  # as above
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.reached.set()
        await self.open.wait()
        answer = self.at_rcpt(address)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # as above
        answer = self.at_data(server)
        if answer is None:
            assert isinstance(envelope.content, bytes)
            self.delivered.append((tuple(envelope.rcpt_tos), envelope.content))
        return answer or "250 OK"


@asynccontextmanager
async def postman(
    *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None, needs_password: bool = False
) -> AsyncIterator[Postman]:
    """A mail server of another make than ours, on a port of its own."""
    loop = asyncio.get_running_loop()
    listener = socket.create_server(("127.0.0.1", 0))
    running = Postman(server=MailServer(host="localhost", port=listener.getsockname()[1], timeout=10))

    running.open.set()

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, sent: Any) -> AuthResult:
        right = isinstance(sent, LoginPassword) and (sent.login, sent.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    connections: list[asyncio.Transport] = []

    class Counted(SMTP):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            connections.append(transport)
            super().connection_made(transport)

    server = await loop.create_server(
        lambda: Counted(
            running,
            hostname="mail.voorbeeld.test",
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=authenticate,
            auth_required=needs_password,
            auth_require_tls=starttls is not None,
            loop=loop,
        ),
        sock=listener,
        ssl=tls,
    )
    try:
        yield running
    finally:
        server.close()
        for transport in connections:
            transport.abort()
        await server.wait_closed()


def hang_up(server: SMTP) -> None:
    """Break the connection off, as a server does that dies."""
    assert isinstance(server.transport, asyncio.Transport)
    server.transport.abort()


def authority_in(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for localhost that nobody trusts by itself: its file, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)  # noqa: TID251  # a certificate for real TLS is judged by the machine's clock
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "localhost.pem", folder / "localhost.key"
    public.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(public, private)
    return public, context
