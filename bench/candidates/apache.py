"""Apache with mod_auth_openidc: sessions in Redis or in shared memory, and a real sign-in at the mock government.

Its policy asks for one of two claims, as its users write it; dates of rights are unknown to it.
"""

from __future__ import annotations

import grp
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.candidates.candidate import Running
from bench.needs import APACHE, APACHE_MODULES
from bench.ports import free_port
from bench.processes import PROXY_CORE, running
from bench.site import APPLICATION, Site
from bench.visitor import Visitor

_CLIENT = "bench-apache"
_SECRET = "only-for-measuring"  # of a client of the mock government, for the length of a run
_SCOPES = ("openid", "profile", "rrn", "vo", "vlaio_inkom")
_LOADED = ("mpm_event", "authz_core", "authn_core", "authz_user", "proxy", "proxy_http", "headers", "auth_openidc")
_LONG = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class ModAuthOpenidc:
    """`cache` is where it keeps sessions: "redis" or "shm"."""

    cache: str

    @property
    def name(self) -> str:
        return f"mod_auth_openidc_{self.cache}"

    @property
    def title(self) -> str:
        return f"Apache, mod_auth_openidc, {'Redis' if self.cache == 'redis' else 'shared memory'}"

    def absent(self) -> str | None:
        return None

    @contextmanager
    def start(self, site: Site) -> Iterator[Running]:
        room, port = site.room(self.name), free_port()
        log, client = room / "error.log", f"{_CLIENT}-{port}"
        site.register_client(_registration(client, port))
        file = room / "apache.conf"
        file.write_text("\n".join((*_server(str(room), port), *self._party(site, port, client), *_places(site))) + "\n")

        def ready() -> bool:
            return log.exists() and "resuming normal operations" in log.read_text(errors="replace")

        command = (str(APACHE), "-f", str(file), "-D", "FOREGROUND")
        with running(command, core=PROXY_CORE, log=room / "log", ready=ready) as group:
            visitor = Visitor()
            visitor.sign_in(f"http://localhost:{port}/{APPLICATION}/1k")
            visitor.close()
            token = visitor.cookies[f"localhost:{port}"]["mod_auth_openidc_session"]
            yield Running(
                name=self.name,
                port=port,
                groups=(group,),
                cookie=f"mod_auth_openidc_session={token}",
                identity="OIDC_CLAIM_sub",
            )

    def _party(self, site: Site, port: int, client: str) -> tuple[str, ...]:
        cache = (
            ("OIDCCacheType redis", f"OIDCRedisCacheServer 127.0.0.1:{site.redis('others').port}")
            if self.cache == "redis"
            else ("OIDCCacheType shm", "OIDCCacheShmMax 10000", "OIDCCacheShmEntrySizeMax 66065")
        )
        return (
            f"OIDCProviderMetadataURL http://localhost:{site.government()}/op/.well-known/openid-configuration",
            f"OIDCClientID {client}",
            f'OIDCClientSecret "{_SECRET}"',
            f"OIDCRedirectURI http://localhost:{port}/callback",
            "OIDCCryptoPassphrase only-for-measuring",
            f'OIDCScope "{" ".join(_SCOPES)}"',
            "OIDCPKCEMethod S256",
            "OIDCSessionType server-cache",
            f"OIDCSessionInactivityTimeout {_LONG}",
            f"OIDCSessionMaxDuration {_LONG}",
            "OIDCRemoteUserClaim sub",
            'OIDCClaimPrefix "OIDC_CLAIM_"',
            "OIDCPassClaimsAs headers",
            "OIDCStripCookies mod_auth_openidc_session",
            *cache,
        )


def _server(room: str, port: int) -> tuple[str, ...]:
    account = next((one for one in ("www-data", "nobody") if any(user.pw_name == one for user in pwd.getpwall())), "")
    return (
        f'ServerRoot "{room}"',
        f'DefaultRuntimeDir "{room}"',
        f'PidFile "{room}/apache.pid"',
        f'ErrorLog "{room}/error.log"',
        "LogLevel notice",
        "ServerName localhost",
        f"Listen 127.0.0.1:{port}",
        # A number of processes that stays: one that is ended for want of work closes its connections.
        *("ServerLimit 4", "StartServers 4", "ThreadsPerChild 25", "MaxRequestWorkers 100"),
        *("MinSpareThreads 1", "MaxSpareThreads 100"),
        "KeepAlive On",
        "MaxKeepAliveRequests 0",
        "KeepAliveTimeout 600",
        *((f"User {account}", f"Group {grp.getgrgid(pwd.getpwnam(account).pw_gid).gr_name}") if account else ()),
        *(f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so" for name in _LOADED),
    )


def _places(site: Site) -> tuple[str, ...]:
    return (
        '<Location "/">',
        "  AuthType openid-connect",
        "  <RequireAny>",
        '    Require claim "vlaio_inkom_rol_3d~^VLAIOInkomGebruikerNieuw-Gebruiker:"',
        '    Require claim "wettelijkvertegenwoordiger:true"',
        "  </RequireAny>",
        "</Location>",
        '<Location "/callback">',
        "  AuthType openid-connect",
        "  Require valid-user",
        "</Location>",
        'ProxyPass "/callback" "!"',
        f'ProxyPass "/" "http://127.0.0.1:{site.backend()}/"',
    )


def _registration(client: str, port: int) -> dict[str, object]:
    return {
        "client_id": client,
        "name": "Apache",
        "redirect_uris": [f"http://localhost:{port}/callback"],
        "client_secret": _SECRET,
        "scopes": list(_SCOPES),
        "organisation_choice": "acm",
    }
