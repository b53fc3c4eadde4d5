"""Debian's Apache with mod_auth_openidc, as a process of its own in front of a backend that tells what it received.

Never the machine's own service: configuration, logs and run-time files all are in the test's folder.
"""

from __future__ import annotations

import grp
import json
import pwd
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.conformance.browser import Browser
from tests.conformance.keys import KeyPair
from tests.conformance.processes import running

PROGRAM = Path("/usr/sbin/apache2")
MODULES = Path("/usr/lib/apache2/modules")
CLIENT_ID = "foreign-apache"
CLIENT_SECRET = "apache's own secret: 100% of it"
SCOPES = ("openid", "profile", "rrn", "vo", "vlaio_inkom", "offline_access")
_LOADED = ("mpm_event", "authz_core", "authn_core", "authz_user", "proxy", "proxy_http", "auth_openidc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Apache:
    """`origin` has no final slash. Everything below it but `/public/` needs somebody who signed in."""

    origin: str
    error_log: Path

    @property
    def callback(self) -> str:
        return f"{self.origin}/callback"

    @property
    def account(self) -> str:
        return f"{self.origin}/account"

    @property
    def logged_out(self) -> str:
        return f"{self.origin}/public/logged-out"

    def log(self) -> str:
        return self.error_log.read_text(errors="replace")

    def registration(self, **more: object) -> dict[str, object]:
        """What the mock has to know of this client; None leaves something out."""
        entry: dict[str, object] = {
            "client_id": CLIENT_ID,
            "name": "Apache",
            "redirect_uris": [self.callback],
            "post_logout_redirect_uris": [self.logged_out],
            "client_secret": CLIENT_SECRET,
            "scopes": list(SCOPES),
            "organisation_choice": "acm",
            "backchannel_logout_uri": f"{self.callback}?logout=backchannel",
            **more,
        }
        return {name: value for name, value in entry.items() if value is not None}

    def claims(self, browser: Browser) -> dict[str, str] | None:
        """The claims that reach the backend for this browser; None when Apache sends it to sign in."""
        answer = browser.get(self.account)
        if answer.is_redirect:
            return None
        assert answer.status_code == 200, f"{answer.status_code}\n{self.log()[-3000:]}"
        return claims_in(answer.text)


def access_token_in(page: str) -> str:
    """The access token that Apache hands to the backend."""
    headers: dict[str, str] = json.loads(page)
    return headers["OIDC_access_token"]


def claims_in(page: str) -> dict[str, str]:
    """The claims among the headers that the backend tells of."""
    headers: dict[str, str] = json.loads(page)
    prefix = "OIDC_CLAIM_"
    return {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}


@contextmanager
def apache(folder: Path, *, issuer: str, port: int, directives: tuple[str, ...] = ()) -> Iterator[Apache]:
    """Run Apache on that port for the length of a block; `directives` come on top of the ordinary ones."""
    with _telling_backend() as backend:
        configuration = folder / "apache.conf"
        error_log = folder / "apache-error.log"
        lines = (*_server(folder, port), *_relying_party(issuer, port), *directives, *_places(backend))
        configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")
        here = Apache(origin=f"http://localhost:{port}", error_log=error_log)
        command = (str(PROGRAM), "-f", str(configuration), "-D", "FOREGROUND")

        def ready() -> bool:
            return error_log.exists() and "resuming normal operations" in error_log.read_text(errors="replace")

        with running(command, log=folder / "apache.log", ready=ready):
            yield here


def private_key_jwt(pair: KeyPair) -> tuple[str, ...]:
    """The directives for a client that proves itself by a key."""
    return (
        # The module knows the word private_key_jwt only once it has a key, and needs the public half beside it.
        f'OIDCPrivateKeyFiles "{pair.key_id}#{pair.file}"',
        f'OIDCPublicKeyFiles "{pair.key_id}#{pair.public_file}"',
        "OIDCProviderTokenEndpointAuth private_key_jwt",
    )


def _server(folder: Path, port: int) -> tuple[str, ...]:
    return (
        f'ServerRoot "{folder}"',
        f'DefaultRuntimeDir "{folder}"',
        f'PidFile "{folder}/apache.pid"',
        f'ErrorLog "{folder}/apache-error.log"',
        "LogLevel notice auth_openidc:info",
        "ServerName localhost",
        f"Listen 127.0.0.1:{port}",
        "StartServers 1",
        *_unprivileged(),
        *(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in _LOADED),
    )


def _unprivileged() -> tuple[str, ...]:
    """Whom Apache becomes when root starts it; anybody else stays who they are."""
    account = next((one for one in ("www-data", "nobody") if _exists(one)), "daemon")
    return (f"User {account}", f"Group {grp.getgrgid(pwd.getpwnam(account).pw_gid).gr_name}")


def _exists(account: str) -> bool:
    return any(one.pw_name == account for one in pwd.getpwall())


def _relying_party(issuer: str, port: int) -> tuple[str, ...]:
    return (
        f"OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration",
        f"OIDCClientID {CLIENT_ID}",
        f'OIDCClientSecret "{CLIENT_SECRET}"',
        f"OIDCRedirectURI http://localhost:{port}/callback",
        "OIDCCryptoPassphrase only-for-this-test",
        f'OIDCScope "{" ".join(SCOPES)}"',
        "OIDCPKCEMethod S256",
        "OIDCSessionType server-cache",
        "OIDCRemoteUserClaim sub",
        'OIDCClaimPrefix "OIDC_CLAIM_"',
        "OIDCPassClaimsAs headers",
    )


def _places(backend: str) -> tuple[str, ...]:
    return (
        '<Location "/">',
        "  AuthType openid-connect",
        "  Require valid-user",
        "</Location>",
        '<Location "/public/">',
        "  AuthType none",
        "  Require all granted",
        "</Location>",
        'ProxyPass "/callback" "!"',
        f'ProxyPass "/" "{backend}/"',
    )


@contextmanager
def _telling_backend() -> Iterator[str]:
    """A backend that answers with the headers it received, as JSON; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _TellingBackend)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _TellingBackend(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        told = json.dumps(dict(self.headers.items())).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads this server's log."""
