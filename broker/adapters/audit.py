"""The audit log: one JSON line for each decision and each sign-in, sign-out or choice, appended to a file.

A line names persons by pseudonym and sessions by reference, never by name or number. Rotation is the operating
system's: when the file is moved away, the next line opens a new one.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec

from broker.domain.decide import Decision
from broker.ports import AuditUnavailable, Clock, Event


class AuditFile:
    """Appends lines to one file; a line that cannot be written raises AuditUnavailable."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._file: int | None = None
        self._inode = 0

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

    async def aclose(self) -> None:
        """Close the file."""
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, record: dict[str, object]) -> str:
        record_id = secrets.token_hex(8)
        line = msgspec.json.encode({"id": record_id, "at": self._clock.now().isoformat(), **record}) + b"\n"
        try:
            file = self._open()
            written = os.write(file, line)
        except OSError as error:
            raise AuditUnavailable(f"the audit log cannot be written: {error.strerror}") from error
        if written != len(line):
            raise AuditUnavailable("the audit log cannot be written: the disk is full")
        return record_id

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
