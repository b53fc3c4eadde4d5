"""What a measure is: a name for `--only`, what the table says of it, about how long it takes, and its work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.run import Plan, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """`seconds` says about how long the work takes."""

    name: str
    title: str
    work: Callable[[Run], None]
    seconds: Callable[[Plan], float]
