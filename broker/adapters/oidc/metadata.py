"""The provider's metadata (OpenID Connect Discovery 1.0, RFC 8414), read and checked. No input or output.

Nothing is taken on the word of the document alone: the issuer must be ours, and every endpoint must be https on a host
that we allow, before anything is sent there.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from broker.adapters.oidc.offers import Offers, check_offers
from broker.adapters.oidc.settings import OidcSettings
from broker.adapters.wire import NotUnderstood, read_json

# Plain http never leaves the machine here, so that a demo and the tests need no certificates.
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The part of the metadata that the gateway uses, checked.

    With mutual TLS, endpoints are the ones where the provider asks for a certificate. `assertion_audience` is the token
    endpoint by its ordinary name, whichever of the two is called.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    assertion_audience: str
    pushed_authorization_request_endpoint: str | None
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    names_itself_in_responses: bool
    revocation_endpoint: str | None = None


class _Aliases(msgspec.Struct):
    """Where the provider asks for a client certificate (RFC 8705 5)."""

    token_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    pushed_authorization_request_endpoint: str | None = None
    revocation_endpoint: str | None = None


class _Document(Offers, kw_only=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    revocation_endpoint: str | None = None
    authorization_response_iss_parameter_supported: bool = False
    mtls_endpoint_aliases: _Aliases | None = None


def metadata_url(issuer: str) -> str:
    """Return where the metadata is: a final slash of the issuer is removed first (Discovery 4.1)."""
    return issuer.removesuffix("/") + "/.well-known/openid-configuration"


def read_metadata(text: bytes, settings: OidcSettings) -> Metadata:
    """Return the metadata, or say what is wrong with them. Raises NotUnderstood."""
    document = read_json(text, _Document)
    # Discovery 4.3: exactly the issuer that was asked, or another could answer for it.
    if document.issuer != settings.issuer:
        raise NotUnderstood("the metadata are another issuer's")
    check_offers(document, settings)
    aliases = (document.mtls_endpoint_aliases if settings.uses_mutual_tls else None) or _Aliases()
    token_endpoint = aliases.token_endpoint or document.token_endpoint
    userinfo_endpoint = aliases.userinfo_endpoint or document.userinfo_endpoint or None
    pushed = aliases.pushed_authorization_request_endpoint or document.pushed_authorization_request_endpoint or None
    revocation = aliases.revocation_endpoint or document.revocation_endpoint or None
    hosts = {_host(settings.issuer), *settings.allowed_hosts}
    named = {
        "authorization_endpoint": document.authorization_endpoint,
        # Called or not: assertions are made for it, and must be of no use at another provider (RFC 7523 3).
        "token_endpoint": document.token_endpoint,
        "mtls_endpoint_aliases.token_endpoint": aliases.token_endpoint,
        "pushed_authorization_request_endpoint": pushed if settings.pushes_requests else None,
        "jwks_uri": document.jwks_uri,
        "userinfo_endpoint": userinfo_endpoint,
        "end_session_endpoint": document.end_session_endpoint,
        "revocation_endpoint": revocation,
    }
    for name, address in named.items():
        if address:
            check_address(name, address, hosts)
    if settings.uses_mutual_tls and not token_endpoint.startswith("https:"):
        raise NotUnderstood("token_endpoint is not https, so that no certificate can be shown there (RFC 8705)")
    return Metadata(
        issuer=document.issuer,
        authorization_endpoint=document.authorization_endpoint,
        token_endpoint=token_endpoint,
        assertion_audience=document.token_endpoint,
        pushed_authorization_request_endpoint=pushed if settings.pushes_requests else None,
        jwks_uri=document.jwks_uri,
        userinfo_endpoint=userinfo_endpoint,
        end_session_endpoint=document.end_session_endpoint or None,
        revocation_endpoint=revocation,
        names_itself_in_responses=document.authorization_response_iss_parameter_supported,
    )


def check_issuer(issuer: str) -> None:
    """Refuse an issuer that is not https (save on localhost) or has a query or fragment (Core 2). Raises ValueError."""
    parts = urlsplit(issuer)
    if not _is_protected(issuer) or parts.query or parts.fragment:
        raise ValueError("the issuer must be an https address without query or fragment")


def check_address(name: str, address: str, hosts: set[str]) -> None:
    """Refuse an address that is not https, or not on one of these hosts. Raises NotUnderstood."""
    # RFC 9700 2.6, Discovery 3: credentials and codes go to these addresses.
    if not _is_protected(address):
        raise NotUnderstood(f"{name} is not https")
    parts = urlsplit(address)
    if parts.fragment or parts.username is not None or parts.password is not None:
        raise NotUnderstood(f"{name} has a fragment or credentials in it")
    if _host(address) not in hosts:
        raise NotUnderstood(f"{name} is on a host that is not allowed")


def _is_protected(address: str) -> bool:
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises for a port that is no number
    except ValueError:
        return False
    if not parts.hostname or any(character <= " " or character == "\x7f" for character in address):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL_HOSTS)


def _host(address: str) -> str:
    return urlsplit(address).hostname or ""
