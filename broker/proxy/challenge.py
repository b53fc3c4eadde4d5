"""A backend's challenge that a stronger or more recent sign-in is needed (RFC 9470, section 3), read and judged.

Whatever is not plainly such a challenge is None, and the backend's answer goes to the client unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from broker.domain.admission import Forward, StepUp, demand_of, just_asked
from broker.domain.demand import AcrTable, Demand
from broker.domain.people import Assurance
from broker.domain.policy import Policy
from broker.domain.session import Session
from broker.ports import Clock, Passage
from broker.proxy.forward import Inspect
from broker.proxy.messages import Headers

ERROR = "insufficient_user_authentication"
# RFC 9470 builds on RFC 6750's scheme; a backend that thinks in DPoP-bound tokens writes RFC 9449's.
_SCHEMES = frozenset({"bearer", "dpop"})
_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# RFC 9110 11.3 and 5.6.4: what stands between two commas is a parameter, or a scheme with its first one.
_PART = re.compile(
    rf"\s*(?:(?P<scheme>{_TOKEN})[ \t]+)?(?P<name>{_TOKEN})[ \t]*=[ \t]*"
    rf'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>{_TOKEN}))'
    r"\s*(?:,|$)",
    re.ASCII,
)
# A scheme with nothing, or with one thing that is no parameter (RFC 9110 11.2, token68): none that we look for.
_ALONE = re.compile(rf"\s*{_TOKEN}(?:[ \t]+[A-Za-z0-9\-._~+/]+=*)?\s*(?:,|$)", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)
_MOST_VALUES = 20
_LONGEST = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What the backend asks: `acr` values, best first, of which one will do, and the most seconds since sign-in.

    Beside the provider's values there are the words of the levels, as backends read them in `X-Inkom-Assurance`.
    """

    acr_values: tuple[str, ...]
    max_age: int | None


def challenge_in(status: int, headers: Headers) -> Challenge | None:
    """Return the challenge in the head of an answer, if it is one."""
    if status != 401:
        return None
    for name, value in headers:
        if name.lower() == b"www-authenticate":
            for scheme, parameters in _challenges(value.decode("latin-1")):
                if scheme in _SCHEMES and parameters.get("error") == ERROR:
                    return _read(parameters)
    return None


class StepUpAsked(Exception):
    """The backend of an admitted request answered that the sign-in will not do; nothing of that was sent on."""

    def __init__(self, outcome: StepUp) -> None:
        super().__init__("the backend asks for a stronger or more recent sign-in")
        self.outcome = outcome


class Challenges:
    """Decides about backends' challenges. `acr_at` says what each value of a provider, by its id, is worth."""

    def __init__(self, *, acr_at: Callable[[str], AcrTable], clock: Clock) -> None:
        self._acr_at = acr_at
        self._clock = clock

    def inspector(self, passage: Passage, policy: Policy) -> Inspect:
        """Return what looks at the head of the answer to an admitted request, and raises StepUpAsked."""

        def inspect(status: int, headers: Headers) -> None:
            asked = challenge_in(status, headers)
            session, admitted = passage.session, passage.outcome
            if asked is None or not isinstance(session, Session) or not isinstance(admitted, Forward):
                return
            demand = self._demand(asked, session, policy)
            if demand is not None:
                raise StepUpAsked(StepUp(decision=admitted.decision, demand=demand))

        return inspect

    def _demand(self, asked: Challenge, session: Session, policy: Policy) -> Demand | None:
        """Return what the person is sent to sign in with, with what the policy asks; None when it would not help.

        It would not when the session is what the backend asks for already, when we cannot ask the provider for any of
        the values, or when the person has just come back from the same errand.
        """
        acr = self._acr_at(session.identity.provider)
        values = _known(asked.acr_values, policy, acr)
        if asked.acr_values and not values:
            return None
        wanted, identity, now = Demand(acr_values=values, max_age=asked.max_age), session.identity, self._clock.now()
        demand = demand_of(policy).joined(wanted)
        will_do = wanted.reached(identity.acr, identity.assurance, acr)
        if will_do and wanted.young_enough(identity.auth_time, now):
            return None
        return None if just_asked(session, demand, now) or not demand.covers(wanted) else demand


def _known(values: tuple[str, ...], policy: Policy, acr: AcrTable) -> tuple[str, ...]:
    """Return the values that we can ask for; a level by its own word stands for all that reach it."""
    found: list[str] = []
    for value in values:
        level = next((one for one in Assurance if one.word == value), None)
        if level is not None:
            found.extend(Demand(level=level).values(acr))
        elif value in acr or value in policy.sign_in.acr_values:
            found.append(value)
    return tuple(dict.fromkeys(found))


def _read(parameters: dict[str, str]) -> Challenge | None:
    values = tuple(dict.fromkeys(parameters.get("acr_values", "").split(" ")[:_MOST_VALUES]))
    age = parameters.get("max_age")
    if age is not None and not _SECONDS.fullmatch(age):
        return None
    values = tuple(value for value in values if value)
    return Challenge(acr_values=values, max_age=None if age is None else int(age)) if values or age else None


def _challenges(field: str) -> list[tuple[str, dict[str, str]]]:
    """Return each challenge of a field by its scheme; nothing when the field is not well formed throughout."""
    found: list[tuple[str, dict[str, str]]] = []
    at = 0
    while at < len(field) <= _LONGEST:
        part = _PART.match(field, at)
        if part is None and (alone := _ALONE.match(field, at)) is not None:
            found.append(("", {}))
            at = alone.end()
            continue
        if part is None:
            return []
        if part["scheme"] is not None:
            found.append((part["scheme"].lower(), {}))
        name = part["name"].lower()
        if not found or name in found[-1][1]:
            return []
        value = part["bare"] if part["quoted"] is None else re.sub(r"\\(.)", r"\1", part["quoted"])
        found[-1][1][name] = value
        at = part.end()
    return found
