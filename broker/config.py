"""The gateway's settings: one frozen structure per topic, read from one YAML file and from the environment.

Every key can be overridden by an environment variable: `INKOM_` and the path in capitals, joined by underscores
(`INKOM_SESSIONS_REDIS`, `INKOM_APPLICATIONS_KMO_PORTEFEUILLE_UPSTREAM`); a secret also by `..._FILE`,
the path of a file that holds it. All problems are reported together, each with its place and what to write instead.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

import msgspec

from broker.documents import Document, Problem

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
Text = Annotated[str, msgspec.Meta(min_length=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class Listen(msgspec.Struct, frozen=True, kw_only=True):
    """Where the gateway listens. Whoever terminates TLS stands in front, or is added with `certificate`."""

    host: Text = "127.0.0.1"
    port: Port = 8000
    workers: Annotated[int, msgspec.Meta(ge=1)] = 1


class Operators(msgspec.Struct, frozen=True, kw_only=True):
    """Where metrics and operators' pages listen: loopback unless said otherwise."""

    host: Text = "127.0.0.1"
    port: Port = 8001


class Acm(msgspec.Struct, frozen=True, kw_only=True):
    """The OpenID Provider and how this client proves itself (acm-facts: discovery, client authentication).

    `acr` maps the provider's `acr` values to a sign-in method; the methods' levels are fixed (eIDAS).
    """

    issuer: Text
    client_id: Text
    client_authentication: Literal["private_key_jwt", "client_secret_basic", "client_secret_post"] = "private_key_jwt"
    client_secret: str | None = None
    client_secret_file: str | None = None
    private_key_file: str | None = None
    scopes: tuple[str, ...] = ("openid", "profile", "rrn", "vo", "wettelijkvertegenwoordiger", "vlaio_inkom")
    algorithms: tuple[Literal["RS256", "PS256", "ES256"], ...] = ("RS256", "PS256", "ES256")
    acr: dict[str, Literal["eid", "itsme", "federal-token", "app", "sms"]] = {}
    role_claim: Text = "vlaio_inkom_rol"
    national_number_claim: Text = "rrn"
    leeway: Seconds = 30
    time_limit: Seconds = 10


class Registers(msgspec.Struct, frozen=True, kw_only=True):
    """IDM and KBO. Facts are read anew when they are older than `facts_max_age` seconds."""

    idm: Text
    kbo: Text
    token: str | None = None
    token_file: str | None = None
    facts_max_age: Seconds = 300
    time_limit: Seconds = 5


