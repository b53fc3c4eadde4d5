"""Makes passes of decisions to forward: what the backend is told, signed, and how long all of it may serve.

Whether somebody may pass was decided and recorded before; keeping passes is the business of `passes`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from broker.domain.admission import Forward
from broker.domain.decide import Decision
from broker.domain.identity_headers import identity_headers
from broker.facts import Found
from broker.ports import Assertions, Clock, Memory, Passage
from broker.proxy.fields import checked, lines_of
from broker.proxy.passes import REUSED_FOR, Pass
from broker.proxy.protected import Protected


class Granting:
    """Makes passes for all applications of one gate."""

    def __init__(self, *, assertions: Assertions, clock: Clock, pseudonym_key: bytes) -> None:
        self._assertions = assertions
        self._clock = clock
        self._key = pseudonym_key

    def granted(self, passage: Passage, application: Protected, found: Found | None) -> Pass:
        """Return the pass of a recorded decision to forward. Raises UnfitForHeaderError."""
        if not isinstance(passage.outcome, Forward) or passage.session is None or passage.record is None:
            raise AssertionError("only an admitted request goes out")
        decision = passage.outcome.decision
        identity = identity_headers(
            passage.session,
            decision,
            record=passage.record,
            key=self._key,
            discloses_national_number=application.discloses_national_number,
        )
        assertion = self._assertions.sign(identity.claims, audience=application.id)
        told = [(name.lower().encode(), value.encode("ascii")) for name, value in identity.plain]
        now = self._clock.now()
        ends = _ends(found, decision, application, now=now)
        return Pass(
            application=application,
            passage=passage,
            lines=lines_of(checked([*told, (b"x-inkom-assertion", assertion.encode("ascii"))])),
            day=decision.day,
            made_at=now,
            holds_until=min(ends),
            reused_until=min((*ends, now + REUSED_FOR, found.use_counts_until if found else now)),
            memory=self._memory(found, decision),
        )

    def continued(self, granted: Pass, decision: Decision, found: Found | None, *, sent_in: bool) -> Pass:
        """Return the pass of a request that still runs, for which it was decided anew.

        What is being `sent_in` may go on when the sign-in grows too old.
        """
        now = self._clock.now()
        return replace(
            granted,
            day=decision.day,
            made_at=now,
            holds_until=min(_ends(found, decision, granted.application, now=now, sent_in=sent_in)),
            memory=self._memory(found, decision),
        )

    def _memory(self, found: Found | None, decision: Decision) -> Memory | None:
        """What tells of changes; nothing does where the day ended during the decision."""
        return found.memory if found is not None and decision.day == self._clock.today() else None


def _ends(
    found: Found | None, decision: Decision, application: Protected, *, now: datetime, sent_in: bool = False
) -> tuple[datetime, ...]:
    """Return the instants by which a decision ends by time alone, besides the end of its day."""
    if found is None:
        return (now,)
    recent = () if sent_in else (step.finding.holds_until for step in decision.steps if step.finding.holds)
    return (
        found.holds_until,
        *application.limits.ends(found.session),
        *(instant for instant in recent if instant is not None),
    )
