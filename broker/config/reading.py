"""The gateway's settings: one frozen structure per topic, read from one YAML file and from the environment.

Every key can be overridden by an environment variable: `INKOM_` and the path in capitals, joined by underscores
(`INKOM_SESSIONS_REDIS`, `INKOM_APPLICATIONS_KMO_PORTEFEUILLE_UPSTREAM`); a secret also by `..._FILE`,
the path of a file that holds it. All problems are reported together, each with its place and what to write instead.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from broker.config.certificates import CurrentTls
from broker.config.client_rules import check_client
from broker.config.listen_rules import check_certificates
from broker.config.rules import check, check_database
from broker.config.tls_files import backend_tls, provider_tls
from broker.config.topics import DEFAULT_DATABASE, Acm, Introspection, Settings
from broker.documents import Document, Problem
from broker.domain.session import FIRST_PROVIDER


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecrets:
    """With what the gateway proves itself to one provider; of the keys the first signs."""

    secret: str | None
    keys: tuple[str, ...]
    tls: ssl.SSLContext | None

    def __repr__(self) -> str:
        """Masked."""
        return "ClientSecrets(***)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Secrets read from where the configuration points, with their problems already reported."""

    session_secrets: tuple[str, ...]
    register_token: str | None
    magda_tls: ssl.SSLContext | None
    clients: Mapping[str, ClientSecrets]
    assertion_key: str
    pseudonym_key: bytes
    signals_token: str | None
    signals_access_token: str | None
    introspection_secrets: Mapping[str, str]
    backend_tls: Mapping[str, CurrentTls]
    database: str

    @property
    def client_secret(self) -> str | None:
        """The secret for ACM."""
        return self.clients[FIRST_PROVIDER].secret

    @property
    def acm_tls(self) -> ssl.SSLContext | None:
        """The context of connections to ACM, where it is no ordinary one."""
        return self.clients[FIRST_PROVIDER].tls

    @property
    def client_keys(self) -> tuple[str, ...]:
        """The private keys for all providers, each once and ACM's first."""
        return tuple(dict.fromkeys(key for client in self.clients.values() for key in client.keys))

    def __repr__(self) -> str:
        """Masked."""
        return "Secrets(***)"


class ConfigurationInvalid(Exception):
    """The configuration cannot be used; `problems` says all of what is wrong."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def load(path: Path, environment: Mapping[str, str] | None = None) -> tuple[Settings, Secrets]:
    """Read settings and secrets. Raises ConfigurationInvalid with every problem found."""
    document = Document.read(path)
    if document.root is not None:
        _override(document, os.environ if environment is None else environment)
    settings = document.into(Settings)
    check(document, settings)
    if settings is None:
        raise ConfigurationInvalid(document.problems)
    secrets = _secrets(settings, document, near=path.parent)
    if secrets is None or document.problems:
        raise ConfigurationInvalid(document.problems)
    return settings, secrets


def _override(document: Document, environment: Mapping[str, str]) -> None:
    """Put values from the environment into the document, so that they are checked like all others."""
    ours = [
        name
        for name in sorted(environment)
        if name.startswith("INKOM_") and not name.startswith(("INKOM_MOCK_", "INKOM_DEMO_"))
    ]
    # With ten thousand applications the list of all settings takes longer than all else; mostly nobody needs it.
    known = {_variable(path): (path, kind) for path, kind in _paths(Settings, document, ())} if ours else {}
    for name in ours:
        if name not in known:
            document.wrong(document.root, f"the environment variable {name} names no setting")
            continue
        path, kind = known[name]
        document.put(path, _listed(environment[name], kind), as_text=_is_text(kind))


def _listed(value: str, kind: Any) -> str | list[str]:
    """Return the words of a value that is a list. Where a list or one value may stand, several words are a list."""
    if get_origin(kind) is tuple:
        return re.findall(r"[^\s,\[\]]+", value)
    if not any(get_origin(one) is tuple for one in get_args(kind)):
        return value
    # Not every bracket ends a list: http://[::1]:9101
    bare = value.strip()
    words = re.split(r"[\s,]+", bare[1:-1].strip() if bare.startswith("[") and bare.endswith("]") else bare)
    return words if len(words) > 1 else value


def _variable(path: tuple[str, ...]) -> str:
    return "_".join(("INKOM", *path)).upper().replace("-", "_")


def _paths(
    topic: type[msgspec.Struct], document: Document, above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every setting that there is or could be, with its type; the keys of a mapping are those in the file."""
    for field in msgspec.structs.fields(topic):
        inner, path = _inner(field.type), (*above, field.encode_name)
        if get_origin(field.type) is dict:
            for key in document.keys(path):
                below = (*path, key)
                yield from _paths(inner, document, below) if inner else [(below, get_args(field.type)[1])]
        elif inner is None:
            yield path, field.type
        else:
            yield from _paths(inner, document, path)


def _is_text(kind: Any) -> bool:
    """Whether a setting of this type is text, so that a secret of digits or a `no` is taken as it stands."""
    return kind is str or any(_is_text(one) for one in get_args(kind)) or get_origin(kind) is Literal


