"""Lengths of time as policy files write them: `15m`, `8h`, `90s`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600}
_LENGTH = re.compile(r"(?P<count>[0-9]{1,6})(?P<unit>[smh])", re.ASCII)
HOW = "write a length of time such as 15m, 8h or 90s"


def length_of(written: str) -> timedelta | None:
    """Return the length, or None for anything that is none."""
    match = _LENGTH.fullmatch(written)
    return None if match is None else timedelta(seconds=int(match["count"]) * _UNITS[match["unit"]])
