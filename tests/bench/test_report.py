"""Tables, plot, and the place in the document where they go."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.measures.every import MEASURES
from bench.plot import Bar, chart
from bench.report import BEGIN, END, NoPlace, placed, plot_of, publish, text
from bench.results import Absent, Row, summarise
from bench.table import aligned, compared, measured, number
from tests.project.places import read

SVG = "{http://www.w3.org/2000/svg}"


def rows() -> list[Row]:
    rounds = [{"per_second": 9000.0, "cpu_us": 90.0}, {"per_second": 8000.0, "cpu_us": 95.0}]
    return [
        summarise(rounds, measure="cpu_1k", candidate="gateway", note="one session"),
        summarise([{"per_second": 20_000.0, "cpu_us": 40.0}], measure="cpu_1k", candidate="nginx"),
    ]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_columns_of_a_table_stand_below_each_other() -> None:
    lines = aligned(("who", "cost", ""), [("gateway", "90", "x"), ("nginx", "1 170", "")]).splitlines()

    assert len({len(line) for line in lines}) == 1
    assert cells(lines[2]) == ["gateway", "90", "x"]
    assert lines[1].count(":") == 1  # numbers to the right


def test_columns_that_nobody_fills_are_left_out() -> None:
    heading, _, gateway, nginx = measured(rows(), []).splitlines()

    assert cells(heading) == ["candidate", "per second", "CPU µs each", "least to most"]
    assert cells(gateway)[2:] == ["92.5", "90.0 to 95.0"]
    assert cells(nginx)[2:] == ["40.0", ""]


def test_who_was_not_measured_stands_in_the_table_with_the_reason() -> None:
    table = measured(rows(), [Absent(measure="cpu_1k", candidate="node", why="there is none")])

    assert cells(table.splitlines()[-1])[-1] == "NOT MEASURED: there is none"


@pytest.mark.parametrize(
    ("value", "shown"), [(None, ""), (1234.5, "1\N{NO-BREAK SPACE}234"), (42.0, "42.0"), (0.1234, "0.123")]
)
def test_numbers_have_as_many_digits_as_mean_something(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_a_ratio_above_its_limit_is_called_missed() -> None:
    lines = {
        cells(line)[0]: cells(line)[1:] for line in compared({"cpu_1k_vs_nginx": 2.5, "worker_mb": 59.0}).splitlines()
    }

    assert lines["cpu_1k_vs_nginx"] == ["2.5", "2.4", "MISSED"]
    assert lines["worker_mb"][2] == "holds"
    assert lines["p99_vs_nginx"] == ["", "3", "not measured"]


def test_the_report_shows_measures_notes_and_ratios() -> None:
    shown = text(MEASURES, rows(), [], seconds=2, rounds=3)

    assert "### cpu_1k: 1 kB answers, 32 connections" in shown
    assert "gateway: one session." in shown
    assert "cpu_100k:" not in shown
    assert cells(next(line for line in shown.splitlines() if "cpu_1k_vs_nginx " in line))[1] == "2.31"


def test_a_failed_measure_is_in_the_report_too() -> None:
    shown = text(MEASURES, [], [Absent(measure="logins", candidate="all", why="nobody came in")], seconds=2, rounds=3)

    assert "### logins" in shown
    assert "NOT MEASURED: nobody came in" in shown


def test_both_rows_of_a_measure_with_two_names_are_shown() -> None:
    moved = [
        Row(measure=name, candidate="gateway", figures={"growth_mb": 1.0}) for name in ("download_1g", "upload_1g")
    ]

    assert "### upload_1g" in text(MEASURES, moved, [], seconds=2, rounds=3)


def test_what_a_person_wrote_around_the_measured_part_stays() -> None:
    document = f"before\n{BEGIN}\nold\n{END}\nbehind\n"
    written = placed(document, "new\n")

    assert written == f"before\n{BEGIN}\n\nnew\n\n{END}\nbehind\n"
    assert placed(written, "new") == written


@pytest.mark.parametrize("document", ["nothing", f"{BEGIN}", f"{END} {BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_document_without_a_place_is_left_alone(document: str) -> None:
    with pytest.raises(NoPlace):
        placed(document, "new")


def test_the_document_of_the_project_has_its_place() -> None:
    assert "new words" in placed(read("docs/performance.md"), "new words")


def test_publishing_writes_the_tables_the_machine_and_the_plot(tmp_path: Path) -> None:
    document, plot = tmp_path / "performance.md", tmp_path / "performance.svg"
    document.write_text(f"# Costs\n\n{BEGIN}\n{END}\n")
    publish(document, plot, "the tables\n", {"cores": 2}, rows())

    written = document.read_text()
    assert "](performance.svg)" in written
    assert "the tables" in written
    assert "| cores | 2" in written
    assert ElementTree.fromstring(plot.read_text()).tag == f"{SVG}svg"  # noqa: S314  # our own


def test_the_plot_begins_with_the_cheapest_and_tells_its_numbers() -> None:
    drawn = plot_of(rows())
    assert drawn is not None
    root = ElementTree.fromstring(drawn)  # noqa: S314  # our own

    labels = [one.text for one in root.iter(f"{SVG}text")][1:]
    assert labels == ["nginx", "40 µs", "gateway", "92 µs"]
    widths = [float(one.attrib["width"]) for one in root.iter(f"{SVG}rect")][1:]
    assert widths[1] / widths[0] == pytest.approx(92.5 / 40, rel=0.01)


def test_nothing_is_drawn_of_a_run_without_that_measure() -> None:
    assert plot_of([]) is None
    with pytest.raises(ValueError, match="nothing to draw"):
        chart("title", "µs", [])


def test_labels_cannot_break_the_plot() -> None:
    drawn = chart("a < b & c", "µs", [Bar(label="<script>", value=0.0, ours=True)])

    assert [one.text for one in ElementTree.fromstring(drawn).iter(f"{SVG}text")][:2] == ["a < b & c", "<script>"]  # noqa: S314
