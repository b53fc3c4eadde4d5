"""A policy as a value: what must hold (`require`) and what opens (`allow`), for which applications.

The set of conditions is closed, so that each can explain itself to a citizen. There is no condition that lets everybody
in, and only those that name a road into the organisation can stand under `allow`. Reading files is `adapters`' work.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from broker.domain.demand import NOTHING, Demand
from broker.domain.people import Assurance, SignInMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodIsOneOf:
    """The person signed in by one of these methods."""

    methods: frozenset[SignInMethod]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssuranceAtLeast:
    """The sign-in reached at least this level; a person below it is asked to step up, not refused."""

    level: Assurance


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInWithin:
    """The person proved who they are at most so long ago; somebody who did so earlier is asked again, not refused."""

    limit: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationIs:
    """The organisation is active in KBO, registered on INKOM, or both."""

    active: bool
    registered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IsLegalRepresentative:
    """The person holds, that day, a function in KBO that represents the organisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldsRight:
    """The person has, that day, this right (or a predecessor of it) for the organisation with one of these profiles."""

    name: str
    predecessors: tuple[str, ...]
    profiles: tuple[str, ...]


Road = IsLegalRepresentative | HoldsRight
Condition = MethodIsOneOf | AssuranceAtLeast | SignedInWithin | OrganisationIs | Road


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One clause of `require`: all of them must hold, and the first that fails is the reason given."""

    id: str
    condition: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One clause of `allow`: one of them must hold, and the first that does is the reason given."""

    id: str
    condition: Road


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A whole policy. `version` is a digest of the file it came from; each decision names it.

    `sign_in` says how the provider is asked for its applications; what must hold stands in `require` and `allow` alone.
    """

    id: str
    version: str
    title: tuple[tuple[str, str], ...]
    applications: tuple[str, ...]
    require: tuple[Requirement, ...]
    allow: tuple[Opening, ...]
    sign_in: Demand = NOTHING

    def __post_init__(self) -> None:
        """Refuse a policy that nobody could pass or whose clauses cannot be told apart."""
        if not self.allow:
            raise ValueError("a policy needs at least one opening under allow")
        clauses = [clause.id for clause in self.require] + [clause.id for clause in self.allow]
        if len(set(clauses)) != len(clauses):
            raise ValueError("each clause of a policy needs an id of its own")
