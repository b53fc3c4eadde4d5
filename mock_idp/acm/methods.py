"""The five ways to sign in, with what each of them puts into an ID token.

Source of the URNs and levels: ACM's table of authentication means. `amr` is not in ACM's published claim table, so
relying parties should treat it as optional. This module does not exercise a method: `mock_idp.signin` does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Assurance(StrEnum):
    """eIDAS level of assurance, strongest first."""

    HIGH = "high"
    SUBSTANTIAL = "substantial"
    LOW = "low"


class Method(StrEnum):
    """One of the five methods of the guide, in the order in which its choice page lists them."""

    EID = "eid"
    ITSME = "itsme"
    FEDERAL_TOKEN = "federal-token"
    APP = "app"
    SMS = "sms"

    @property
    def traits(self) -> MethodTraits:
        return _traits(self)

    @property
    def acr(self) -> str:
        return self.traits.acr

    @property
    def amr(self) -> tuple[str, ...]:
        return self.traits.amr

    @property
    def level(self) -> Assurance:
        return self.traits.level


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodTraits:
    acr: str
    amr: tuple[str, ...]
    csam_level: int
    level: Assurance


def _traits(method: Method) -> MethodTraits:
    authmech = "urn:be:vlaanderen:authmech:"
    match method:
        case Method.EID:
            return MethodTraits(acr=authmech + "eid", amr=("eid", "mfa"), csam_level=500, level=Assurance.HIGH)
        case Method.ITSME:
            return MethodTraits(acr=authmech + "itsme", amr=("itsme", "mfa"), csam_level=450, level=Assurance.HIGH)
        case Method.FEDERAL_TOKEN:
            # Our own invention. ACM's present table has no federal token any more (no new ones since 25/09/2020), so
            # neither the URN nor the level below comes from a source.
            return MethodTraits(
                acr=authmech + "csamtoken", amr=("pwd", "otp", "mfa"), csam_level=300, level=Assurance.LOW
            )
        case Method.APP:
            return MethodTraits(
                acr=authmech + "csamtotp", amr=("otp", "mfa"), csam_level=400, level=Assurance.SUBSTANTIAL
            )
        case Method.SMS:
            return MethodTraits(
                acr=authmech + "csamsms", amr=("sms", "mfa"), csam_level=400, level=Assurance.SUBSTANTIAL
            )


def acceptable_methods(
    acr_values: Iterable[str], *, configured: tuple[Method, ...] = tuple(Method)
) -> tuple[Method, ...]:
    """The methods a visitor may pick: what the client has, cut down to what this request asks for.

    ACM shows the intersection of the two. No `acr_values` means all that the client has; only unknown ones means none.
    """
    asked = frozenset(acr_values)
    if not asked:
        return configured
    return tuple(method for method in configured if method.acr in asked)
