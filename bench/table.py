"""Rows as a table in Markdown, aligned so that it reads well in a terminal too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.results import CPU, Absent, Row, limits

_COLUMNS = ("per_second", "p50_ms", "p99_ms", CPU)
_MEMORY = ("pss_mb", "mb")
_SHOWN_ELSEWHERE = {*_COLUMNS, *_MEMORY}
_HEADINGS = ("candidate", "per second", "p50 ms", "p99 ms", "CPU µs each", "least to most", "memory MB", "and")


def aligned(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column to the left, numbers to the right."""
    rows = [tuple(headings), *(tuple(line) for line in lines)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(headings))]
    texts = [
        "| "
        + " | ".join(_padded(cell, widths[at], left=at in (0, len(headings) - 1)) for at, cell in enumerate(row))
        + " |"
        for row in rows
    ]
    rule = "|" + "|".join(_rule(width, left=at in (0, len(widths) - 1)) for at, width in enumerate(widths)) + "|"
    return "\n".join([texts[0], rule, *texts[1:]])


def measured(rows: Sequence[Row], absent: Sequence[Absent]) -> str:
    """The rows of one measure, and who is absent from it."""
    lines = [_line(row) for row in rows]
    lines += [(one.candidate, *("" for _ in _HEADINGS[2:]), f"NOT MEASURED: {one.why}") for one in absent]
    kept = [at for at in range(len(_HEADINGS)) if at == 0 or any(line[at] for line in lines)]
    return aligned([_HEADINGS[at] for at in kept], ([line[at] for at in kept] for line in lines))


def notes(rows: Sequence[Row]) -> str:
    """What has to be known about single rows."""
    grouped: dict[str, list[str]] = {}
    for row in rows:
        if row.note:
            grouped.setdefault(row.note, []).append(row.candidate)
    return "\n".join(f"{', '.join(who)}: {note}." for note, who in grouped.items())


def compared(found: dict[str, float]) -> str:
    """Ratios and named figures beside what they are to be at most."""
    lines = []
    for name, most in limits().items():
        value = found.get(name)
        verdict = "not measured" if value is None else "" if most is None else "holds" if value <= most else "MISSED"
        lines.append((name, number(value), number(most), verdict))
    return aligned(("ratio or figure", "measured", "at most", ""), lines)


def number(value: float | None) -> str:
    """A number with as many digits as mean something."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", "\N{NO-BREAK SPACE}")
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def _line(row: Row) -> tuple[str, ...]:
    figures = row.figures
    spread = ""
    if CPU in figures and row.rounds > 1:
        spread = f"{number(row.low[CPU])} to {number(row.high[CPU])}"
    memory = next((number(figures[name]) for name in _MEMORY if name in figures), "")
    more = ", ".join(f"{name} {number(value)}" for name, value in figures.items() if name not in _SHOWN_ELSEWHERE)
    return (row.candidate, *(number(figures.get(name)) for name in _COLUMNS), spread, memory, more)


def _padded(cell: str, width: int, *, left: bool) -> str:
    return cell.ljust(width) if left else cell.rjust(width)


def _rule(width: int, *, left: bool) -> str:
    return "-" * (width + 2) if left else "-" * (width + 1) + ":"
