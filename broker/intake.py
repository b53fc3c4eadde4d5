"""Takes one Security Event Token in, however it came (push or poll): reads it, audits it, passes it on to all machines.

Short work only: sessions are ended, and facts read anew, when somebody next looks at them (`standing`, `facts`).
"""

from __future__ import annotations

import logging
from typing import assert_never

from broker.ports import (
    Announcements,
    AuditLog,
    AuditUnavailable,
    Event,
    Measures,
    ProviderUnavailable,
    SecurityEvent,
    SetAside,
    SignalReader,
    SignalRefused,
    StoreUnavailable,
    StreamEvent,
    StreamNotes,
)

_log = logging.getLogger("inkom.signals")


class Intake:
    """The one way in for events."""

    def __init__(
        self,
        *,
        reader: SignalReader,
        announcements: Announcements,
        notes: StreamNotes,
        audit: AuditLog,
        measures: Measures,
    ) -> None:
        self._reader = reader
        self._announcements = announcements
        self._notes = notes
        self._audit = audit
        self._measures = measures

    async def take(self, token: bytes) -> None:
        """Take an event in. When this returns, it need not come again.

        Raises SignalRefused for the transmitter's mistakes; ProviderUnavailable, StoreUnavailable or AuditUnavailable
        when we could not do our part.
        """
        try:
            result = await self._take(token)
        except SignalRefused as refused:
            self.refuse(refused)
            raise
        except (ProviderUnavailable, StoreUnavailable, AuditUnavailable) as error:
            _log.error("an event could not be passed on: %s", error)
            self._measures.signalled("unavailable")
            raise
        self._measures.signalled(result)

    def refuse(self, refused: SignalRefused) -> None:
        """Log and count a refusal."""
        _log.warning("an event was refused", extra={"code": refused.code, "detail": refused.detail})
        self._measures.signalled(refused.code)

    async def _take(self, token: bytes) -> str:
        event = await self._reader.read(token)
        match event:
            case SetAside():
                await self._happened("nothing that we act on" if event.reason == "not-ours" else event.reason)
                return event.reason
            case StreamEvent():
                return await self._about_the_stream(event)
            case SecurityEvent():
                # Written first: an event that cannot be audited is not acknowledged, and comes again.
                await self._happened(", ".join(sorted(event.kinds)))
                return "passed-on" if await self._announcements.pass_on(event) else "repeated"
            case _:
                assert_never(event)

    async def _about_the_stream(self, event: StreamEvent) -> str:
        if event.stream is not None and not await self._notes.is_ours(event.stream):
            raise SignalRefused("access_denied", "the event is about a stream that is not ours")
        if event.status is not None:
            _log.warning("the transmitter changed our stream", extra={"status": event.status})
            await self._happened(f"stream {event.status}")
            await self._notes.updated(event.status)
            return "stream-updated"
        if not await self._notes.verified(event.state):
            raise SignalRefused("invalid_state", "state is not one of ours")
        await self._happened("verification")
        return "verification"

    async def _happened(self, detail: str) -> None:
        await self._audit.happened(Event(kind="signal", session=None, organisation=None, detail=detail))
