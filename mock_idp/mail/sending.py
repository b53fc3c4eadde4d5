"""Hands one message to a mail server over SMTP, and says in a word what came of it. The only import of aiosmtplib.

Nothing here remembers what was sent: that is the ledger's. A connection carries many messages, one after the other.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from types import TracebackType

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from mock_idp.mail.settings import MailServer, Security

# Seconds for one message with its connection, whatever the time limit of each command.
LONGEST_ATTEMPT = 240
_SERVICE_CLOSES = 421  # RFC 5321 section 3.8: the server ends the connection, nothing is said of the message


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The server took it, for all but `refused` of the addresses."""

    answer: str
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """For good (5xx), and it is about this message."""

    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponed:
    """For now (4xx), and it is about this message."""

    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The connection broke off or went silent midway. Whether the server kept the message, nobody knows (RFC 1047)."""

    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """The server takes nothing from us at all: not there, no TLS, wrong password, sender refused."""

    answer: str


Outcome = Accepted | Refused | Postponed | Lost | Unreachable


class Connection:
    """To one server; opened when first needed, and anew when the server closed it meanwhile."""

    def __init__(self, server: MailServer, *, sender: str) -> None:
        self._server = server
        self._sender = sender
        self._smtp: SMTP | None = None

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._smtp is None:
            return
        try:
            if kind is None:
                await self._smtp.quit(timeout=2)
        except (SMTPException, OSError):
            return  # everything was said; a farewell that fails harms nobody
        finally:
            self._drop()

    async def send(self, message: EmailMessage, recipients: Sequence[str]) -> Outcome:
        try:
            async with asyncio.timeout(LONGEST_ATTEMPT):
                try:
                    smtp = await self._connected()
                except (SMTPException, OSError, ValueError) as error:
                    self._drop()
                    return Unreachable(answer=_said(error))
                outcome = await self._send(smtp, message, recipients)
        except TimeoutError:
            outcome = Lost(answer="too slow")
        if isinstance(outcome, Lost | Unreachable):
            self._drop()
        return outcome

    async def _send(self, smtp: SMTP, message: EmailMessage, recipients: Sequence[str]) -> Outcome:
        try:
            refused, answer = await smtp.send_message(message, sender=self._sender, recipients=list(recipients))
        except SMTPRecipientsRefused as error:
            return _all_refused(error)
        except SMTPSenderRefused as error:
            return Unreachable(answer=_said(error))
        except SMTPResponseException as error:
            return _by_code(error)
        except (SMTPNotSupported, ValueError) as error:
            return Refused(answer=_said(error))  # an address that this server, or no server, can be told
        except (SMTPException, OSError) as error:
            return Lost(answer=_said(error))
        return Accepted(answer=answer, refused=len(refused))

    async def _connected(self) -> SMTP:
        """Asks first whether an idle connection still lives: if it broke at that question, no message was in it."""
        if self._smtp is not None:
            try:
                await self._smtp.noop()
                return self._smtp
            except (SMTPException, OSError):
                self._drop()
        self._smtp = _client(self._server, name=self._sender.rpartition("@")[2])
        await self._smtp.connect()
        return self._smtp

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None


def _client(server: MailServer, *, name: str) -> SMTP:
    """`name` is what we call ourselves in EHLO; asking the machine for its own could wait for a name server."""
    encrypted = server.security is not Security.NONE
    return SMTP(
        hostname=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        local_hostname=name,
        timeout=server.timeout,
        use_tls=server.security is Security.TLS,
        start_tls=server.security is Security.STARTTLS,
        tls_context=ssl.create_default_context(cafile=server.ca_file) if encrypted else None,
    )


def _all_refused(error: SMTPRecipientsRefused) -> Outcome:
    """Tried again as long as one of the addresses may still take it."""
    answer = _said(error.recipients[0])
    if any(one.code == _SERVICE_CLOSES for one in error.recipients):
        return Lost(answer=answer)
    return Postponed(answer=answer) if any(one.code < 500 for one in error.recipients) else Refused(answer=answer)


def _by_code(error: SMTPResponseException) -> Outcome:
    if error.code == _SERVICE_CLOSES:
        return Lost(answer=_said(error))
    return Postponed(answer=_said(error)) if 400 <= error.code < 500 else Refused(answer=_said(error))


def _said(error: Exception) -> str:
    if isinstance(error, SMTPResponseException):
        return f"{error.code} {' '.join(error.message.split())}"
    return " ".join(str(error).split()) or type(error).__name__
