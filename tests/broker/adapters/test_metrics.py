"""Figures about backends, in one process and added up over workers that come and go."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from broker.adapters.metrics import PrometheusMeasures

WORKER = """
import os, sys
from broker.adapters.metrics import PrometheusMeasures
measures = PrometheusMeasures()
measures.backend_state("app", "one", usable=sys.argv[1] == "usable")
measures.backend_event("app", "one", "ejected")
print("told", flush=True)
sys.stdin.readline()
print(measures.exposition().decode())
"""


def worker(folder: Path, state: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    started = subprocess.Popen(
        [sys.executable, "-c", WORKER, state],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "told\n"
    return started


def test_the_state_and_the_events_of_an_address_are_figures() -> None:
    measures = PrometheusMeasures()
    measures.backend_state("app", "one", usable=True)
    measures.backend_state("app", "one", usable=False)
    measures.backend_event("app", "one", "ejected")
    figures = measures.exposition().decode()
    assert 'inkom_backend_usable{address="one",application="app"} 0.0' in figures
    assert 'inkom_backend_events_total{address="one",application="app",event="ejected"} 1.0' in figures


def test_the_worst_opinion_of_the_workers_that_are_alive_counts(tmp_path: Path) -> None:
    usable, other = worker(tmp_path, "usable"), worker(tmp_path, "not")
    seen = []
    for one in (other, usable):  # by the time the second is asked, the first has ended
        figures, _ = one.communicate("\n", timeout=30)
        seen.append({line for line in figures.splitlines() if line.startswith("inkom_backend")})
    counted = 'inkom_backend_events_total{address="one",application="app",event="ejected"} 2.0'
    assert seen == [
        {'inkom_backend_usable{address="one",application="app"} 0.0', counted},
        {'inkom_backend_usable{address="one",application="app"} 1.0', counted},
    ]
