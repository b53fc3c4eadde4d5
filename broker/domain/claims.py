"""What a token's claims say of a person or a machine client, where no register is asked. True until the token's end.

Facts as they were told, and the table by which codes in ACM's role claim become the rights that policies name; what
stands in that table is the configuration's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from broker.domain.numbers import EnterpriseNumber, InvalidNumberError
from broker.domain.people import Organisation, RelationStatus, UserRight, WorkingRelation
from broker.domain.validity import Period

# ACM delivers what is valid at the sign-in, without days. What rests on it ends with the token, so no end is needed.
_NOW = Period(begins=date.min, until=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedRole:
    """One value of ACM's role claim: right, context (profile), and the organisations it was given for."""

    right: str
    context: str | None
    organisations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What the claims of one sign-in say. `organisation` is the one chosen at ACM; without it there is none to act for.

    `represents` is the organisation of which ACM calls the person a legal representative.
    """

    valid_until: datetime
    organisation: Organisation | None
    represents: EnterpriseNumber | None
    roles: tuple[ClaimedRole, ...]


class RoleTable:
    """From codes to names, without regard to capitals and never by a code's beginning. Unknown codes open nothing."""

    def __init__(self, *, rights: Mapping[str, str], profiles: Mapping[str, str]) -> None:
        """`rights` and `profiles` lead from ACM's codes to the names that policies use."""
        self._rights = {code.casefold(): name for code, name in rights.items()}
        self._profiles = {code.casefold(): name for code, name in profiles.items()}

    def granted(self, roles: tuple[ClaimedRole, ...]) -> tuple[UserRight, ...]:
        """Return the rights of all roles; those of other organisations than the present one explain a refusal."""
        return tuple(right for role in roles for right in self._of(role))

    def _of(self, role: ClaimedRole) -> Iterator[UserRight]:
        name = self._rights.get(role.right.casefold())
        if name is None:
            return
        profile = None if role.context is None else self._profiles.get(role.context.casefold())
        for code in role.organisations:
            try:
                number = EnterpriseNumber.parse(code)
            except InvalidNumberError:
                continue
            relation = WorkingRelation(organisation=number, status=RelationStatus.ACTIVE, period=_NOW)
            yield UserRight(
                organisation=number,
                name=name,
                profiles=() if profile is None else (profile,),
                period=_NOW,
                relation=relation,
            )
