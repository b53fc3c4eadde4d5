"""The files of certificates that the configuration names, read at the start: what is wrong with them is a problem."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from broker.config.backend_topics import BackendTls
from broker.config.certificates import CurrentTls, client_tls
from broker.documents import Document

_Tls = TypeVar("_Tls")


def backend_tls(tls: BackendTls, document: Document, *, near: Path, where: str) -> CurrentTls | None:
    """Return the context of connections to a backend, to be asked for each; None when a problem was noted."""
    files = [near / file if file else None for file in (tls.certificate_file, tls.key_file, tls.authorities_file)]
    if (tls.certificate_file is None) != (tls.key_file is None):
        return None
    return _read(
        lambda: CurrentTls(certificate=files[0], key=files[1], authorities=files[2]),
        document,
        place=f"{where}{'certificate_file' if tls.certificate_file else 'authorities_file'}",
    )


def provider_tls(
    certificate: str | None, key: str | None, authorities: str | None, document: Document, *, near: Path, where: str
) -> ssl.SSLContext | None:
    """Return the context that shows our certificate; None without any of the files, or when a problem was noted."""
    files = [near / file if file else None for file in (certificate, key, authorities)]
    if not any(files) or (certificate is None) != (key is None):
        return None
    return _read(
        lambda: client_tls(certificate=files[0], key=files[1], authorities=files[2]),
        document,
        place=f"{where}certificate_file" if certificate else f"{where}authorities_file",
    )


def _read(read: Callable[[], _Tls], document: Document, *, place: str) -> _Tls | None:
    """Return what was read from the files of a certificate; None when a problem was noted."""
    try:
        return read()
    except ssl.SSLError:
        document.wrong_at(
            place, "certificate, key and authorities are PEM; the key belongs to the certificate, unlocked"
        )
    except OSError as error:
        document.wrong_at(place, f"a file of the certificate cannot be read ({error.strerror})")
    return None
