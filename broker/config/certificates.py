"""Certificates as TLS contexts: who we are towards whoever wants proof on the connection, and whom we believe."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

_log = logging.getLogger("inkom.certificates")


def client_tls(*, certificate: Path | None, key: Path | None, authorities: Path | None) -> ssl.SSLContext:
    """Return a context that shows a certificate, if there is one, and checks the other side's.

    `certificate` may hold a chain, ours first. `authorities` replaces the system's authorities. Raises OSError,
    ssl.SSLError (an OSError too); a key that is locked with a password is refused like one that does not fit.
    """
    context = ssl.create_default_context(cafile=authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is None:
        return context
    # With a password given, a locked key is an error and never a question on the terminal.
    context.load_cert_chain(certificate, key, password="")
    return context


class CurrentTls:
    """A context that follows its files: call it for each connection.

    Files that cannot be used leave the former context in force, with a line in the log: a renewal that went half-way
    must not cut off what worked. Raises what `client_tls` does, but only when it is made.
    """

    def __init__(self, *, certificate: Path | None, key: Path | None, authorities: Path | None) -> None:
        self._certificate = certificate
        self._key = key
        self._authorities = authorities
        self._seen = self._stamp()
        self._context = self._read()

    def __call__(self) -> ssl.SSLContext:
        """Return the context of the files as they are now. It reads them only when they changed: a look is cheap."""
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            try:
                self._context = self._read()
            except OSError as error:  # ssl.SSLError is one
                extra = {"files": self._names(), "error": error.strerror or type(error).__name__}
                _log.error("a changed certificate cannot be used; the former one stays", extra=extra)
            else:
                _log.info("a changed certificate is in use", extra={"files": self._names()})
        return self._context

    def _read(self) -> ssl.SSLContext:
        return client_tls(certificate=self._certificate, key=self._key, authorities=self._authorities)

    def _files(self) -> list[Path]:
        return [file for file in (self._certificate, self._key, self._authorities) if file is not None]

    def _names(self) -> str:
        return ", ".join(str(file) for file in self._files())

    def _stamp(self) -> tuple[tuple[int, int, int] | None, ...]:
        """What changes when a file is written or another is put in its place."""
        return tuple(_stamp_of(file) for file in self._files())


def _stamp_of(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
