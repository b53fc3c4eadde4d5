"""The provider's metadata (OpenID Connect Discovery 1.0, RFC 8414), read and checked. No input or output.

Authlib takes what the document says; here the issuer must be ours, and every endpoint must be https on a host that we
allow, before anything is sent there.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from broker.adapters.oidc.settings import OidcSettings
from broker.adapters.wire import NotUnderstood, read_json

# Plain http never leaves the machine here, so that a demo and the tests need no certificates.
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The part of the metadata that the gateway uses, checked."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    names_itself_in_responses: bool


class _Document(msgspec.Struct):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    response_types_supported: list[str] | None = None
    code_challenge_methods_supported: list[str] | None = None
    id_token_signing_alg_values_supported: list[str] | None = None
    authorization_response_iss_parameter_supported: bool = False


def metadata_url(issuer: str) -> str:
    """Return where the metadata is: a final slash of the issuer is removed first (Discovery 4.1)."""
    return issuer.removesuffix("/") + "/.well-known/openid-configuration"


def read_metadata(text: bytes, settings: OidcSettings) -> Metadata:
    """Return the metadata, or say what is wrong with them. Raises NotUnderstood."""
    document = read_json(text, _Document)
    # Discovery 4.3: exactly the issuer that was asked, or another could answer for it.
    if document.issuer != settings.issuer:
        raise NotUnderstood("the metadata are another issuer's")
    if document.response_types_supported is not None and "code" not in document.response_types_supported:
        raise NotUnderstood("the provider does not offer response_type code")
    # RFC 9700 2.1.1: without the provider's word for it, nobody knows that PKCE protects anything.
    if settings.requires_advertised_s256 and "S256" not in (document.code_challenge_methods_supported or ()):
        raise NotUnderstood("the provider does not offer PKCE with S256")
    offered = document.id_token_signing_alg_values_supported
    if offered is not None and not set(offered) & set(settings.algorithms):
        raise NotUnderstood("the provider signs with none of the algorithms that are allowed")
    hosts = {_host(settings.issuer), *settings.allowed_hosts}
    for name, address in _addresses(document):
        _check_address(name, address, hosts)
    return Metadata(
        issuer=document.issuer,
        authorization_endpoint=document.authorization_endpoint,
        token_endpoint=document.token_endpoint,
        jwks_uri=document.jwks_uri,
        userinfo_endpoint=document.userinfo_endpoint or None,
        end_session_endpoint=document.end_session_endpoint or None,
        names_itself_in_responses=document.authorization_response_iss_parameter_supported,
    )


def check_issuer(issuer: str) -> None:
    """Refuse an issuer that is not https (save on localhost) or has a query or fragment (Core 2). Raises ValueError."""
    parts = urlsplit(issuer)
    if not _is_protected(issuer) or parts.query or parts.fragment:
        raise ValueError("the issuer must be an https address without query or fragment")


def _addresses(document: _Document) -> list[tuple[str, str]]:
    named = [
        ("authorization_endpoint", document.authorization_endpoint),
        ("token_endpoint", document.token_endpoint),
        ("jwks_uri", document.jwks_uri),
        ("userinfo_endpoint", document.userinfo_endpoint),
        ("end_session_endpoint", document.end_session_endpoint),
    ]
    return [(name, address) for name, address in named if address]


def _check_address(name: str, address: str, hosts: set[str]) -> None:
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
