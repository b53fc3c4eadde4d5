"""The grammar of ACM's role claim. No input or output.

    role = right [ "-" context ] ":" organisation *( "," [SP] organisation )

Two dimensions have no context, three have. The organisations stand after the LAST colon and the context after the FIRST
hyphen, since the profile "Dienstverlener kmo-portefeuille" holds a hyphen itself. A value that does not follow the
grammar gives nothing and is counted: to drop what follows the colon instead would give a right in every organisation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from broker.domain.claims import ClaimedRole

_DIMENSION = re.compile(r"_[123]d", re.ASCII)
_MAX_VALUES = 5000


def claimed_roles(claims: Mapping[str, Any], *, name: str) -> tuple[tuple[ClaimedRole, ...], int]:
    """Return the roles in all spellings of the claim, and how many values were malformed."""
    roles: list[ClaimedRole] = []
    malformed = 0
    for claim, value in claims.items():
        if not _is_named(claim, name):
            continue
        values = value if isinstance(value, list) else [value]
        malformed += max(0, len(values) - _MAX_VALUES)
        for one in values[:_MAX_VALUES]:
            role = parse_role(one) if isinstance(one, str) else None
            if role is None:
                malformed += 1
            elif role not in roles:
                roles.append(role)
    return tuple(roles), malformed


def parse_role(value: str) -> ClaimedRole | None:
    """Return one value of the role claim as a role, or None when it is malformed."""
    head, colon, tail = value.rpartition(":")
    right, hyphen, context = (part.strip() for part in head.partition("-"))
    organisations = tuple(part.strip() for part in tail.split(","))
    if not colon or not right or (hyphen and not context) or not all(organisations) or not value.isprintable():
        return None
    return ClaimedRole(right=right, context=context or None, organisations=organisations)


def _is_named(claim: str, name: str) -> bool:
    claim, name = claim.casefold(), name.casefold()
    return claim == name or (claim.startswith(name) and _DIMENSION.fullmatch(claim, len(name)) is not None)
