"""Processes are counted with all that they start, and ended with it."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import pytest

from bench.processes import DidNotStart, running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="measuring needs Linux: /proc, taskset, setpriv")
# Starts a child, says so, and then computes without end.
BUSY = "import os, sys; os.fork(); open(sys.argv[1] + str(os.getpid()), 'w').close()\nwhile True: pass"


def two_there(folder: Path) -> Callable[[], bool]:
    return lambda: len(list(folder.glob("pid-*"))) == 2


def busy(folder: Path) -> tuple[str, ...]:
    return (sys.executable, "-c", BUSY, f"{folder}/pid-")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + 20
    while not condition():
        assert monotonic() < deadline
        sleep(0.02)


def test_cpu_and_memory_are_those_of_all_processes_of_a_program(tmp_path: Path) -> None:
    with running(busy(tmp_path), core=0, log=tmp_path / "log", ready=two_there(tmp_path)) as group:
        members = group.members()
        wait_for(lambda: group.cpu() > 0.1)

        assert len(members) == 2
        assert group.rss() >= group.pss() >= group.largest() > 0
        assert all(os.sched_getaffinity(pid) == {0} for pid in members)


def test_nothing_is_left_of_a_program_behind_its_block(tmp_path: Path) -> None:
    with running(busy(tmp_path), core=0, log=tmp_path / "log", ready=two_there(tmp_path)) as group:
        members = group.members()

    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in members))
    assert group.members() == ()
    assert group.cpu() == 0


def test_a_program_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "raise SystemExit('the port is taken')")

    with (
        pytest.raises(DidNotStart, match=r"(?s)did not start.*the port is taken"),
        running(command, core=0, log=tmp_path / "log", ready=lambda: False),
    ):
        pytest.fail("it did not start")


def test_other_programs_do_not_count(tmp_path: Path) -> None:
    with running(busy(tmp_path), core=0, log=tmp_path / "log", ready=two_there(tmp_path)) as group:
        assert os.getpid() not in group.members()
