"""What a sign-in is asked to be, and whether one that happened is that: level, age, `acr`, and how to ask for it.

Two demands join into one that is at least as strict as either, so that whoever may add to a demand can never weaken it.
Where demands come from (a policy, an address, a backend's challenge) and how a provider is asked is others' work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from broker.domain.people import Assurance, SignInMethod


class Prompt(Enum):
    """How the provider is to ask (OpenID Connect Core 3.1.2.1). `none` is not offered: it forbids asking at all."""

    LOGIN = "login"
    CONSENT = "consent"
    SELECT_ACCOUNT = "select_account"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcrMeaning:
    """What an `acr` value says: the method, if it is one of the five, and the level."""

    method: SignInMethod | None
    assurance: Assurance | None


NO_MEANING = AcrMeaning(method=None, assurance=None)
AcrTable = Mapping[str, AcrMeaning]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is asked of a sign-in; nothing at all unless something is set. `max_age` is in seconds."""

    level: Assurance | None = None
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    prompt: tuple[Prompt, ...] = ()

    def joined(self, other: Demand) -> Demand:
        """Return what asks for both. `acr` values without any in common: our own stay, as nobody may replace them."""
        levels = [one.level for one in (self, other) if one.level is not None]
        ages = [one.max_age for one in (self, other) if one.max_age is not None]
        return Demand(
            level=max(levels, default=None),
            max_age=min(ages, default=None),
            acr_values=_common(self.acr_values, other.acr_values),
            prompt=tuple(one for one in Prompt if one in self.prompt or one in other.prompt),
        )

    def covers(self, other: Demand) -> bool:
        """Whether the other asks for nothing that this one does not."""
        foreign = other.acr_values and not (self.acr_values and set(self.acr_values) <= set(other.acr_values))
        return not foreign and self.joined(other) == self

    def values(self, acr: AcrTable) -> tuple[str, ...]:
        """Return the `acr` values to ask for: those named, unless too low, else every method that reaches the level."""
        if self.level is None:
            return self.acr_values
        named = tuple(value for value in self.acr_values if not _is_below(value, self.level, acr))
        return named or tuple(
            value
            for value, meaning in acr.items()
            if meaning.method is not None and meaning.assurance is not None and meaning.assurance >= self.level
        )

    def reached(self, value: str | None, assurance: Assurance | None, acr: AcrTable) -> bool:
        """Whether a sign-in with this `acr`, worth this much, will do.

        One that is at least as strong as the weakest of the values asked for will do as well (Core 5.5.1.1 leaves that
        to us), and one that is worth less than its `acr` used to be will not.
        """
        if self.level is not None and (assurance is None or assurance < self.level):
            return False
        asked = self.values(acr)
        if not asked:
            return True
        levels = [level for one in asked if (level := acr.get(one, NO_MEANING).assurance) is not None]
        if assurance is not None and levels and assurance >= min(levels):
            return True
        return value in asked and acr.get(value, NO_MEANING).assurance is None

    def young_enough(self, authenticated_at: datetime | None, now: datetime) -> bool:
        """Whether a sign-in at that instant is not too long ago; None is one of which nobody said when."""
        if self.max_age is None:
            return True
        return authenticated_at is not None and now - authenticated_at <= timedelta(seconds=self.max_age)


NOTHING = Demand()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A demand that a person was sent away with, and when they came back from it, with or without success."""

    demand: Demand
    at: datetime

    def just_now(self, demand: Demand, now: datetime, *, within: timedelta) -> bool:
        """Whether sending the person away with this demand would be the same errand again."""
        return self.demand.covers(demand) and now - self.at < within


def _is_below(value: str, level: Assurance, acr: AcrTable) -> bool:
    worth = acr.get(value, NO_MEANING).assurance
    return worth is not None and worth < level


def _common(own: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    if not own:
        return others
    return tuple(value for value in own if value in others) or own
