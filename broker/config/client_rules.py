"""What belongs together in how the gateway proves itself to the OpenID Provider: keys, secrets, certificates."""

from __future__ import annotations

from broker.config.topics import Acm
from broker.documents import Document


def check_client(document: Document, acm: Acm, *, secret: str | None, keys: tuple[str, ...], where: str) -> None:
    """Note what is missing or too much; `secret` and `keys` are what was read, `where` is the topic's place."""
    named = bool(acm.private_key_file or acm.private_key_files)
    method = acm.client_authentication
    if acm.private_key_file is not None and acm.private_key_files:
        document.wrong_at(f"{where}.private_key_files", "give this or private_key_file, not both")
    if method == "private_key_jwt" and not keys and not named:
        document.wrong_at(f"{where}.private_key_file", "private_key_jwt needs a private key (`inkom keys client`)")
    if method in ("client_secret_basic", "client_secret_post") and secret is None:
        document.wrong_at(f"{where}.client_secret", f"{method} needs a secret")
    if acm.request in ("signed", "signed-and-pushed") and not keys and not named:
        document.wrong_at(f"{where}.request", "signed requests need a private key: private_key_file")
    _check_certificate(document, acm, where=where)


def _check_certificate(document: Document, acm: Acm, *, where: str) -> None:
    certificate, key = acm.tls_certificate_file, acm.tls_key_file
    if (certificate is None) != (key is None):
        missing = "tls_key_file" if key is None else "tls_certificate_file"
        document.wrong_at(f"{where}.{missing}", "a certificate and its key go together")
    if certificate is not None:
        return
    if acm.client_authentication in ("tls_client_auth", "self_signed_tls_client_auth"):
        document.wrong_at(f"{where}.tls_certificate_file", f"{acm.client_authentication} needs a certificate")
    elif acm.sender_constrained == "mtls":
        document.wrong_at(f"{where}.tls_certificate_file", "tokens bound by mutual TLS need a certificate")
