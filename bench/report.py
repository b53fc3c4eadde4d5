"""The report: all tables as text, and the generated part of docs/performance.md with its plot.

What a person wrote there, before and behind the two marks, stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.measures.measure import Measure
from bench.plot import Bar, chart
from bench.results import CPU, Absent, Row, further, ratios
from bench.table import aligned, compared, measured, notes

BEGIN = "<!-- measured: begin (written by `make bench`) -->"
END = "<!-- measured: end -->"
PLOTTED = "cpu_1k"


class NoPlace(Exception):
    """The document has no place for what was measured."""


def text(
    measures: Sequence[Measure], rows: Sequence[Row], absent: Sequence[Absent], *, seconds: float, rounds: int
) -> str:
    """Every table, each under the title of its measure; the ratios last, where a terminal shows them."""
    parts = [f"Each figure is the median of {rounds} rounds of {seconds:g} s where nothing else is said.\n"]
    for measure in measures:
        own = [row for row in rows if _belongs(row.measure, measure.name)]
        missing = [one for one in absent if one.measure == measure.name]
        for name in dict.fromkeys(row.measure for row in own) or ([measure.name] if missing else []):
            here = [row for row in own if row.measure == name]
            parts.append(f"### {name}: {measure.title}\n")
            parts.append(measured(here, missing) + "\n")
            if said := notes(here):
                parts.append(said + "\n")
    parts.append("### Ratios, ours divided by theirs, and figures\n")
    parts.append(compared({**ratios(rows), **further(rows)}) + "\n")
    return "\n".join(parts)


def machine_table(machine: Mapping[str, object]) -> str:
    """The machine, one line for each fact."""
    return aligned(("what", "which"), ((name, str(value)) for name, value in machine.items()))


def placed(document: str, generated: str) -> str:
    """The document with the generated part between its marks. Raises NoPlace when they are not there once each."""
    if document.count(BEGIN) != 1 or document.count(END) != 1 or document.index(END) < document.index(BEGIN):
        raise NoPlace(f"the document must hold {BEGIN} and then {END}, once each")
    before, _, rest = document.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{generated.strip()}\n\n{END}{rest.partition(END)[2]}"


def publish(document: Path, plot: Path, tables: str, machine: Mapping[str, object], rows: Sequence[Row]) -> None:
    """Write the generated part and the plot. Raises NoPlace."""
    drawn = plot_of(rows)
    picture = f"![CPU time of one request, by candidate]({plot.name})\n\n" if drawn else ""
    generated = f"{picture}{tables}\n### The machine\n\n{machine_table(machine)}"
    content = placed(document.read_text(encoding="utf-8"), generated)
    if drawn:
        plot.write_text(drawn, encoding="utf-8")
    document.write_text(content, encoding="utf-8")


def plot_of(rows: Sequence[Row]) -> str | None:
    """The chart of what a request of 1 kB costs, cheapest first; None when that was not measured."""
    bars = [
        Bar(label=row.candidate, value=row.figures[CPU], ours=row.candidate.startswith("gateway"))
        for row in rows
        if row.measure == PLOTTED and CPU in row.figures
    ]
    if not bars:
        return None
    return chart("CPU time of one authenticated request, 1 kB answer", "µs", sorted(bars, key=lambda bar: bar.value))


def _belongs(name: str, measure: str) -> bool:
    """Whether rows of that name come from a measure: `transfer_1g` brings two."""
    return name == measure or (measure == "transfer_1g" and name in ("download_1g", "upload_1g"))
