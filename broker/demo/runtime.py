"""The runtime directory of the demo: keys and secrets made on the first run and kept, files made anew on each run.

Everything is readable by its owner only. None of it is for production: docs/operators/running.md says how secrets are
made there.
"""

import base64
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import KeyParameters, KeySet, RSAKey

from broker.demo.options import Options

REDIS_USER = "inkom"
REDIS_KEYS = "inkom:*"
RSA_BITS = 2048  # RFC 7518 section 3.3 asks for 2048 or more with RS256


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Where things are."""

    directory: Path

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def keys(self) -> Path:
        return self.directory / "keys"

    @property
    def assertion_key(self) -> Path:
        return self.keys / "assertion.pem"

    @property
    def client_key(self) -> Path:
        return self.keys / "acm-client.pem"

    @property
    def session_secrets(self) -> Path:
        return self.keys / "session-secrets"

    @property
    def pseudonym_key(self) -> Path:
        return self.keys / "pseudonym.key"

    @property
    def register_token(self) -> Path:
        return self.keys / "register-token"

    @property
    def signals_token(self) -> Path:
        return self.keys / "signals-token"

    @property
    def redis_password(self) -> Path:
        return self.keys / "redis-password"

    @property
    def redis_users(self) -> Path:
        return self.directory / "redis" / "users.acl"

    @property
    def redis_configuration(self) -> Path:
        return self.directory / "redis" / "redis.conf"

    @property
    def client_jwks(self) -> Path:
        return self.directory / "mock" / "inkom-gateway.jwks.json"

    @property
    def mock_clients(self) -> Path:
        return self.directory / "mock" / "clients.yaml"

    @property
    def audit(self) -> Path:
        return self.directory / "audit.jsonl"

    @property
    def registrations(self) -> Path:
        return self.directory / "registrations.db"

    @property
    def registrations_csv(self) -> Path:
        return self.directory / "registrations.csv"


def prepare(options: Options) -> Runtime:
    """Make what is missing; keys that exist are kept, so that a restart does not change the pseudonyms."""
    runtime = Runtime(directory=options.directory)
    files = (runtime.assertion_key, runtime.redis_users, runtime.mock_clients)
    for directory in (runtime.directory, runtime.logs, *(file.parent for file in files)):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
    _keep(runtime.assertion_key, _ec_private_key)
    _keep(runtime.client_key, _rsa_private_key)
    for secret in _secret_files(runtime):
        _keep(secret, _secret_line)
    write_private(runtime.redis_users, _redis_users(runtime).encode())
    write_private(runtime.redis_configuration, _redis_configuration(options, runtime).encode())
    write_private(runtime.client_jwks, _public_keys(runtime).encode())
    write_private(runtime.mock_clients, _mock_clients(options, runtime).encode())
    return runtime


def _secret_files(runtime: Runtime) -> tuple[Path, ...]:
    return (
        runtime.session_secrets,
        runtime.pseudonym_key,
        runtime.register_token,
        runtime.signals_token,
        runtime.redis_password,
    )


def read_secret(path: Path) -> str:
    return path.read_text().strip()


def _keep(path: Path, make: Callable[[], bytes]) -> None:
    if not path.exists():
        write_private(path, make())


def write_private(path: Path, content: bytes) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    unfinished.replace(path)


def _ec_private_key() -> bytes:
    return _pem(ec.generate_private_key(ec.SECP256R1()))  # ES256, RFC 7518 section 3.4


def _rsa_private_key() -> bytes:
    return _pem(rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS))


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _secret_line() -> bytes:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=") + b"\n"


def _redis_users(runtime: Runtime) -> str:
    """One user, for the gateway's own keys only; the user without a password is switched off.

    https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/
    """
    password = read_secret(runtime.redis_password)
    allowed = f"resetchannels ~{REDIS_KEYS} &{REDIS_KEYS} +@all -@dangerous +info"
    return f"user default off\nuser {REDIS_USER} on >{password} {allowed}\n"


def _redis_configuration(options: Options, runtime: Runtime) -> str:
    """Loopback, and nothing kept on disk: sessions of the demo end with the demo."""
    lines = (
        "bind 127.0.0.1",
        f"port {options.redis_port}",
        f'aclfile "{runtime.redis_users}"',
        f'dir "{runtime.redis_users.parent}"',
        'save ""',
        "appendonly no",
    )
    return "\n".join(lines) + "\n"


def _public_keys(runtime: Runtime) -> str:
    """What ACM gets from us in the integratiedossier: the public half of the key that signs our client assertions."""
    parameters: KeyParameters = {"use": "sig", "alg": "RS256"}
    key = RSAKey.import_key(runtime.client_key.read_text(), parameters)
    return json.dumps(KeySet([key]).as_dict(private=False))


def _mock_clients(options: Options, runtime: Runtime) -> str:
    """The relying parties of the mock ACM, in the form of mock_idp/clients.yaml; JSON is YAML too."""
    gateway = f"http://localhost:{options.gateway_port}/_inkom"
    inkom = {
        "client_id": "inkom-gateway",
        "name": "INKOM",
        "redirect_uris": [f"{gateway}/callback"],
        "post_logout_redirect_uris": [f"{gateway}/logged-out", f"{gateway}/login"],
        "backchannel_logout_uri": f"{gateway}/backchannel-logout",
        "jwks_file": runtime.client_jwks.name,
        "scopes": ["openid", "profile", "rrn", "vo", "wettelijkvertegenwoordiger", "vlaio_inkom"],
        "organisation_choice": "gateway",
        "signals_uri": f"{gateway}/signals",
        "signals_audience": f"http://localhost:{options.gateway_port}",
        "signals_token": read_secret(runtime.signals_token),
    }
    return json.dumps({"clients": [inkom]}, indent=2) + "\n"
