"""What the gateway must be told about the OpenID Provider and about itself as its client.

The defaults are ACM's (documentation of Toegangsbeheer, and docs/decisions); a foreign provider needs other names of
claims. Where the values come from is `broker/config/`'s affair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from broker.domain.demand import AcrMeaning
from broker.domain.people import Assurance, SignInMethod

SUPPORTED_ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"}
)  # asymmetric only: with HS256 whoever knows the client secret signs ID Tokens, and `none` is no signature

_MEANS = "urn:be:vlaanderen:authmech:"

# The level of each of the five methods (ACM, "Authenticatiemiddelen": Connected eID and itsme are eIDAS high, app and
# SMS substantial). ACM's table no longer names the federal token; low is the careful reading of CSAM level 300.
METHOD_LEVELS: Mapping[SignInMethod, Assurance] = MappingProxyType(
    {
        SignInMethod.EID: Assurance.HIGH,
        SignInMethod.ITSME: Assurance.HIGH,
        SignInMethod.FEDERAL_TOKEN: Assurance.LOW,
        SignInMethod.APP: Assurance.SUBSTANTIAL,
        SignInMethod.SMS: Assurance.SUBSTANTIAL,
    }
)


# ACM, "Authenticatiemiddelen". Means that a citizen of the guide cannot choose have a level and no method.
ACM_ACR: Mapping[str, AcrMeaning] = MappingProxyType(
    {
        _MEANS + "eid": AcrMeaning(method=SignInMethod.EID, assurance=Assurance.HIGH),
        _MEANS + "itsme": AcrMeaning(method=SignInMethod.ITSME, assurance=Assurance.HIGH),
        _MEANS + "csamtoken": AcrMeaning(method=SignInMethod.FEDERAL_TOKEN, assurance=Assurance.LOW),
        _MEANS + "csamtotp": AcrMeaning(method=SignInMethod.APP, assurance=Assurance.SUBSTANTIAL),
        _MEANS + "csamsms": AcrMeaning(method=SignInMethod.SMS, assurance=Assurance.SUBSTANTIAL),
        _MEANS + "eidashigh": AcrMeaning(method=None, assurance=Assurance.HIGH),
        _MEANS + "eidassubstantial": AcrMeaning(method=None, assurance=Assurance.SUBSTANTIAL),
        _MEANS + "csampassword": AcrMeaning(method=None, assurance=Assurance.LOW),
        _MEANS + "csamselfreg": AcrMeaning(method=None, assurance=Assurance.LOW),
    }
)


def acr_table(methods: Mapping[str, str]) -> Mapping[str, AcrMeaning]:
    """Return what a provider's `acr` values mean: those named here, each at its method's level, or else ACM's."""
    if not methods:
        return ACM_ACR
    chosen = {acr: SignInMethod(method) for acr, method in methods.items()}
    return MappingProxyType(
        {acr: AcrMeaning(method=method, assurance=METHOD_LEVELS[method]) for acr, method in chosen.items()}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimNames:
    """Where to find a person's facts.

    `role` is a name with its dimension (`vlaio_inkom_rol_3d`) or without it (`vlaio_inkom_rol`: any of `_1d`, `_2d` and
    `_3d`); capitals do not matter, since ACM writes both `_rol_3d` and `_rol_3D`. In `organisations` the first that is
    present and not blank counts; `organisation` alone is the one chosen at ACM.
    """

    national_number: str = "rrn"
    given_name: str = "given_name"
    family_name: str = "family_name"
    organisations: tuple[str, ...] = ("vo_orgcode", "wv_orgcode")
    organisation: str = "vo_orgcode"
    organisation_name: str = "vo_orgnaam"
    represents: str = "wv_orgcode"
    principal: str = "ssm_mandaatgever"
    target_group: str = "vo_doelgroepcode"
    role: str = "vlaio_inkom_rol"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretAuthentication:
    """The client proves itself with a secret."""

    method: Literal["client_secret_basic", "client_secret_post"]
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAuthentication:
    """The client proves itself by a signed assertion (private_key_jwt: OpenID Connect Core 9, RFC 7523).

    `private_key` is a PEM or JWK text; its kind decides between RS256 and ES256. ACM expects the token endpoint as
    audience, FAPI 2.0 the issuer.
    """

    private_key: str = field(repr=False)
    key_id: str | None = None
    audience: Literal["token-endpoint", "issuer"] = "token-endpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateAuthentication:
    """The client proves itself by its TLS certificate (RFC 8705), which the back channel shows."""

    method: Literal["tls_client_auth", "self_signed_tls_client_auth"]


Authentication = SecretAuthentication | KeyAuthentication | CertificateAuthentication
RequestForm = Literal["plain", "signed", "pushed", "signed-and-pushed"]
SenderConstraint = Literal["none", "dpop", "mtls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """All that `OidcProvider` is told. Durations are in seconds.

    `entry_uri` is where a sign-in begins, and where ACM sends a person who chose again for whom they act. `leeway` is
    for clocks that differ; `token_max_age` bounds the time since `iat`. `allowed_hosts` may hold endpoints
    beside the issuer's own host. `step_up_max_age` asks for a fresh sign-in whenever a person must reach a level; ACM's
    documentation names neither `max_age` nor `auth_time`, so it is off unless wanted. `keeps_claims` is for a gateway
    that asks no register: what ACM says of the person stays with their identity, until the ID Token's end.
    `refreshes` keeps refresh tokens; ACM gives them with the scope offline_access.

    `request` is how the authorization request travels: in the address, as a signed object (RFC 9101, by `request_key`),
    pushed beforehand (RFC 9126), or both. `sender_constrained` binds access tokens to a key (DPoP, RFC 9449; derived
    from `dpop_secret`) or to the certificate that the back channel shows (RFC 8705).
    `response_mode` is how the browser brings the answer: in the address, or as a form that the provider posts.
    """

    issuer: str
    client_id: str
    redirect_uri: str
    post_logout_redirect_uri: str
    entry_uri: str
    authentication: Authentication
    request: RequestForm = "plain"
    request_key: str | None = field(default=None, repr=False)
    sender_constrained: SenderConstraint = "none"
    dpop_secret: bytes = field(default=b"", repr=False)
    scopes: tuple[str, ...] = ("openid", "profile", "rrn", "vo", "wettelijkvertegenwoordiger", "vlaio_inkom")
    algorithms: tuple[str, ...] = ("RS256", "PS256", "ES256")
    acr: Mapping[str, AcrMeaning] = field(default_factory=lambda: ACM_ACR)
    claims: ClaimNames = ClaimNames()
    extra_audiences: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    requires_advertised_s256: bool = True
    hints_organisation: bool = False
    keeps_claims: bool = False
    refreshes: bool = False
    response_mode: Literal["query", "form_post"] = "query"
    step_up_max_age: int | None = None
    leeway: float = 30.0
    token_max_age: float = 600.0
    metadata_lifetime: float = 3600.0
    keys_lifetime: float = 600.0
    stale_lifetime: float = 86400.0
    keys_refetch_interval: float = 60.0

    @property
    def scopes_to_ask(self) -> tuple[str, ...]:
        """The scopes, with the one that a refresh token comes with (Core 11; ACM, "Refresh token")."""
        if not self.refreshes or "offline_access" in self.scopes:
            return self.scopes
        return (*self.scopes, "offline_access")

    def __post_init__(self) -> None:
        """Refuse what would switch a check off."""
        if not self.algorithms or not set(self.algorithms) <= SUPPORTED_ALGORITHMS:
            raise ValueError("algorithms must be asymmetric signature algorithms: RS256, PS256, ES256 or their kin")
        if "openid" not in self.scopes:
            raise ValueError("scopes must hold openid, or the answer has no ID Token")
        if not 0 <= self.leeway <= 60:
            raise ValueError("leeway must lie between 0 and 60 seconds")
        if self.signs_requests and self.request_key is None:
            raise ValueError("signed requests need a key")
        if self.sender_constrained == "dpop" and len(self.dpop_secret) < 32:
            raise ValueError("DPoP needs a secret of 32 bytes or more")

    @property
    def signs_requests(self) -> bool:
        """Whether authorization requests are signed objects."""
        return self.request in ("signed", "signed-and-pushed")

    @property
    def pushes_requests(self) -> bool:
        """Whether authorization requests are pushed."""
        return self.request in ("pushed", "signed-and-pushed")

    @property
    def uses_mutual_tls(self) -> bool:
        """Whether calls go to the addresses where the provider asks for our certificate (RFC 8705 5)."""
        return self.sender_constrained == "mtls" or isinstance(self.authentication, CertificateAuthentication)
