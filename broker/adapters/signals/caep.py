"""What an event of CAEP 1.0 means for sessions here: which end, from when, and how far a level falls. Not about whom.

An event never brings facts: the registers do (docs/decisions/0016). The texts for people in it, `reason_admin` and
`reason_user`, are looked at nowhere, so that none of them can reach a page, a header or a log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from broker.domain.people import Assurance

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
SESSION_REVOKED = f"{CAEP}session-revoked"
TOKEN_CLAIMS_CHANGE = f"{CAEP}token-claims-change"
CREDENTIAL_CHANGE = f"{CAEP}credential-change"
ASSURANCE_LEVEL_CHANGE = f"{CAEP}assurance-level-change"
ACTED_ON = frozenset({SESSION_REVOKED, TOKEN_CLAIMS_CHANGE, CREDENTIAL_CHANGE, ASSURANCE_LEVEL_CHANGE})

# CAEP 1.0 section 3.3.1. A credential that was made or renewed takes nothing away from whoever is signed in.
_HARMLESS_CHANGES = frozenset({"create", "update"})
# How the namespaces of CAEP 1.0 section 3.4.1 name levels, as near as they come to eIDAS. An unknown one is the lowest.
_LEVELS = {
    "low": Assurance.LOW,
    "substantial": Assurance.SUBSTANTIAL,
    "high": Assurance.HIGH,
    "http://eidas.europa.eu/loa/low": Assurance.LOW,
    "http://eidas.europa.eu/loa/substantial": Assurance.SUBSTANTIAL,
    "http://eidas.europa.eu/loa/high": Assurance.HIGH,
    "nist-aal1": Assurance.LOW,
    "nist-aal2": Assurance.SUBSTANTIAL,
    "nist-aal3": Assurance.HIGH,
    "nist-ial1": Assurance.LOW,
    "nist-ial2": Assurance.SUBSTANTIAL,
    "nist-ial3": Assurance.HIGH,
}
_LATEST = 1e11  # seconds; whoever writes milliseconds has no time that we could use


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """`at` is when it happened, None when the event does not say. `falls_to` is set when a level fell."""

    ends_sessions: bool
    falls_to: Assurance | None
    at: datetime | None


def meaning_of(
    events: Mapping[str, Mapping[str, Any]], *, happened: object, levels: Mapping[str, Assurance]
) -> Meaning:
    """Return what follows from one event under one or several names. `happened` is the token's `toe` (RFC 8417).

    `levels` are the provider's own names for levels, such as ACM's `acr` values.
    """
    times = [time for time in (_moment(event.get("event_timestamp")) for event in events.values()) if time]
    falls = [_falls_to(event, levels) for name, event in events.items() if name == ASSURANCE_LEVEL_CHANGE]
    fallen = [level for level in falls if level is not None]
    return Meaning(
        ends_sessions=any(_ends_sessions(name, event) for name, event in events.items()),
        falls_to=min(fallen) if fallen else None,
        at=max(times) if times else _moment(happened),
    )


def _ends_sessions(name: str, event: Mapping[str, Any]) -> bool:
    """A credential that was revoked or deleted, of whatever type, or a change that we do not know: sign in anew.

    Which credential a session was opened with is the provider's to know: its types (`fido2-roaming`, `x509`, `app`, …)
    are not the five ways of signing in. So none of them is passed over.
    """
    if name == SESSION_REVOKED:
        return True
    return name == CREDENTIAL_CHANGE and event.get("change_type") not in _HARMLESS_CHANGES


def _falls_to(event: Mapping[str, Any], levels: Mapping[str, Assurance]) -> Assurance | None:
    """Return the level to which the person's assurance fell; None when it rose. Without a direction, it may have."""
    present, former = (_level(event.get(name), levels) for name in ("current_level", "previous_level"))
    direction = event.get("change_direction")
    if direction == "increase":
        return None
    if direction is None and former is not None and present is not None and present >= former:
        return None
    return present or Assurance.LOW


def _level(name: object, levels: Mapping[str, Assurance]) -> Assurance | None:
    if not isinstance(name, str):
        return None
    return levels.get(name) or _LEVELS.get(name.lower())


def _moment(seconds: object) -> datetime | None:
    """Return a NumericDate as an instant. One in whole seconds may be any moment of its second: the last is taken."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not isfinite(seconds):
        return None
    if not 0 < seconds < _LATEST:
        return None
    return datetime.fromtimestamp(seconds + (0.999999 if isinstance(seconds, int) else 0), UTC)
