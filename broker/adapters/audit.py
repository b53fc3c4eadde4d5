"""The audit log: one JSON line for each decision and each sign-in, sign-out or choice, appended to a file.

A line names persons by pseudonym and sessions by reference, never by name or number. Rotation is the operating
system's: when the file is moved away, the next line opens a new one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from pathlib import Path

import msgspec

from broker.domain.decide import Decision
from broker.ports import AuditUnavailable, Clock, Event

_LINE = msgspec.json.Encoder()
_log = logging.getLogger("inkom.audit")


class _Request(msgspec.Struct, tag_field="kind", tag="request"):
    """A request that was forwarded on a recorded decision."""

    decision: str
    at: str
    method: str
    path: str


class AuditFile:
    """Appends lines to one file; a line that cannot be written raises AuditUnavailable."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._file: int | None = None
        self._inode = 0
        self._noted: list[tuple[str, str, str]] = []
        self._broken = False
        self._torn = False  # a part of a line was written, and not its end

    async def decided(self, decision: Decision, *, session: str, person: str, method: str, path: str) -> str:
        """Write a decision and return the record's id."""
        return self._append(
            {
                "kind": "decision",
                "allowed": decision.allowed,
                "reason": decision.reason,
                "cause": decision.cause.value,
                "application": decision.application,
                "organisation": decision.organisation,
                "person": person,
                "session": session,
                "method": method,
                "path": path,
                "day": decision.day.isoformat(),
                "policy": decision.policy,
                "version": decision.version,
                "steps": [
                    {"condition": step.clause, "holds": step.finding.holds, "cause": step.finding.cause.value}
                    for step in decision.steps
                ],
            }
        )

    async def happened(self, event: Event) -> str:
        """Write another event and return the record's id."""
        return self._append(
            {
                "kind": event.kind,
                "session": event.session,
                "organisation": event.organisation,
                "detail": event.detail,
            }
        )

    def used(self, record: str, *, method: str, path: str) -> bool:
        """Note a request under a recorded decision; the requests of one turn of the loop are written together."""
        if self._broken:
            return False
        if not self._noted:
            asyncio.get_running_loop().call_soon(self._write_noted)
        self._noted.append((record, method, path))
        return True

    async def aclose(self) -> None:
        """Write what was noted, and close the file."""
        self._write_noted()
        self._close()

    def _write_noted(self) -> None:
        noted, self._noted = self._noted, []
        if not noted:
            return
        at = self._clock.now().isoformat()
        lines = [
            _LINE.encode(_Request(decision=record, at=at, method=method, path=path)) + b"\n"
            for record, method, path in noted
        ]
        try:
            self._write(b"".join(lines))
        except AuditUnavailable:
            # Until a line can be written again no decision is used twice: each is made, and fails, by itself.
            _log.exception("requests could not be noted", extra={"lost": len(noted)})
            self._broken = True

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, record: dict[str, object]) -> str:
        record_id = secrets.token_hex(8)
        self._write(_LINE.encode({"id": record_id, "at": self._clock.now().isoformat(), **record}) + b"\n")
        self._broken = False
        return record_id

    def _write(self, lines: bytes) -> None:
        if self._torn:
            lines = b"\n" + lines  # or the next line would be lost with the one that was cut
        try:
            written = os.write(self._open(), lines)
        except OSError as error:
            raise AuditUnavailable(f"the audit log cannot be written: {error.strerror}") from error
        self._torn = written != len(lines)
        if self._torn:
            raise AuditUnavailable("the audit log cannot be written: the disk is full")

    def _open(self) -> int:
        """Return the open file, opened anew when it was moved away."""
        if self._file is not None:
            try:
                if self._path.stat().st_ino == self._inode:
                    return self._file
            except FileNotFoundError:
                pass
            self._close()
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._inode = os.fstat(self._file).st_ino
        return self._file
