"""What one application wants of an access token, and where its provider is. The values come from `config`."""

from __future__ import annotations

from dataclasses import dataclass, field

from broker.adapters.oidc.settings import SUPPORTED_ALGORITHMS

ACCESS_TOKEN_TYPE = "at+jwt"  # RFC 9068, section 2.1
TOKEN_TYPES = frozenset({ACCESS_TOKEN_TYPE, "JWT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTerms:
    """What a token must say to count for one application. Durations in seconds.

    `persons_acr` are the `acr` values of the provider's ways to sign in: a token that names one is a person's.
    """

    application: str
    issuer: str
    audience: str
    scopes: tuple[str, ...]
    organisation_claim: str = "vo_orgcode"
    role_claim: str = "vlaio_inkom_rol"
    algorithms: tuple[str, ...] = ("RS256", "PS256", "ES256")
    types: tuple[str, ...] = (ACCESS_TOKEN_TYPE,)
    max_lifetime: float = 3600.0
    leeway: float = 30.0
    dpop_required: bool = False
    persons_acr: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse what would switch a check off."""
        if not (self.issuer and self.audience and self.scopes and all(self.scopes)):
            raise ValueError("issuer, audience and at least one scope are needed: an empty one would accept anything")
        if not self.algorithms or not set(self.algorithms) <= SUPPORTED_ALGORITHMS:
            raise ValueError("algorithms must be asymmetric signature algorithms")
        if not self.types or not set(self.types) <= TOKEN_TYPES:
            raise ValueError(f"types are of {', '.join(sorted(TOKEN_TYPES))}")


@dataclass(frozen=True, slots=True, kw_only=True)
class IntrospectionTerms:
    """Where tokens are introspected, and who asks. `cached` bounds in seconds how long an answer counts."""

    endpoint: str
    client_id: str
    client_secret: str = field(repr=False)
    cached: float = 30.0
