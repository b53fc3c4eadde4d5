"""What a WebSocket message costs: an echo of 64 bytes, there and back, on 32 connections."""

from __future__ import annotations

from contextlib import ExitStack

from bench.candidates.candidate import Candidate, Running
from bench.candidates.gateway import Gateway
from bench.candidates.nginx import Nginx
from bench.held import talk
from bench.load import CONNECTIONS
from bench.measures.measure import Measure
from bench.results import CPU
from bench.run import Run
from bench.site import LIVE_APPLICATION

_NAME = "websocket"


def _work(run: Run) -> None:
    candidates: tuple[Candidate, ...] = (Gateway(), Nginx())
    with ExitStack() as stack:
        sides = {one.name: one for one in run.started(_NAME, candidates, stack)}

        def one_round(_: str, running: Running, number: int) -> dict[str, float]:
            path = running.path("socket", application=LIVE_APPLICATION)
            headers = {**running.headers, "Origin": f"http://{running.host}"}
            before = running.cpu()
            count, seconds = talk(running.port, path, headers, connections=CONNECTIONS, seconds=run.plan.seconds)
            if not count:
                raise ValueError("no message came back")
            return {"per_second": count / seconds, CPU: (running.cpu() - before) / count * 1e6}

        note = "CPU for each message there and back; opening the 32 connections counts in it"
        run.alternate(_NAME, sides, one_round, notes=dict.fromkeys(sides, note))


MEASURES = (
    Measure(name=_NAME, title="WebSocket messages of 64 bytes", work=_work, seconds=lambda plan: plan.shots(2)),
)
