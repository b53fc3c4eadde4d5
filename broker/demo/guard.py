"""The last resort: ends what the demo started when the demo itself is killed and cannot do so.

A process of its own that reads lines on its standard input, `+1234` when a process group was started and `-1234` when
it has ended. The end of that input means that the demo is gone: every group still listed is ended. Works where no
signal to children on a parent's death exists (macOS), and reaches whole groups. Imports the standard library only,
as it runs by its path.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable

GRACE_SECONDS = 5.0
PATIENCE_SECONDS = 0.05


def remaining_groups(lines: Iterable[str]) -> set[int]:
    """Follow the lines to their end; the groups that were started and have not ended."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    return groups


def end_groups(groups: set[int]) -> None:
    """SIGTERM to each group, and SIGKILL to those that are still there after the grace."""
    alive = {group for group in groups if _signalled(group, signal.SIGTERM)}
    deadline = time.monotonic() + GRACE_SECONDS
    while alive and time.monotonic() < deadline:
        time.sleep(PATIENCE_SECONDS)
        alive = {group for group in alive if _signalled(group, 0)}
    for group in alive:
        _signalled(group, signal.SIGKILL)


def _signalled(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def main() -> None:
    """Outlive the terminal and its Ctrl-C: only the end of the input ends the guard."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end_groups(remaining_groups(sys.stdin))


if __name__ == "__main__":
    main()
