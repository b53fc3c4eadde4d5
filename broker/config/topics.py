"""What can be set: one frozen structure per topic, with its defaults. docs/operators/running.md explains each key."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from broker.config.backend_topics import (
    BackendPath,
    BackendTls,
    Breaker,
    Ejection,
    FieldChanges,
    Health,
    TimeLimits,
)
from broker.config.kinds import Port, Seconds, Text
from broker.config.listening import Listen
from broker.domain.session import FIRST_PROVIDER

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
DEFAULT_DATABASE = "sqlite:///state/registrations.db"
ClientAuthentication = Literal[
    "private_key_jwt", "client_secret_basic", "client_secret_post", "tls_client_auth", "self_signed_tls_client_auth"
]


class Operators(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where metrics and operators' pages listen: loopback unless said otherwise."""

    host: Text = "127.0.0.1"
    port: Port = 8001


def _acm_title() -> dict[str, str]:
    return {"nl": "Vlaamse overheid (ACM/IDM)", "en": "Flemish government (ACM/IDM)"}


class Acm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The OpenID Provider and how this client proves itself (ACM, "Discovery URL" and "Aanvraag access token").

    `title` stands on the page where a person chooses among several providers. `private_key_files` holds several keys:
    the first signs, all are published. `request` is how the authorization request travels: plainly, as a signed object
    (RFC 9101), pushed (RFC 9126), or both. `sender_constrained` binds access tokens to a key of the sign-in (DPoP, RFC
    9449) or to the certificate (RFC 8705). `acr` maps the provider's `acr` values to a sign-in method; the methods'
    levels are fixed (eIDAS).
    """

    title: dict[str, str] = msgspec.field(default_factory=_acm_title)
    issuer: Text
    client_id: Text
    client_authentication: ClientAuthentication = "private_key_jwt"
    client_secret: str | None = None
    client_secret_file: str | None = None
    private_key_file: str | None = None
    private_key_files: tuple[str, ...] = ()
    assertion_audience: Literal["token-endpoint", "issuer"] = "token-endpoint"
    request: Literal["plain", "signed", "pushed", "signed-and-pushed"] = "plain"
    sender_constrained: Literal["none", "dpop", "mtls"] = "none"
    tls_certificate_file: str | None = None
    tls_key_file: str | None = None
    tls_authorities_file: str | None = None
    scopes: tuple[str, ...] = ("openid", "profile", "rrn", "vo", "wettelijkvertegenwoordiger", "vlaio_inkom")
    algorithms: tuple[Literal["RS256", "PS256", "ES256"], ...] = ("RS256", "PS256", "ES256")
    acr: dict[str, Literal["eid", "itsme", "federal-token", "app", "sms"]] = {}
    role_claim: Text = "vlaio_inkom_rol"
    national_number_claim: Text = "rrn"
    front_channel_logout: bool = False
    refresh: bool = False
    leeway: Annotated[float, msgspec.Meta(gt=0, le=60)] = 30
    time_limit: Seconds = 10
    response_mode: Literal["query", "form_post"] = "query"


class Provider(Acm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another OpenID Provider beside ACM, such as its test environment: the same keys, and a title of its own.

    It must give a national number too: by that, and nothing else, registers know a person.
    """

    title: dict[str, str]


