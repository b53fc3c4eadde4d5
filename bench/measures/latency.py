"""How long the slowest of a hundred requests takes when the gateway is busy, but not more than it can take."""

from __future__ import annotations

import statistics
from contextlib import ExitStack

from bench.candidates.candidate import Running
from bench.candidates.gateway import Gateway
from bench.candidates.nginx import Nginx
from bench.load import fire
from bench.measures.measure import Measure
from bench.run import WARMING_SECONDS, Run

_SHARE = 0.7
_NAME = "p99_at_70"


def _work(run: Run) -> None:
    with ExitStack() as stack:
        sides = {one.name: one for one in run.started(_NAME, (Gateway(), Nginx()), stack)}
        if "gateway" not in sides:
            return
        gateway = sides["gateway"]
        fire(run.at(gateway, "1k"), seconds=WARMING_SECONDS, folder=run.site.folder)
        most = []
        for number in range(run.plan.rounds):
            run.progress.step(f"{_NAME}: as much as goes, {number + 1} of {run.plan.rounds}")
            shot = run.at(gateway, "1k")
            most.append(fire(shot, seconds=run.plan.seconds, folder=run.site.folder).per_second)
        rate = _SHARE * statistics.median(most)

        def one_round(_: str, running: Running, number: int) -> dict[str, float]:
            return run.shoot(running, run.at(running, "1k", rate=rate, start=number), warm=False)

        note = f"{rate:.0f} requests/s asked for, 70 % of the gateway's most"
        run.alternate(_NAME, sides, one_round, notes=dict.fromkeys(sides, note))


MEASURES = (
    Measure(
        name=_NAME,
        title="latency of 1 kB answers at 70 % of the gateway's own maximum",
        work=_work,
        seconds=lambda plan: 1.5 * plan.shots(2),
    ),
)
