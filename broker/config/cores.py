"""How many cores this process may use: of the machine, by affinity, and by the quota of its control group.

A container that was given one and a half of 64 cores should not start 64 workers.
"""

from __future__ import annotations

import os
from math import ceil
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def available_cores(group: Path = _CGROUP) -> int:
    """Return the number of cores, at least 1; a quota that is a part of a core counts as one.

    Only the group that a container sees as its root is looked at: https://docs.kernel.org/admin-guide/cgroup-v2.html,
    "cpu.max"; version 1 has `cpu.cfs_quota_us`.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(group)
    return max(1, cores if quota is None else min(cores, ceil(quota)))


def _quota(group: Path) -> float | None:
    try:
        allowed, period = (group / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            allowed = (group / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (group / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    # "max", and in version 1 -1, mean that there is no limit.
    if not allowed.isdecimal() or not period.isdecimal() or int(period) == 0:
        return None
    return int(allowed) / int(period)
