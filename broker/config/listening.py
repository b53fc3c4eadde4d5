"""What can be set about listening: address, workers, TLS, the PROXY protocol, and limits for clients.

docs/operators/listening.md explains each key; `listen_rules` checks what a type alone cannot express.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from broker.config.kinds import Port, Text

Wait = Annotated[float, msgspec.Meta(gt=0, le=3600)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Octets = Annotated[int, msgspec.Meta(ge=256, le=1_048_576)]


class CertificateFiles(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A certificate, its chain after it, and its private key: files in PEM, the key without a password."""

    certificate: Text
    key: Text


class Tls(CertificateFiles, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The certificates that the gateway shows: this one, or of `more` the one that has the name a client asks for."""

    more: dict[str, CertificateFiles] = {}

    @property
    def all(self) -> dict[str, CertificateFiles]:
        """All of them by their place below `listen`, the ordinary one first."""
        return {"tls": self, **{f"tls.more.{name}": files for name, files in self.more.items()}}


class ProxyProtocol(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who stands in front and says in a PROXY header (version 2) whose connection it passes on.

    `peers`, in the file `from`, are networks such as 10.1.0.0/16. From them nothing else is taken; from others no
    header is. `time_limit` is for the whole header.
    """

    peers: tuple[Text, ...] = msgspec.field(name="from")
    time_limit: Wait = 3


class ListenLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits for clients: seconds, bytes and numbers; `connections` are those of one worker.

    `connections_per_address` counts an IPv6 client by its /64, and does not count at all when it is not set.
    """

    connections: Count = 10_000
    connections_per_address: Count | None = None
    keep_alive: Wait = 75
    requests: Count = 1000
    pipelined: Annotated[int, msgspec.Meta(ge=1, le=100)] = 8
    head_time: Wait = 10
    body_time: Wait = 20
    body_floor: Annotated[int, msgspec.Meta(ge=1, le=1_048_576)] = 512
    reader_time: Wait = 60
    linger: Annotated[float, msgspec.Meta(gt=0, le=60)] = 2
    swallow: Annotated[int, msgspec.Meta(ge=0, le=16_777_216)] = 262_144
    target: Octets = 8192
    headers: Octets = 32_768
    fields: Annotated[int, msgspec.Meta(ge=10, le=1000)] = 100
    cookies: Octets = 16_384


class Listen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the gateway listens, in how many processes, and how. Without `tls` somebody in front terminates TLS.

    Without `workers` there is one for each core. `fast_path`: requests whose decision stands pass below ASGI.
    """

    host: Text = "127.0.0.1"
    port: Port = 8000
    workers: Annotated[int, msgspec.Meta(ge=1, le=256)] | None = None
    fast_path: bool = True
    tls: Tls | None = None
    http2: bool = False
    proxy_protocol: ProxyProtocol | None = None
    limits: ListenLimits = ListenLimits()