class Magda(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """KBO by way of MAGDA: the services GeefFuncties and GeefOnderneming 02.00, and who we are there.

    `sender` is the Identificatie of MAGDA's Afzender, `capacity` its Hoedanigheid; the certificate proves it.
    """

    functions: Text
    enterprise: Text
    sender: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    capacity: str | None = None
    recipient: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    authorities_file: str | None = None


def _rights() -> dict[str, str]:
    return {"VLAIOInkomGebruikerNieuw": "VLAIO Inkom Gebruiker Nieuw"}


def _profiles() -> dict[str, str]:
    return {"Gebruiker": "Gebruiker", "DienstverlenerKmoPortefeuille": "Dienstverlener kmo-portefeuille"}


class Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which rights and profiles the codes in ACM's role claim stand for; a code that is not here opens nothing."""

    rights: dict[str, Text] = msgspec.field(default_factory=_rights)
    profiles: dict[str, Text] = msgspec.field(default_factory=_profiles)


class Registers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where facts about people come from: IDM and KBO, the latter as JSON (`kbo`) or by way of MAGDA (`magda`).

    With source `claims` no register is asked, and what ACM says holds for the life of its ID Token. Facts of registers
    are read anew when they are older than `facts_max_age` seconds.
    """

    source: Literal["registers", "claims"] = "registers"
    idm: Text | None = None
    kbo: Text | None = None
    magda: Magda | None = None
    claims: Claims = Claims()
    token: str | None = None
    token_file: str | None = None
    facts_max_age: Seconds = 300
    time_limit: Seconds = 5


class Sessions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sessions in Redis. `secrets` are newest first: the first one signs and encrypts, the others are still read.

    `parked_body` is the size in bytes up to which a form that came too late is kept for its sender; 0 keeps none.
    """

    redis: Text
    secrets: tuple[str, ...] = ()
    secrets_file: str | None = None
    idle: Seconds = 1800
    absolute: Seconds = 28800
    parked_body: Annotated[int, msgspec.Meta(ge=0, le=16_000_000)] = 262_144


class Poll(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where events are fetched (RFC 8936), how many at once, and how long one question may wait for an answer."""

    endpoint: Text
    max_events: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    time_limit: Seconds = 90


class Signals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The transmitter of Shared Signals that is believed (RFC 8935 push, RFC 8936 poll, CAEP 1.0).

    `issuer` and its keys are ACM's unless said otherwise; `audience`, how the transmitter names us, is `public_url`.
    `token` is what the transmitter shows us; `access_token` what we show it, to poll and to manage our stream.
    """

    issuer: str | None = None
    jwks_uri: str | None = None
    audience: str | None = None
    algorithms: tuple[Literal["RS256", "PS256", "ES256"], ...] = ("RS256",)
    token: str | None = None
    token_file: str | None = None
    access_token: str | None = None
    access_token_file: str | None = None
    poll: Poll | None = None


class Registrations(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The database of registrations on INKOM: `sqlite:///PATH` or `postgresql://…`, or a file that holds this address.

    Without both: `sqlite:///state/registrations.db`, as `DEFAULT_DATABASE` says.
    """

    database: str | None = None
    database_file: str | None = None


class Audit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The audit log: one JSON line for each decision and event."""

    file: Text


class Key(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key in a file."""

    key_file: Text


class Disclosure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why an application may receive the national number: without purpose and legal basis it is never sent.

    Act of 8 August 1983 organising a National Register, article 8.
    """

    purpose: Text
    legal_basis: Text


class Introspection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the provider says what a token means (RFC 7662), and as whom we ask. `cached`: while an answer counts."""

    endpoint: Text
    client_id: Text
    client_secret: str | None = None
    client_secret_file: str | None = None
    cached: Annotated[float, msgspec.Meta(gt=0, le=300)] = 30


class Api(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Programs that come to an application with an access token of their own (RFC 6750); without it none may.

    Tokens are JWTs, signed by a key at `jwks_uri` (else where the issuer's discovery says), unless there is
    `introspection`. `audience` and `scopes` are what each must have; `max_lifetime` is from issue to end.
    """

    issuer: Text
    audience: Text
    scopes: tuple[Text, ...]
    jwks_uri: str | None = None
    introspection: Introspection | None = None
    algorithms: tuple[Literal["RS256", "PS256", "ES256"], ...] = ("RS256", "PS256", "ES256")
    token_types: tuple[Literal["at+jwt", "JWT"], ...] = ("at+jwt",)
    organisation_claim: Text = "vo_orgcode"
    role_claim: Text = "vlaio_inkom_rol"
    max_lifetime: Seconds = 3600
    dpop_required: bool = False
    forward_token: bool = False


class Freshness(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one application asks of a session: used and begun within so many seconds, or the person signs in again."""

    idle: Seconds | None = None
    absolute: Seconds | None = None


class Application(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A protected application: it stands at `/<its id>/`, and is reached at `upstream`, one address or several alike.

    `providers` are the ids of those whose sign-ins it accepts. With `step_up` the backend may send people to sign in
    again, by a challenge of RFC 9470.
    """

    title: dict[str, str]
    upstream: Text | tuple[Text, ...]
    providers: tuple[str, ...] = (FIRST_PROVIDER,)
    max_body: Annotated[int, msgspec.Meta(gt=0)] = 100_000_000
    max_response_head: Annotated[int, msgspec.Meta(ge=1024, le=65_536)] = 65_536
    connections: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1000
    time_limits: TimeLimits = TimeLimits()
    health: Health | None = None
    ejection: Ejection = Ejection()
    breaker: Breaker = Breaker()
    tls: BackendTls | None = None
    path: BackendPath | None = None
    response_headers: FieldChanges | None = None
    national_number: Disclosure | None = None
    api: Api | None = None
    step_up: bool = False
    sessions: Freshness = Freshness()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it is reached: one address or several."""
        return (self.upstream,) if isinstance(self.upstream, str) else self.upstream


class ForwardAuth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Proxies that ask at `/_inkom/auth` and forward by themselves: by product, the addresses that they ask from.

    Each is an address or a network (10.0.0.0/24). Nobody else may ask. `host` is the Host that their questions carry
    where they cannot be made to carry that of `public_url` (Traefik).
    """

    nginx: tuple[Text, ...] = ()
    haproxy: tuple[Text, ...] = ()
    caddy: tuple[Text, ...] = ()
    traefik: tuple[Text, ...] = ()
    envoy: tuple[Text, ...] = ()
    host: str | None = None


class Links(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The government's pages that ours send people to (guide ICR5-2021).

    `ask_for_right` gets the parameters of self-registration added: dg, ec, ctx and oc (Vlaanderen, "Zelfregistratie").
    """

    user_management: Text = "https://vo-gebruikersbeheer.vlaanderen.be/"
    ask_for_right: Text = "https://vo-gebruikersbeheer.vlaanderen.be/aanvraag"
    my_profile: Text = "https://mijnprofiel-gebruikersbeheer.vlaanderen.be/"
    kbo_search: Text = "https://kbopub.economie.fgov.be/kbopub/zoeknummerform.html"
    kbo_change: Text = "https://economie.fgov.be/nl/themas/ondernemingen/kruispuntbank-van"
    administrators: Text = "https://www.csam.be/nl/beheer-toegangsbeheerders.html"
    agency: Text = "https://www.vlaio.be/"


class Development(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What only a demo or a test may use. `clock` is the mock government's clock, which moves the calendar day."""

    clock: str | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration file."""

    public_url: Text
    listen: Listen = Listen()
    operators: Operators = Operators()
    acm: Acm
    providers: dict[str, Provider] = {}
    registers: Registers
    sessions: Sessions
    policies: Text = "policies"
    audit: Audit
    registrations: Registrations = Registrations()
    assertion: Key
    pseudonym: Key
    applications: dict[str, Application]
    signals: Signals | None = None
    forward_auth: ForwardAuth | None = None
    links: Links = Links()
    development: Development = Development()

    @property
    def all_providers(self) -> dict[str, Acm]:
        """ACM and the others by id, in the order in which they are offered."""
        return {FIRST_PROVIDER: self.acm, **self.providers}

    @staticmethod
    def place_of(provider: str) -> str:
        """Where a provider stands in the file."""
        return provider if provider == FIRST_PROVIDER else f"providers.{provider}"

    @property
    def secure(self) -> bool:
        """Whether browsers reach the gateway over https; only localhost may do without."""
        return self.public_url.startswith("https://")
