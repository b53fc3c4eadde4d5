"""A client certificate as a TLS context: who we are towards whoever wants proof on the connection itself."""

from __future__ import annotations

import ssl
from pathlib import Path


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
