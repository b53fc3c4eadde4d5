"""What the gateway holds in memory: at work, with many connections or open streams, while a gigabyte goes through."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from bench.candidates.apache import ModAuthOpenidc
from bench.candidates.candidate import Candidate, Running, check
from bench.candidates.gateway import Gateway
from bench.candidates.nginx import Nginx
from bench.candidates.node import NodeGateway
from bench.held import fetch, hold, post, request
from bench.load import fire
from bench.measures.measure import Measure
from bench.results import CPU
from bench.run import WARMING_SECONDS, Run
from bench.site import LIVE_APPLICATION

_MEGABYTE = 1e6
_CONNECTIONS = 10_000
_STREAMS = 1000
_GIGABYTE = 1_000_000_000
_WITH_NGINX: tuple[Candidate, ...] = (Gateway(), Nginx())


def _each(name: str, candidates: tuple[Candidate, ...], look: Callable[[Run, Running], None]) -> Callable[[Run], None]:
    """Look at each candidate alone, freshly started."""

    def work(run: Run) -> None:
        for candidate in run.chosen(name, candidates):
            run.progress.step(f"{name}: {candidate.title}")
            with candidate.start(run.site) as running:
                check(running)
                look(run, running)

    return work


def _worker(run: Run, running: Running) -> None:
    """After a while of load, as a worker is in life."""
    at_start = running.pss()
    fire(run.at(running, "1k"), seconds=max(WARMING_SECONDS, run.plan.seconds), folder=run.site.folder)
    figures = {
        "mb": max(group.largest() for group in running.groups) / _MEGABYTE,
        "all_mb": running.pss() / _MEGABYTE,
        "at_start_mb": at_start / _MEGABYTE,
    }
    run.keep("worker_memory", running.name, figures, note="Pss of the largest process after load, and of all")


def _idle(run: Run, running: Running) -> None:
    before = running.pss()
    after, alive = hold(running.port, _CONNECTIONS, first=b"", look=running.pss, wanted=b"")
    figures = {"mb": after / _MEGABYTE, "growth_mb": (after - before) / _MEGABYTE, "open": float(alive)}
    _short_of(run, "idle_connections", running, alive, _CONNECTIONS)
    note = "Pss with all of them open; none has asked anything yet"
    run.keep("idle_connections", running.name, figures, note=note)


def _streams(run: Run, running: Running) -> None:
    before = running.pss()
    headers = {**running.headers, "Accept": "text/event-stream"}
    ask = request(running.path("events", application=LIVE_APPLICATION), headers)
    after, alive = hold(running.port, _STREAMS, first=ask, look=running.pss, wanted=b"data: hello\n\n")
    figures = {
        "mb": after / _MEGABYTE,
        "growth_mb": (after - before) / _MEGABYTE,
        "kb_each": (after - before) / max(1, alive) / 1000,
        "open": float(alive),
    }
    _short_of(run, "event_streams", running, alive, _STREAMS)
    note = "Pss while 1 000 streams are asked for and `open` of them are, each after its first event"
    run.keep("event_streams", running.name, figures, note=note)


def _short_of(run: Run, measure: str, running: Running, alive: int, wanted: int) -> None:
    if alive < wanted:
        run.progress.loudly(f"{measure}: {running.name} holds only {alive} of {wanted}")


def _transfers(run: Run, running: Running) -> None:
    """After one of each in small, so that what is made once is there already."""
    down = request(running.path("1g"), {**running.headers, "Connection": "close"})
    small = request(running.path("10m"), {**running.headers, "Connection": "close"})
    fetch(running.port, small, 10_000_000, look=running.rss)
    post(running.port, _posting(running, 10_000_000), 10_000_000, look=running.rss)
    moves: dict[str, Callable[[], float]] = {
        "download_1g": lambda: fetch(running.port, down, _GIGABYTE, look=running.rss),
        "upload_1g": lambda: post(running.port, _posting(running, _GIGABYTE), _GIGABYTE, look=running.rss),
    }
    for name, move in moves.items():
        before, cpu, began = running.rss(), running.cpu(), monotonic()
        most = move()
        figures = {
            "growth_mb": (most - before) / _MEGABYTE,
            "mb_per_second": _GIGABYTE / (monotonic() - began) / _MEGABYTE,
            CPU: (running.cpu() - cpu) * 1e6,
        }
        run.keep(name, running.name, figures, note="growth of RSS while one of 1 GB goes through")


def _posting(running: Running, size: int) -> bytes:
    headers = {
        **running.headers,
        "Origin": f"http://{running.host}",
        "Content-Type": "application/octet-stream",
        "Content-Length": str(size),
        "Connection": "close",
    }
    return request(running.path("taken", application=LIVE_APPLICATION), headers, method="POST")


_AT_WORK: tuple[Candidate, ...] = (Gateway(), Nginx(), ModAuthOpenidc(cache="shm"), NodeGateway())
MEASURES = (
    Measure(
        name="worker_memory",
        title="memory of one worker",
        work=_each("worker_memory", _AT_WORK, _worker),
        seconds=lambda plan: 4 * (plan.seconds + 3),
    ),
    Measure(
        name="idle_connections",
        title="memory with 10 000 idle connections",
        work=_each("idle_connections", _WITH_NGINX, _idle),
        seconds=lambda plan: 15,
    ),
    Measure(
        name="event_streams",
        title="memory with 1 000 idle event streams",
        work=_each("event_streams", _WITH_NGINX, _streams),
        seconds=lambda plan: 15,
    ),
    Measure(
        name="transfer_1g",
        title="memory while 1 GB goes down and 1 GB goes up",
        work=_each("transfer_1g", _WITH_NGINX, _transfers),
        seconds=lambda plan: 25,
    ),
)
