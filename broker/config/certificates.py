"""Certificates as TLS contexts: who we are towards whoever we call, and towards whoever calls us.

The contexts are made from files; when the files are read again is the business of whoever holds them.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

_log = logging.getLogger("inkom.certificates")
# Of TLS 1.2 only what has forward secrecy and is authenticated (RFC 9325, section 4.2); TLS 1.3 has nothing else.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCertificate:
    """A certificate that can be shown: its names in lower case, its end, and the context that shows it."""

    names: tuple[str, ...]
    expires: datetime
    context: ssl.SSLContext


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

    def _stamp(self) -> Stamp:
        return stamp_of(self._files())


Stamp = tuple[tuple[int, int, int] | None, ...]  # of each file; None where there is none


def stamp_of(files: Iterable[Path]) -> Stamp:
    """Return what changes when a file is written or another is put in its place."""
    return tuple(map(_stamp_of_one, files))


def _stamp_of_one(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


def server_tls(*, certificate: Path, key: Path, protocols: tuple[str, ...] = ("http/1.1",)) -> ServerCertificate:
    """Return a certificate to show to clients who speak one of `protocols` (ALPN, RFC 7301).

    Raises OSError, ssl.SSLError (an OSError too), ValueError; no message holds anything of the key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    # A client can't make us compute at will (renegotiation), nor learn from lengths (compression, RFC 9325 3.3).
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(list(protocols))
    context.load_cert_chain(certificate, key, password="")
    shown = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    return ServerCertificate(names=_names(shown), expires=shown.not_valid_after_utc, context=context)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The DNS names; the common name says nothing since RFC 9525."""
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(name.lower() for name in alternatives.get_values_for_type(x509.DNSName))
