"""The rules for `listen` that one value's type cannot express: certificates that can be used, networks that exist."""

from __future__ import annotations

import ssl
from ipaddress import ip_network
from pathlib import Path

from broker.config.certificates import server_tls
from broker.config.topics import Settings
from broker.documents import Document


def check_listen(document: Document, settings: Settings) -> None:
    """Note what is wrong in `listen`, except about the files of certificates."""
    listen, limits = settings.listen, settings.listen.limits
    if listen.tls is not None and not settings.secure:
        document.wrong_at("listen.tls", "with a certificate of its own the gateway's public_url begins with https://")
    if listen.http2 and listen.tls is None:
        document.wrong_at("listen.http2", "browsers speak HTTP/2 over TLS only; give listen.tls, or remove this")
    if limits.cookies > limits.headers:
        document.wrong_at("listen.limits.cookies", "is more than listen.limits.headers, of which cookies are a part")
    if listen.proxy_protocol is None:
        return
    if not listen.proxy_protocol.peers:
        document.wrong_at("listen.proxy_protocol.from", "name the networks of whoever stands in front")
    for network in listen.proxy_protocol.peers:
        problem = _problem_of(network)
        if problem is not None:
            document.wrong_at("listen.proxy_protocol.from", f"{network}: {problem}")


def check_certificates(document: Document, settings: Settings, *, near: Path) -> None:
    """Note which certificates cannot be shown. That one has expired is no reason not to start."""
    if settings.listen.tls is None:
        return
    for place, files in settings.listen.tls.all.items():
        where = f"listen.{place}.certificate"
        try:
            server_tls(certificate=near / files.certificate, key=near / files.key)
        except ssl.SSLError:
            document.wrong_at(
                where, "certificate and key are PEM; the key belongs to the first certificate, unlocked, not too weak"
            )
        except OSError as error:
            document.wrong_at(where, f"the certificate or its key cannot be read ({error.strerror})")
        except ValueError:
            document.wrong_at(where, f"{files.certificate} holds no certificate in PEM")


def _problem_of(network: str) -> str | None:
    try:
        found = ip_network(network)
    except ValueError:
        return "is no network; write such as 10.1.0.0/16 or 2001:db8::/32, without bits after the prefix"
    if found.prefixlen == 0:
        return "is everybody, who could then call themselves anybody; name only whoever stands in front"
    return None
