"""The certificates that the gateway shows, read anew when their files change or on a signal, without a restart.

Each new connection is given the newest context; connections that stand keep what they have. A pair that cannot be used
never replaces one that can. It reads files; who connects is the business of `entrance`.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from broker.config import ServerCertificate, server_tls
from broker.config.certificates import Stamp, stamp_of
from broker.ports import Clock, InkomError, Measures

SOON = timedelta(days=14)  # before the end of a certificate, from which on we speak of it
_LOOK_EVERY = 2.0  # seconds between two looks at the files
_log = logging.getLogger("inkom.certificates")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Where one certificate and its key are."""

    certificate: Path
    key: Path


class Certificates:
    """Pairs by a name for operators; the first is shown to clients who ask for no name that another one has.

    Raises OSError, ssl.SSLError (an OSError too) or ValueError when one cannot be used at the start.
    """

    def __init__(
        self,
        pairs: Mapping[str, Pair],
        *,
        clock: Clock,
        measures: Measures,
        protocols: tuple[str, ...] = ("http/1.1",),
        look_every: float = _LOOK_EVERY,
    ) -> None:
        self._pairs = dict(pairs)
        self._clock = clock
        self._measures = measures
        self._protocols = protocols
        self._look_every = look_every
        self._read = self._stamp()
        self._shown = {name: self._load(name) for name in self._pairs}
        self._context = self._together()
        self._tell()

    def context(self) -> ssl.SSLContext:
        """What a new connection is secured with."""
        return self._context

    def reload(self) -> None:
        """Read all files again; a pair that cannot be used, or has expired, is said once and the one before stays."""
        self._read = self._stamp()
        result = "ok"
        for name in self._pairs:
            try:
                fresh = self._load(name)
            except ssl.SSLError as error:
                # The reason is OpenSSL's name for what is wrong, and holds nothing of the file.
                result = self._stays(name, error.reason or "no certificate and key that fit together")
            except OSError as error:
                result = self._stays(name, error.strerror or "cannot be read")
            except ValueError:
                result = self._stays(name, "no certificate in PEM")
            else:
                if fresh.expires <= self._clock.now():
                    result = self._stays(name, "expired")
                else:
                    self._shown[name] = fresh
        self._context = self._together()
        self._measures.certificates_read(result)
        self._tell()
        if result == "ok":
            _log.info("certificates read again: %s", ", ".join(self._pairs))

    async def follow(self) -> None:
        """Read again whenever files changed and then stayed the same for one look: keys come a moment after."""
        before = self._read
        while True:
            await asyncio.sleep(self._look_every)
            now = self._stamp()
            if now == before and now != self._read:
                self.reload()
            before = now

    async def check(self) -> None:
        """Raises InkomError when a certificate has expired or soon will."""
        now = self._clock.now()
        for name, shown in self._shown.items():
            if shown.expires <= now:
                raise InkomError(f"the certificate of {name} has expired")
            if shown.expires - now < SOON:
                raise InkomError(f"the certificate of {name} expires in {(shown.expires - now).days} days")

    def _load(self, name: str) -> ServerCertificate:
        pair = self._pairs[name]
        return server_tls(certificate=pair.certificate, key=pair.key, protocols=self._protocols)

    def _stays(self, name: str, why: str) -> str:
        _log.error("the certificate of %s is not taken over, the one before stays: %s", name, why)
        return "refused"

    def _together(self) -> ssl.SSLContext:
        """The first certificate's context, which for names that it lacks turns to the others (RFC 6066, section 3)."""
        first, *others = self._shown.values()

        def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            found = (
                None if name is None or _has(first, name) else next((one for one in others if _has(one, name)), None)
            )
            if found is not None:
                connection.context = found.context

        first.context.sni_callback = choose if others else None
        return first.context

    def _tell(self) -> None:
        for name, shown in self._shown.items():
            self._measures.certificate_expires(name, at=shown.expires)

    def _stamp(self) -> Stamp:
        return stamp_of(path for pair in self._pairs.values() for path in (pair.certificate, pair.key))


def _has(certificate: ServerCertificate, name: str) -> bool:
    """Whether a certificate is for a name; a `*` stands for one whole label, the first (RFC 9525, section 6.3)."""
    name = name.lower().removesuffix(".")
    _, dot, rest = name.partition(".")
    return name in certificate.names or bool(dot and f"*.{rest}" in certificate.names)
