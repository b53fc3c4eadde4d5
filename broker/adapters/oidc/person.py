"""From verified claims to the person who signed in: number, names, level, organisations, roles. No input or output.

ACM puts a person's facts into the ID Token; other providers into UserInfo only. Where both have one, the ID Token's
counts. What protects the sign-in (`sub`, `acr`, `auth_time`, `sid`) is read from the ID Token alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from broker.adapters.oidc.roles import claimed_roles
from broker.adapters.oidc.settings import ClaimNames
from broker.adapters.oidc.tokens import VerifiedClaims, instant_of
from broker.domain.claims import Claimed, ClaimedRole
from broker.domain.demand import NO_MEANING, AcrMeaning, AcrTable, Demand
from broker.domain.numbers import EnterpriseNumber, InvalidNumberError, NationalNumber
from broker.domain.people import Organisation
from broker.domain.session import Identity
from broker.ports import Mismatch, SignedIn, SignInRefused

_log = logging.getLogger(__name__)
_MAX_NAME = 200
_MAX_CODE = 100
_CITIZENS = "BUR"


def signed_in(
    id_token: VerifiedClaims,
    userinfo: Mapping[str, Any],
    *,
    subject: str,
    acr: AcrTable,
    names: ClaimNames,
    keeps_claims: bool = False,
) -> SignedIn:
    """Return the person, the level and what ACM suggests. Raises SignInRefused."""
    claims = combined(id_token, userinfo)
    meaning = meaning_of(id_token, acr)
    roles, malformed = claimed_roles(claims, name=names.role)
    if malformed:
        _log.warning("%d values of the role claim were malformed and are ignored", malformed)
    return SignedIn(
        identity=Identity(
            issuer=id_token["iss"],
            subject=subject,
            national_number=_national_number(id_token, userinfo, names.national_number),
            given_name=_name(claims.get(names.given_name)),
            family_name=_name(claims.get(names.family_name)),
            method=meaning.method,
            assurance=meaning.assurance,
            authenticated_at=_authenticated_at(id_token),
            auth_time=_moment(id_token, "auth_time"),
            acr=_acr(id_token),
            acm_session=_code(id_token.get("sid"), longest=255),
            claimed=_claimed(id_token, claims, names, roles) if keeps_claims else None,
        ),
        chosen=_first_organisation(claims, names.organisations),
        represents=_first_organisation(claims, (names.represents,)),
        target_group=_code(claims.get(names.target_group)),
        roles=roles,
    )


def _claimed(
    id_token: VerifiedClaims, claims: Mapping[str, Any], names: ClaimNames, roles: tuple[ClaimedRole, ...]
) -> Claimed:
    """Return what ACM says, to be believed for the ID Token's life. Raises SignInRefused for a mandate."""
    if claims.get(names.principal) not in (None, ""):
        raise SignInRefused(Mismatch.ON_BEHALF_OF_ANOTHER, "signed in with a mandate, which opens nothing here")
    expires = instant_of(id_token, "exp")
    if expires is None:
        raise SignInRefused(Mismatch.BAD_TOKEN, "token: exp is absent")
    # ACM, "Doelgroepen": a citizen acts for nobody, whatever else stands there.
    citizen = _code(claims.get(names.target_group)) == _CITIZENS
    number = None if citizen else _first_organisation(claims, (names.organisation,))
    name = _name(claims.get(names.organisation_name))
    return Claimed(
        valid_until=datetime.fromtimestamp(expires, UTC),
        organisation=None if number is None else Organisation(number=number, name=name),
        represents=_first_organisation(claims, (names.represents,)),
        roles=roles,
    )


def combined(id_token: Mapping[str, Any], userinfo: Mapping[str, Any]) -> dict[str, Any]:
    """Return all claims, the ID Token's first; one that is present but blank does not hide the other's."""
    return {**userinfo, **{name: value for name, value in id_token.items() if value not in (None, "")}}


def meaning_of(id_token: Mapping[str, Any], acr: AcrTable) -> AcrMeaning:
    """Return what `acr` says; absent or unknown says nothing, and no condition on it holds then."""
    value = id_token.get("acr")
    return acr.get(value, NO_MEANING) if isinstance(value, str) else NO_MEANING


def check_level(id_token: VerifiedClaims, demand: Demand, acr: AcrTable) -> None:
    """Refuse a level below what was asked for (Core 3.1.3.7, step 12): ACM is asked, and may not have listened.

    Raises SignInRefused.
    """
    if not demand.reached(_acr(id_token), meaning_of(id_token, acr).assurance, acr):
        raise SignInRefused(Mismatch.LEVEL_NOT_REACHED, "acr is not one that was asked for, too low, or absent")


def _national_number(id_token: Mapping[str, Any], userinfo: Mapping[str, Any], name: str) -> NationalNumber:
    """Return the one national number. Two that differ are no matter of precedence: one of them is another person's."""
    values = [claims[name] for claims in (id_token, userinfo) if claims.get(name) not in (None, "")]
    try:
        numbers = {NationalNumber.parse(value) for value in values if isinstance(value, str)}
    except InvalidNumberError:
        numbers = set()
    if len(numbers) > 1:
        raise SignInRefused(Mismatch.BAD_CLAIMS, "ID Token and userinfo hold different national numbers")
    if not numbers:
        raise SignInRefused(Mismatch.NO_NATIONAL_NUMBER, "the claim with the national number is absent or invalid")
    return numbers.pop()


def _first_organisation(claims: Mapping[str, Any], names: tuple[str, ...]) -> EnterpriseNumber | None:
    """Return the first that is not blank; a code of another register (OVO002949) is no enterprise."""
    for name in names:
        code = _code(claims.get(name))
        if code is None:
            continue
        try:
            return EnterpriseNumber.parse(code)
        except InvalidNumberError:
            return None
    return None


def _authenticated_at(id_token: VerifiedClaims) -> datetime:
    """Return when the person proved who they are: `auth_time`, or `iat` where the provider does not say."""
    moment = _moment(id_token, "auth_time") or _moment(id_token, "iat")
    if moment is None:
        raise SignInRefused(Mismatch.BAD_TOKEN, "token: iat is absent")
    return moment


def _moment(id_token: VerifiedClaims, name: str) -> datetime | None:
    seconds = instant_of(id_token, name)
    return None if not seconds else datetime.fromtimestamp(seconds, UTC)


def _acr(id_token: Mapping[str, Any]) -> str | None:
    return _code(id_token.get("acr"), longest=255)


def _name(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return "".join(character for character in value if character.isprintable()).strip()[:_MAX_NAME]


def _code(value: object, *, longest: int = _MAX_CODE) -> str | None:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= longest or not value.isprintable():
        return None
    return value.strip()