def _inner(kind: Any) -> type[msgspec.Struct] | None:
    """Return the Struct that a field's type is made of, if it is one."""
    for one in (kind, *get_args(kind)):
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            return one
    return None


def _secrets(settings: Settings, document: Document, *, near: Path) -> Secrets | None:
    def content(path: str, file: str | None) -> str | None:
        if file is None:
            return None
        try:
            text = (near / file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            document.wrong_at(path, f"{file} cannot be read ({getattr(error, 'strerror', None) or 'not text'})")
            return None
        if not text:
            document.wrong_at(path, f"{file} is empty")
        return text or None

    registers, sessions = settings.registers, settings.sessions
    listed = content("sessions.secrets_file", sessions.secrets_file)
    session_secrets = sessions.secrets or tuple((listed or "").split())
    if not session_secrets or any(len(secret) < 32 for secret in session_secrets):
        document.wrong_at(
            "sessions.secrets", "give at least one secret of 32 characters or more (`inkom keys session`)"
        )
    clients = {
        name: _client_secrets(provider, document, content, near=near, where=settings.place_of(name))
        for name, provider in settings.all_providers.items()
    }
    token = registers.token or content("registers.token_file", registers.token_file)
    if token is None and registers.source == "registers":
        document.wrong_at("registers.token", "the registers need a bearer token")
    magda = registers.magda
    magda_tls = None
    if magda is not None and magda.certificate_file is not None and magda.key_file is not None:
        files = (magda.certificate_file, magda.key_file, magda.authorities_file)
        magda_tls = provider_tls(*files, document, near=near, where="registers.magda.")
    assertion_key = content("assertion.key_file", settings.assertion.key_file)
    pseudonym_key = content("pseudonym.key_file", settings.pseudonym.key_file)
    if pseudonym_key is not None and len(pseudonym_key) < 32:
        document.wrong_at("pseudonym.key_file", "a pseudonym key has 32 characters or more (`inkom keys pseudonym`)")
    signals = settings.signals
    signals_token = signals_access_token = None
    if signals is not None:
        signals_token = signals.token or content("signals.token_file", signals.token_file)
        signals_access_token = signals.access_token or content("signals.access_token_file", signals.access_token_file)
    introspection_secrets = {
        name: secret
        for name, asking in _introspections(settings)
        if (secret := _introspection_secret(name, asking, document, content)) is not None
    }
    to_backends = {
        name: tls
        for name, application in settings.applications.items()
        if application.tls is not None
        and (tls := backend_tls(application.tls, document, near=near, where=f"applications.{name}.tls.")) is not None
    }
    registrations = settings.registrations
    if registrations.database is not None and registrations.database_file is not None:
        document.wrong_at("registrations.database_file", "give this or registrations.database, not both")
    check_database(document, registrations.database, path="registrations.database")
    database = content("registrations.database_file", registrations.database_file)
    check_database(document, database, path="registrations.database_file")
    check_certificates(document, settings, near=near)
    if document.problems or assertion_key is None or pseudonym_key is None:
        return None
    return Secrets(
        session_secrets=session_secrets,
        register_token=token,
        magda_tls=magda_tls,
        clients=clients,
        assertion_key=assertion_key,
        pseudonym_key=pseudonym_key.encode(),
        signals_token=signals_token,
        signals_access_token=signals_access_token,
        introspection_secrets=introspection_secrets,
        backend_tls=to_backends,
        database=registrations.database or database or DEFAULT_DATABASE,
    )


def _client_secrets(
    acm: Acm, document: Document, content: Callable[[str, str | None], str | None], *, near: Path, where: str
) -> ClientSecrets:
    """Return what proves us to one provider, whose topic is at `where`."""
    secret = acm.client_secret or content(f"{where}.client_secret_file", acm.client_secret_file)
    if acm.private_key_file is not None:
        found = [content(f"{where}.private_key_file", acm.private_key_file)]
    else:
        found = [content(f"{where}.private_key_files", file) for file in acm.private_key_files]
    keys = tuple(key for key in found if key is not None)
    check_client(document, acm, secret=secret, keys=keys, where=where)
    files = (acm.tls_certificate_file, acm.tls_key_file, acm.tls_authorities_file)
    return ClientSecrets(secret=secret, keys=keys, tls=provider_tls(*files, document, near=near, where=f"{where}.tls_"))


def _introspections(settings: Settings) -> Iterator[tuple[str, Introspection]]:
    for name, application in settings.applications.items():
        if application.api is not None and application.api.introspection is not None:
            yield name, application.api.introspection


def _introspection_secret(
    name: str, asking: Introspection, document: Document, content: Callable[[str, str | None], str | None]
) -> str | None:
    """An endpoint that answers anybody would tell everybody what tokens say (RFC 7662, section 4)."""
    where = f"applications.{name}.api.introspection"
    secret = asking.client_secret or content(f"{where}.client_secret_file", asking.client_secret_file)
    if secret is None or not secret.isascii():
        document.wrong_at(f"{where}.client_secret", "introspection needs a secret of ASCII characters")
    return secret
