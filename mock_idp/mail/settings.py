"""What the mail of the mock is told at start: which server takes it, who sends it, and when.

Without a server of its own, mail goes to the mock's catcher, which delivers nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from pathlib import Path

# The hour of the guide's example (slide "voorbeeld van mail Gebruikersbeheer"), in Brussels.
NIGHTLY = time(1, 7)


class Security(StrEnum):
    """Of the connection to the mail server: none, upgraded by STARTTLS (RFC 3207), or TLS at once (RFC 8314)."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """`timeout` is in seconds, for one command. `ca_file` replaces the authorities that the machine trusts."""

    host: str
    port: int
    security: Security = Security.NONE
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: float = 30.0
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """`at` is None when no job shall run by itself. `language` is that of the mails: people have none of their own."""

    server: MailServer | None = None
    sender: str = "webidm3-mock@voorbeeld.test"
    language: str = "nl"
    at: time | None = NIGHTLY
