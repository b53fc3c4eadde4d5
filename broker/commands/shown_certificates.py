"""What `inkom check` and `inkom doctor` say about the certificates that the gateway shows: until when, and for whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from broker import config


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One certificate, at its place in the configuration; `days` are left, none when it has expired."""

    place: str
    names: tuple[str, ...]
    expires: datetime
    days: int | None

    def __str__(self) -> str:
        names = ", ".join(self.names) or "no name"
        until = f"{self.expires:%Y-%m-%d %H:%M} UTC"
        return f"{self.place} for {names} " + (
            f"expired on {until}" if self.days is None else f"is valid until {until} ({self.days} days)"
        )


def shown_certificates(settings: config.Settings, *, near: Path, now: datetime) -> Iterator[Shown]:
    """Yield each certificate. Raises OSError, ssl.SSLError (an OSError too) or ValueError when one cannot be used."""
    if settings.listen.tls is None:
        return
    for place, files in settings.listen.tls.all.items():
        found = config.server_tls(certificate=near / files.certificate, key=near / files.key)
        left = None if found.expires <= now else (found.expires - now).days
        yield Shown(place=f"listen.{place}", names=found.names, expires=found.expires, days=left)


def lacks_public_name(settings: config.Settings, shown: list[Shown]) -> str | None:
    """The host of `public_url` when no certificate is for it: right only where somebody in front speaks TLS again."""
    host = (urlsplit(settings.public_url).hostname or "").lower()
    wildcard = "*." + host.partition(".")[2]
    return None if any({host, wildcard} & set(one.names) for one in shown) else host