class Sessions(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions in Redis. `secrets` are newest first: the first one signs and encrypts, the others are still read."""

    redis: Text
    secrets: tuple[str, ...] = ()
    secrets_file: str | None = None
    idle: Seconds = 1800
    absolute: Seconds = 28800


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """The audit log: one JSON line for each decision and event."""

    file: Text


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key in a file."""

    key_file: Text


class Disclosure(msgspec.Struct, frozen=True, kw_only=True):
    """Why an application may receive the national number: without purpose and legal basis it is never sent.

    Act of 8 August 1983 organising a National Register, article 8.
    """

    purpose: Text
    legal_basis: Text


class TimeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits in seconds for one application's backend."""

    connect: Seconds = 5
    first_byte: Seconds = 60
    idle: Seconds = 60


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """A protected application: it stands at `/<its id>/`, and is reached at `upstream`."""

    title: dict[str, str]
    upstream: Text
    max_body: Annotated[int, msgspec.Meta(gt=0)] = 100_000_000
    time_limits: TimeLimits = TimeLimits()
    national_number: Disclosure | None = None


class Development(msgspec.Struct, frozen=True, kw_only=True):
    """What only a demo or a test may use. `clock` is the mock government's clock, which moves the calendar day."""

    clock: str | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The whole configuration file."""

    public_url: Text
    listen: Listen = Listen()
    operators: Operators = Operators()
    acm: Acm
    registers: Registers
    sessions: Sessions
    policies: Text = "policies"
    audit: Audit
    assertion: Key
    pseudonym: Key
    applications: dict[str, Application]
    development: Development = Development()

    @property
    def secure(self) -> bool:
        """Whether browsers reach the gateway over https; only localhost may do without."""
        return self.public_url.startswith("https://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Secrets read from where the configuration points, with their problems already reported."""

    session_secrets: tuple[str, ...]
    register_token: str
    client_secret: str | None
    client_key: str | None
    assertion_key: str
    pseudonym_key: bytes

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
    if settings is None:
        raise ConfigurationInvalid(document.problems)
    _check(settings, document)
    secrets = _secrets(settings, document, near=path.parent)
    if secrets is None or document.problems:
        raise ConfigurationInvalid(document.problems)
    return settings, secrets


def _override(document: Document, environment: Mapping[str, str]) -> None:
    """Put values from the environment into the document, so that they are checked like all others."""
    known = {_variable(path): (path, kind) for path, kind in _paths(Settings, document, ())}
    for name in sorted(environment):
        if not name.startswith("INKOM_") or name.startswith(("INKOM_MOCK_", "INKOM_DEMO_")):
            continue
        if name not in known:
            document.wrong(document.root, f"the environment variable {name} names no setting")
            continue
        path, kind = known[name]
        is_list = get_origin(kind) is tuple
        value = re.findall(r"[^\s,\[\]]+", environment[name]) if is_list else environment[name]
        document.put(path, value, as_text=_is_text(kind))


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


def _check(settings: Settings, document: Document) -> None:
    public = urlsplit(settings.public_url)
    if public.scheme not in {"http", "https"} or not public.hostname or public.path not in {"", "/"} or public.query:
        document.wrong_at(
            "public_url", "write the address that browsers use, such as https://inkom.example, without a path"
        )
    elif public.scheme == "http" and public.hostname not in LOCAL_HOSTS:
        document.wrong_at("public_url", "plain http is accepted for localhost only; write https://")
    for path, address in (
        ("acm.issuer", settings.acm.issuer),
        ("registers.idm", settings.registers.idm),
        ("registers.kbo", settings.registers.kbo),
    ):
        _check_address(document, path, address, plain_http_anywhere=False)
    if settings.sessions.idle > settings.sessions.absolute:
        document.wrong_at("sessions.idle", "must not be longer than sessions.absolute")
    if not settings.applications:
        document.wrong_at("applications", "name at least one application")
    for name, application in settings.applications.items():
        _check_application(document, name, application)
    local = public.hostname in LOCAL_HOSTS
    if settings.development.clock is not None and not local:
        document.wrong_at("development.clock", "a movable clock is accepted on localhost only; remove it")


def _check_application(document: Document, name: str, application: Application) -> None:
    where = f"applications.{name}"
    plain = name.isascii() and name.replace("-", "").isalnum() and name == name.lower()
    if not plain or name.startswith("-"):
        document.wrong_at(where, "an application's id has lower-case letters, digits and hyphens, and is its path")
    missing = {"nl", "en"} - application.title.keys()
    if missing:
        document.wrong_at(f"{where}.title", f"needs a text for {' and '.join(sorted(missing))}")
    _check_address(document, f"{where}.upstream", application.upstream, plain_http_anywhere=True)


def _check_address(document: Document, path: str, address: str, *, plain_http_anywhere: bool) -> None:
    try:
        parts = urlsplit(address)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_right = urlsplit(""), False
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_right or parts.username:
        document.wrong_at(path, f"{address!r} is no http or https address")
    elif parts.query or parts.fragment or (plain_http_anywhere and parts.path not in {"", "/"}):
        document.wrong_at(path, "write scheme, host and port only, without a path")
    elif parts.hostname.startswith("169.254."):
        document.wrong_at(path, "link-local addresses are refused: cloud metadata services live there")
    elif parts.scheme == "http" and not plain_http_anywhere and parts.hostname not in LOCAL_HOSTS:
        document.wrong_at(path, "plain http is accepted for localhost only; write https://")


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

    acm, registers, sessions = settings.acm, settings.registers, settings.sessions
    listed = content("sessions.secrets_file", sessions.secrets_file)
    session_secrets = sessions.secrets or tuple((listed or "").split())
    if not session_secrets or any(len(secret) < 32 for secret in session_secrets):
        document.wrong_at(
            "sessions.secrets", "give at least one secret of 32 characters or more (`inkom keys session`)"
        )
    client_secret = acm.client_secret or content("acm.client_secret_file", acm.client_secret_file)
    client_key = content("acm.private_key_file", acm.private_key_file)
    if acm.client_authentication == "private_key_jwt" and client_key is None:
        document.wrong_at("acm.private_key_file", "private_key_jwt needs a private key (`inkom keys client`)")
    if acm.client_authentication != "private_key_jwt" and client_secret is None:
        document.wrong_at("acm.client_secret", f"{acm.client_authentication} needs a secret")
    token = registers.token or content("registers.token_file", registers.token_file)
    if token is None:
        document.wrong_at("registers.token", "the registers need a bearer token")
    assertion_key = content("assertion.key_file", settings.assertion.key_file)
    pseudonym_key = content("pseudonym.key_file", settings.pseudonym.key_file)
    if pseudonym_key is not None and len(pseudonym_key) < 32:
        document.wrong_at("pseudonym.key_file", "a pseudonym key has 32 characters or more (`inkom keys pseudonym`)")
    if document.problems or token is None or assertion_key is None or pseudonym_key is None:
        return None
    return Secrets(
        session_secrets=session_secrets,
        register_token=token,
        client_secret=client_secret,
        client_key=client_key,
        assertion_key=assertion_key,
        pseudonym_key=pseudonym_key.encode(),
    )
