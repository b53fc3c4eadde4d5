"""Names that are good for one use: the `jti` of assertions, request objects and proofs."""

from __future__ import annotations

from datetime import datetime, timedelta

from mock_idp.clock import Clock

AT_MOST = 20_000


class UsedOnce:
    def __init__(self, clock: Clock, *, kept: timedelta) -> None:
        self._clock = clock
        self._kept = kept
        self._seen: dict[tuple[str, str], datetime] = {}

    def first_time(self, owner: str, name: str) -> bool:
        """False when that owner used it before, within the time that names are kept."""
        now = self._clock.now()
        if self._seen.get((owner, name), now) > now:
            return False
        if len(self._seen) >= AT_MOST:
            self._seen = {key: until for key, until in self._seen.items() if until > now}
        self._seen[owner, name] = now + self._kept
        return True
