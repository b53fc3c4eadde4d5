"""Medians, ratios, and the file that keeps a run."""

import json
from pathlib import Path

import pytest

from bench.results import CPU, RATIOS, Absent, Row, further, limits, ratios, summarise, write

# The names that others read (docs/performance.md, and whoever compares runs).
PROMISED = {
    *("cpu_1k_vs_nginx", "cpu_1k_vs_mod_auth_openidc_redis", "cpu_1k_vs_mod_auth_openidc_shm", "cpu_1k_vs_node"),
    *("cpu_1k_uncached_vs_nginx", "cpu_100k_vs_nginx", "cpu_100k_vs_nginx_tuned", "p99_vs_nginx"),
    *("cpu_1e6_vs_1e3_sessions", "cpu_10000_vs_1_applications", "bytes_per_session", "worker_mb", "decide_us"),
}


def row(measure: str, candidate: str, **figures: float) -> Row:
    return Row(measure=measure, candidate=candidate, figures=figures)


def test_a_figure_is_the_median_of_its_rounds_beside_the_extremes() -> None:
    rounds = [{CPU: 90.0, "p99_ms": 4.0}, {CPU: 80.0, "p99_ms": 9.0}, {CPU: 200.0, "p99_ms": 5.0}]
    summary = summarise(rounds, measure="cpu_1k", candidate="gateway", note="three")

    assert summary.figures == {CPU: 90.0, "p99_ms": 5.0}
    assert summary.low == {CPU: 80.0, "p99_ms": 4.0}
    assert summary.high == {CPU: 200.0, "p99_ms": 9.0}
    assert (summary.rounds, summary.note) == (3, "three")


def test_without_a_round_there_is_no_figure() -> None:
    with pytest.raises(ValueError, match="no round of cpu_1k"):
        summarise([], measure="cpu_1k", candidate="gateway")


def test_a_ratio_is_ours_divided_by_theirs() -> None:
    found = ratios([row("cpu_1k", "gateway", cpu_us=90.0), row("cpu_1k", "nginx", cpu_us=40.0)])

    assert found == {"cpu_1k_vs_nginx": 2.25}


def test_the_latency_ratio_is_that_of_the_slowest_hundredth() -> None:
    rows = [row("p99_at_70", "gateway", p99_ms=6.0, cpu_us=1.0), row("p99_at_70", "nginx", p99_ms=4.0, cpu_us=1.0)]

    assert ratios(rows) == {"p99_vs_nginx": 1.5}


def test_rows_of_another_measure_make_no_ratio() -> None:
    assert ratios([row("cpu_1k", "gateway", cpu_us=90.0), row("cpu_100k", "nginx", cpu_us=40.0)]) == {}


def test_a_candidate_that_cost_nothing_measurable_makes_no_ratio() -> None:
    assert ratios([row("cpu_1k", "gateway", cpu_us=90.0), row("cpu_1k", "nginx", cpu_us=0.0)]) == {}


def test_every_promised_ratio_and_figure_can_be_found_and_no_other() -> None:
    rows = [
        row(side.measure, side.candidate, **{side.figure: 1.0}) for one in RATIOS for side in (one.ours, one.theirs)
    ]
    rows += [
        row("bytes_per_session", "gateway", bytes=700.0),
        row("worker_memory", "gateway", mb=50.0),
        row("decide", "gateway", us=9.0),
    ]

    assert set(ratios(rows)) == PROMISED
    assert set(limits()) > PROMISED


def test_what_has_no_promised_name_is_judged_but_not_kept_among_the_ratios() -> None:
    rows = [row("workers", "gateway, 2 workers", cpu_us=95.0), row("workers", "gateway, 1 worker", cpu_us=90.0)]
    rows.append(row("upload_1g", "gateway", growth_mb=3.0))

    assert further(rows) == {"CPU, 2 workers to 1": 1.056, "MB of growth, 1 GB up": 3.0}
    assert ratios(rows) == {}
    assert set(further(rows)) < set(limits())


def test_a_run_is_kept_whole_with_who_was_not_measured_and_why(tmp_path: Path) -> None:
    file = tmp_path / "results" / "latest.json"
    rows = [row("cpu_1k", "gateway", cpu_us=90.0), row("cpu_1k", "nginx", cpu_us=40.0)]
    absent = [Absent(measure="cpu_1k", candidate="node", why="no node")]
    write(file, machine={"cores": 2}, rows=rows, absent=absent)

    kept = json.loads(file.read_text(encoding="utf-8"))
    assert set(kept) == {"machine", "ratios", "rows"}
    assert kept["machine"] == {"cores": 2}
    assert kept["ratios"] == {"cpu_1k_vs_nginx": 2.25}
    assert [one["candidate"] for one in kept["rows"]] == ["gateway", "nginx", "node"]
    assert kept["rows"][2]["why"] == "no node"
    assert [one.name for one in file.parent.iterdir()] == ["latest.json"]
