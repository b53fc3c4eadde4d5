"""Time, and what the gateway writes down or signs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from broker.domain.decide import Decision


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """Return this instant, with its time zone."""

    def today(self) -> date:
        """Return the calendar day in Brussels on which rights are judged."""


class Measures(Protocol):
    """Counts for operators. Nothing here can fail, and nothing names a person, an organisation or a path."""

    def judged(self, application: str, outcome: str, *, seconds: float) -> None:
        """Count a request for an application by its outcome, and how long it took to judge."""

    def used(self, application: str) -> None:
        """Count a request for an application that was forwarded on a decision made a moment before."""

    def forwarding_failed(self, application: str, kind: str) -> None:
        """Count an admitted request that got no whole answer, by the kind of failure."""

    def signalled(self, result: str) -> None:
        """Count an event of Shared Signals: `passed-on`, `repeated`, why it changes nothing, or why it was refused."""

    def signed_in(self, result: str) -> None:
        """Count a sign-in: `ok`, or why it was refused."""

    def provider_logout(self, result: str) -> None:
        """Count a logout that the provider told: `ok`, `repeated`, `refused` or `unavailable`."""

    def refreshed(self, result: str) -> None:
        """Count a refresh of tokens: `ok`, `provider-away`, or why it was refused."""

    def backend_state(self, application: str, address: str, *, usable: bool) -> None:
        """Say whether requests go to an address of an application, or, under `all`, to the application at all."""

    def backend_event(self, application: str, address: str, event: str) -> None:
        """Count what happened to an address: `unhealthy`, `healthy`, `ejected`, `returned`, `repeated`, `circuit-…`."""

    def certificate_expires(self, name: str, *, at: datetime) -> None:
        """Say until when a certificate that is shown to clients is valid; `name` is its place in the configuration."""

    def certificates_read(self, result: str) -> None:
        """Count a reading of changed certificates: `ok`, or `refused` when one could not be taken over."""

    def exposition(self) -> bytes:
        """Return all figures in Prometheus' text form."""


class Assertions(Protocol):
    """Signs what backends are told."""

    def sign(self, claims: tuple[tuple[str, str], ...], *, audience: str) -> str:
        """Return a JWT about these claims for one application, valid for at most 60 seconds."""

    def published_keys(self) -> dict[str, Any]:
        """Return the JSON Web Key Set (RFC 7517) with which backends and the provider verify."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the audit log that is not a decision: sign-in, refused sign-in, sign-out, choice, registration."""

    kind: str
    session: str | None
    organisation: str | None
    detail: str


class AuditLog(Protocol):
    """The durable record of who did what. Every method but `used` raises AuditUnavailable."""

    async def decided(self, decision: Decision, *, session: str, person: str, method: str, path: str) -> str:
        """Write a decision and return the record's id. `person` is the pseudonym."""

    async def happened(self, event: Event) -> str:
        """Write another event and return the record's id."""

    def used(self, record: str, *, method: str, path: str) -> bool:
        """Note a request that is forwarded on a recorded decision; it is written before long, without waiting for it.

        False when what was noted before could not be written: then nothing is noted, and the decision is made anew.
        """
