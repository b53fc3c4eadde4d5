"""What holds for all tests, and who shares a process with whom when they run in several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.statements import Line, lines_of, written

# No test is judged by the time it takes: a busy machine is not a bug.
settings.register_profile("inkom", deadline=None)
settings.load_profile("inkom")

# Tests of these folders share what is slow to start: a whole chain of processes, servers that are not ours.
TOGETHER = ("tests/e2e/", "tests/conformance/", "tests/examples/")


# What a test records under this name is shown at the end, whichever worker it ran in.
TABLE = "table"


# Where the run writes which statement of the acceptance list was expected, and what was seen.
STATEMENTS = Path(__file__).parent / "artefacts" / "conformance.md"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the tables that are for reading, and write the one of the acceptance list."""
    lines: list[Line] = []
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            if getattr(report, "when", None) != "call":
                continue
            for name, table in report.user_properties:
                if name == TABLE:
                    terminalreporter.write_line(f"\n{table}")
            lines += lines_of(report.nodeid, report.user_properties, passed=outcome == "passed")
    if lines:
        STATEMENTS.parent.mkdir(exist_ok=True)
        STATEMENTS.write_text(written(lines), encoding="utf-8")
        proven = len({line.number for line in lines})
        terminalreporter.write_line(f"{proven} statements of the acceptance list: {STATEMENTS}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders that take long and cannot be divided, so that no worker waits for another at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(TOGETHER))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give a worker a whole folder of TOGETHER, else a whole file; xdist 3.8 and pytest 9 do not group by marker."""
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it has no types

    class ByFolderOrFile(LoadScopeScheduling):  # type: ignore[misc]  # for the same reason
        def _split_scope(self, nodeid: str) -> str:
            return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid.partition("::")[0])

    return ByFolderOrFile(config, log)
