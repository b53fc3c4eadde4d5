"""A second door with TLS, where clients may show a certificate (RFC 8705). The same mock stands behind both.

uvicorn does not tell an application which certificate was shown; the protocol here adds it to the scope.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mock_idp.acm.certificates import SCOPE_KEY

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsDoor:
    """Where it is, and what it shows and asks for."""

    listener: socket.socket
    context: ssl.SSLContext


def tls_context(*, certificate: Path, key: Path, client_authorities: Path | None) -> ssl.SSLContext:
    """A certificate of the client is asked for and not demanded: not every endpoint needs it. Raises OSError.

    `client_authorities` also holds the self-signed certificates of clients, each its own authority.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if client_authorities is not None:
        context.load_verify_locations(client_authorities)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


async def open_door(door: TlsDoor, server: uvicorn.Server) -> None:
    """Let a server that has started serve there too, until it shuts down."""

    def protocol() -> asyncio.Protocol:
        return _CertificateProtocol(server.config, server.server_state, server.lifespan.state)

    loop = asyncio.get_running_loop()
    server.servers.append(await loop.create_server(protocol, sock=door.listener, ssl=door.context))


class _CertificateProtocol(HttpToolsProtocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True)
        inner = self.app

        async def with_certificate(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
            await inner(cast("Scope", {**scope, "extensions": {SCOPE_KEY: certificate}}), receive, send)

        self.app = cast("ASGI3Application", with_certificate)
