"""Who is calling: verifies `X-Inkom-Assertion`, and that the plain headers say the same. Refuses everything else.

What it checks is the list in docs/backend-teams/receiving-identity.md, in the same order. It does no HTTP of its own.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry

from mock_apps.keys import GatewayKeys

ALGORITHM = "ES256"
LONGEST_LIFE = 60
CLOCK_DIFFERENCE = 5
PREFIX = "x-inkom-"
ASSERTION = "x-inkom-assertion"

# Plain header -> claim of the assertion. A fact that is absent stands in neither.
CLAIM_OF = {
    "x-inkom-person": "sub",
    "x-inkom-name": "name",
    "x-inkom-organisation": "organisation",
    "x-inkom-organisation-name": "organisation_name",
    "x-inkom-role": "role",
    "x-inkom-right": "right",
    "x-inkom-profile": "profile",
    "x-inkom-assurance": "assurance",
    "x-inkom-authenticated-at": "authenticated_at",
    "x-inkom-decision": "decision",
    "x-inkom-national-number": "national_number",
}


class Refused(Exception):
    """The request does not come from the gateway, or not for us. The reason names no value, so it may be logged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The facts of a verified assertion. Only AssertionVerifier makes one."""

    person: str
    name: str
    organisation: str
    organisation_name: str
    role: str
    assurance: str | None
    authenticated_at: int | None
    right: str | None
    profile: str | None
    decision: str
    national_number: str | None
    issuer: str
    audience: str
    issued_at: int
    expires_at: int
    key_id: str


class AssertionVerifier:
    """Verifies for one application. `now` is in whole seconds since 1970; None asks the machine."""

    def __init__(self, *, keys: GatewayKeys, issuer: str, audience: str, now: Callable[[], int] | None = None) -> None:
        self._keys = keys
        self._audience = audience
        self._claims = JWTClaimsRegistry(
            now=now,
            leeway=CLOCK_DIFFERENCE,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            iat={"essential": True},
            jti={"essential": True},
            sub={"essential": True},
        )

    async def identity(self, headers: Iterable[tuple[bytes, bytes]]) -> Identity:
        """The identity that a request carries. Raises Refused, or KeysUnavailable when nobody can tell."""
        plain = _ours(headers)
        assertion = plain.pop(ASSERTION, None)
        if assertion is None:
            raise Refused("there is no assertion: this request did not pass the gateway")
        key_id, claims = await self._verified(assertion)
        _agree(plain, claims)
        return _identity(key_id, claims)

    async def _verified(self, assertion: str) -> tuple[str, Mapping[str, object]]:
        try:
            kid = jws.extract_compact(assertion.encode("ascii")).headers().get("kid")
        except (JoseError, ValueError) as problem:
            raise Refused("the assertion is not a signed token") from problem
        key = await self._keys.find(kid) if isinstance(kid, str) else None
        if key is None or not isinstance(kid, str):
            raise Refused("the assertion names a key that the gateway does not publish")
        try:
            claims = jwt.decode(assertion, key, algorithms=[ALGORITHM]).claims
            self._claims.validate(claims)
        except (JoseError, ValueError) as problem:
            raise Refused(f"the assertion does not hold: {type(problem).__name__}") from problem
        # The library accepts a list of audiences; ours are for one application only.
        if claims["aud"] != self._audience:
            raise Refused("the assertion is for several applications")
        if claims["exp"] - claims["iat"] > LONGEST_LIFE:
            raise Refused("the assertion lives longer than the gateway ever allows")
        return kid, claims


def _ours(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The gateway's headers by name in lower case. A name that comes twice is an attempt to confuse someone."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").lower()
        if not name.startswith(PREFIX):
            continue
        if name in found:
            raise Refused(f"{name} comes twice")
        found[name] = raw_value.decode("latin-1")
    return found


def _agree(plain: Mapping[str, str], claims: Mapping[str, object]) -> None:
    """Both say the same, and neither says more. Values of plain headers are percent-encoded UTF-8."""
    unknown = plain.keys() - CLAIM_OF.keys()
    if unknown:
        raise Refused(f"{min(unknown)} is no header of the gateway")
    for header, claim in CLAIM_OF.items():
        if _decoded(plain.get(header)) != claims.get(claim):
            raise Refused(f"{header} does not agree with the assertion")


def _decoded(value: str | None) -> str | None:
    try:
        return None if value is None else unquote(value, errors="strict")
    except UnicodeDecodeError as problem:
        raise Refused("a header of the gateway is not percent-encoded UTF-8") from problem


def _identity(key_id: str, claims: Mapping[str, object]) -> Identity:
    def word(claim: str) -> str:
        value = claims.get(claim)
        if not isinstance(value, str):
            raise Refused(f"the assertion has no {claim}")
        return value

    def word_or_none(claim: str) -> str | None:
        return word(claim) if claim in claims else None

    def moment_or_none(claim: str) -> int | None:
        written = word_or_none(claim)
        if written is not None and not (written.isascii() and written.isdigit()):
            raise Refused(f"the assertion's {claim} is no moment")
        return None if written is None else int(written)

    def seconds(claim: str) -> int:
        value = claims[claim]
        if not isinstance(value, int):
            raise Refused(f"the assertion has no {claim}")
        return value

    return Identity(
        person=word("sub"),
        name=word("name"),
        organisation=word("organisation"),
        organisation_name=word("organisation_name"),
        role=word("role"),
        assurance=word_or_none("assurance"),
        authenticated_at=moment_or_none("authenticated_at"),
        right=word_or_none("right"),
        profile=word_or_none("profile"),
        decision=word("decision"),
        national_number=word_or_none("national_number"),
        issuer=word("iss"),
        audience=word("aud"),
        issued_at=seconds("iat"),
        expires_at=seconds("exp"),
        key_id=key_id,
    )
