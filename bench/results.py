"""What was measured, as rows; the ratios of them that the project is held to; and the file that keeps both.

Nothing here measures. A ratio is only there when both of its sides were measured in the same run.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

CPU = "cpu_us"
_NOISE = 1.2  # less is no difference on a machine that does anything else


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Medians of one measure for one candidate; `low` and `high` are the extremes of the rounds."""

    measure: str
    candidate: str
    figures: Mapping[str, float]
    low: Mapping[str, float] = field(default_factory=dict)
    high: Mapping[str, float] = field(default_factory=dict)
    rounds: int = 1
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """What could not be measured, and why: it is said in every table."""

    measure: str
    candidate: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a ratio: a figure of a row."""

    measure: str
    candidate: str
    figure: str = CPU


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Ours divided by theirs, and what it is to be at most."""

    name: str
    ours: Side
    theirs: Side
    at_most: float | None


def _cpu(measure: str, candidate: str = "gateway") -> Side:
    return Side(measure=measure, candidate=candidate)


RATIOS = (
    Ratio(name="cpu_1k_vs_nginx", ours=_cpu("cpu_1k"), theirs=_cpu("cpu_1k", "nginx"), at_most=2.4),
    Ratio(
        name="cpu_1k_vs_mod_auth_openidc_redis",
        ours=_cpu("cpu_1k"),
        theirs=_cpu("cpu_1k", "mod_auth_openidc_redis"),
        at_most=1 / 8,
    ),
    Ratio(
        name="cpu_1k_vs_mod_auth_openidc_shm",
        ours=_cpu("cpu_1k"),
        theirs=_cpu("cpu_1k", "mod_auth_openidc_shm"),
        at_most=1 / 5,
    ),
    Ratio(name="cpu_1k_vs_node", ours=_cpu("cpu_1k"), theirs=_cpu("cpu_1k", "node"), at_most=1 / 2),
    Ratio(
        name="cpu_1k_uncached_vs_nginx",
        ours=_cpu("cpu_1k_uncached"),
        theirs=_cpu("cpu_1k_uncached", "nginx"),
        at_most=4,
    ),
    Ratio(name="cpu_100k_vs_nginx", ours=_cpu("cpu_100k"), theirs=_cpu("cpu_100k", "nginx"), at_most=1),
    Ratio(name="cpu_100k_vs_nginx_tuned", ours=_cpu("cpu_100k"), theirs=_cpu("cpu_100k", "nginx_tuned"), at_most=1.6),
    Ratio(
        name="p99_vs_nginx",
        ours=Side(measure="p99_at_70", candidate="gateway", figure="p99_ms"),
        theirs=Side(measure="p99_at_70", candidate="nginx", figure="p99_ms"),
        at_most=3,
    ),
    Ratio(
        name="cpu_1e6_vs_1e3_sessions",
        ours=_cpu("sessions", "gateway, many sessions"),
        theirs=_cpu("sessions", "gateway, 1 000 sessions"),
        at_most=_NOISE,
    ),
    Ratio(
        name="cpu_10000_vs_1_applications",
        ours=_cpu("applications", "gateway, 10 000 applications"),
        theirs=_cpu("applications", "gateway, 1 application"),
        at_most=None,
    ),
)
# Not ratios, but named beside them: which row and figure each is, and what it is to be at most.
FIGURES: dict[str, tuple[Side, float | None]] = {
    "bytes_per_session": (Side(measure="bytes_per_session", candidate="gateway", figure="bytes"), 900.0),
    "worker_mb": (Side(measure="worker_memory", candidate="gateway", figure="mb"), 60.0),
    "decide_us": (Side(measure="decide", candidate="gateway", figure="us"), None),
}


# What the project is held to besides; it is in the rows, and needs no name in the file.
FURTHER = (
    Ratio(
        name="CPU, 2 workers to 1",
        ours=_cpu("workers", "gateway, 2 workers"),
        theirs=_cpu("workers", "gateway, 1 worker"),
        at_most=1.1,
    ),
)
FURTHER_FIGURES: dict[str, tuple[Side, float | None]] = {
    "MB with 10 000 idle connections": (Side(measure="idle_connections", candidate="gateway", figure="mb"), 250.0),
    "MB of growth, 1 GB down": (Side(measure="download_1g", candidate="gateway", figure="growth_mb"), 32.0),
    "MB of growth, 1 GB up": (Side(measure="upload_1g", candidate="gateway", figure="growth_mb"), 32.0),
}


def summarise(rounds: Sequence[Mapping[str, float]], *, measure: str, candidate: str, note: str = "") -> Row:
    """Return the medians of all figures of some rounds. Raises ValueError without any round."""
    if not rounds:
        raise ValueError(f"no round of {measure} was measured")
    names = rounds[0].keys()
    return Row(
        measure=measure,
        candidate=candidate,
        figures={name: statistics.median(one[name] for one in rounds) for name in names},
        low={name: min(one[name] for one in rounds) for name in names},
        high={name: max(one[name] for one in rounds) for name in names},
        rounds=len(rounds),
        note=note,
    )


def figure(rows: Iterable[Row], side: Side) -> float | None:
    """Return one figure; None when it was not measured."""
    for row in rows:
        if row.measure == side.measure and row.candidate == side.candidate:
            return row.figures.get(side.figure)
    return None


def ratios(rows: Sequence[Row]) -> dict[str, float]:
    """Return every ratio and named figure that this run allows."""
    return _found(rows, RATIOS, FIGURES)


def further(rows: Sequence[Row]) -> dict[str, float]:
    """Return what else the project is held to, as far as this run allows."""
    return _found(rows, FURTHER, FURTHER_FIGURES)


def limits() -> dict[str, float | None]:
    """What each ratio and figure is to be at most; None where that is for the reader to judge."""
    figures = {**FIGURES, **FURTHER_FIGURES}
    return {
        **{ratio.name: ratio.at_most for ratio in (*RATIOS, *FURTHER)},
        **{name: most for name, (_, most) in figures.items()},
    }


def _found(
    rows: Sequence[Row], quotients: Sequence[Ratio], figures: Mapping[str, tuple[Side, float | None]]
) -> dict[str, float]:
    found: dict[str, float] = {}
    for ratio in quotients:
        ours, theirs = figure(rows, ratio.ours), figure(rows, ratio.theirs)
        if ours is not None and theirs:
            found[ratio.name] = round(ours / theirs, 3)
    for name, (side, _) in figures.items():
        value = figure(rows, side)
        if value is not None:
            found[name] = round(value, 1)
    return found


def write(path: Path, *, machine: Mapping[str, object], rows: Sequence[Row], absent: Sequence[Absent]) -> None:
    """Keep a run: {"machine": …, "ratios": …, "rows": …}; what is absent stands among the rows, with the reason."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": dict(machine),
        "ratios": ratios(rows),
        "rows": [*(asdict(row) for row in rows), *(asdict(one) for one in absent)],
    }
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    unfinished.replace(path)
