"""What holds for all tests, and who shares a process with whom when they run in several."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings

# No test is judged by the time it takes: a busy machine is not a bug.
settings.register_profile("inkom", deadline=None)
settings.load_profile("inkom")

# Tests of these folders share what is slow to start: a whole chain of processes, servers that are not ours.
TOGETHER = ("tests/e2e/", "tests/conformance/")


# What a test records under this name is shown at the end, whichever worker it ran in.
TABLE = "table"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the tables that are for reading."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, table in getattr(report, "user_properties", ()):
                if name == TABLE and report.when == "call":
                    terminalreporter.write_line(f"\n{table}")


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
