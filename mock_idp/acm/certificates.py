"""Certificates that clients show on the connection (RFC 8705): who they prove, and how tokens are bound to them.

The connection's own checks were made by TLS (`mock_idp.tls`): a certificate that arrives here came from one of the
authorities that the mock was told of, or is itself one of them.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode
from binascii import Error as Base64Error

from cryptography import x509
from starlette.requests import Request

from mock_idp.acm.clients import Client
from mock_idp.acm.keys import base64url

SCOPE_KEY = (
    "client_certificate"  # in the extensions of the ASGI scope: the certificate in DER, put there by mock_idp.tls
)


def certificate_of(request: Request) -> bytes | None:
    found = (request.scope.get("extensions") or {}).get(SCOPE_KEY)
    return found if isinstance(found, bytes) else None


def thumbprint_of(request: Request) -> str | None:
    """`x5t#S256` (RFC 8705 section 3.1)."""
    certificate = certificate_of(request)
    return None if certificate is None else base64url(hashlib.sha256(certificate).digest())


def proves(certificate: bytes, client: Client) -> bool:
    """Whether that certificate is this client's, by its name (section 2.1) or by its registered keys (section 2.2)."""
    if client.tls_client_auth_subject_dn is not None or client.tls_client_auth_san_dns is not None:
        return _is_named(x509.load_der_x509_certificate(certificate), client)
    return any(hmac.compare_digest(certificate, known) for known in _registered(client))


def _is_named(certificate: x509.Certificate, client: Client) -> bool:
    if certificate.issuer == certificate.subject:
        return False  # nobody but itself says so: that is the other method
    if client.tls_client_auth_subject_dn is not None:
        return certificate.subject == x509.Name.from_rfc4514_string(client.tls_client_auth_subject_dn)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    return client.tls_client_auth_san_dns in names.get_values_for_type(x509.DNSName)


def _registered(client: Client) -> list[bytes]:
    """The first certificate of each key's `x5c` (RFC 7517 section 4.7)."""
    keys = [] if client.jwks is None else client.jwks.keys
    chains = [key.get("x5c") for key in keys]
    try:
        return [b64decode(chain[0]) for chain in chains if isinstance(chain, list) and chain]
    except (Base64Error, TypeError):
        return []
