"""What the mock government is told at start: where it stands, which files it reads, which token the registers want."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mock_idp.given_client import GivenClient
from mock_idp.mail.settings import MailSettings

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`origin` is the public address, without a slash at the end; the issuer is `{origin}/op` as with ACM.

    `tls_origin` is the address where clients may show a certificate (RFC 8705), if there is one.
    """

    host: str = "127.0.0.1"
    port: int = 9000
    origin: str = "http://localhost:9000"
    tls_origin: str | None = None
    clients_file: Path = HERE / "clients.yaml"
    given_clients: tuple[GivenClient, ...] = ()
    world_file: Path = HERE / "world.yaml"
    register_token: str = "demo-register-token"
    database: Path | None = None
    log_level: str = "info"
    kbo_working_days: int = 5
    mail: MailSettings = field(default_factory=MailSettings)

    @property
    def issuer(self) -> str:
        return f"{self.origin}/op"
