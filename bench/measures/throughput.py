"""What one request costs, and how many there can be: answers of three sizes, forms, uploads. wrk, as much as goes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.candidates.apache import ModAuthOpenidc
from bench.candidates.auth_request import AuthRequest
from bench.candidates.candidate import Candidate, Running
from bench.candidates.gateway import Gateway
from bench.candidates.nginx import Nginx
from bench.candidates.node import NodeGateway
from bench.load import Shot
from bench.measures.measure import Measure
from bench.run import Run
from bench.site import LIVE_APPLICATION

_LARGE_CONNECTIONS = 8
_ASGI_ONLY = Gateway(name="gateway_asgi", title="gateway, fast path off", listen={"fast_path": False})
EVERYBODY: tuple[Candidate, ...] = (
    Gateway(),
    _ASGI_ONLY,
    Nginx(),
    Nginx(tuned=True),
    ModAuthOpenidc(cache="redis"),
    ModAuthOpenidc(cache="shm"),
    NodeGateway(),
    AuthRequest(),
)
_LARGE: tuple[Candidate, ...] = (
    Gateway(),
    _ASGI_ONLY,
    Nginx(),
    Nginx(tuned=True),
    ModAuthOpenidc(cache="shm"),
    NodeGateway(),
)
_PLAIN: tuple[Candidate, ...] = (Gateway(), Nginx(), Nginx(tuned=True))
_FORMS: tuple[Candidate, ...] = (Gateway(), _ASGI_ONLY, Nginx(), NodeGateway())


def _shooting(
    name: str, candidates: tuple[Candidate, ...], shot_of: Callable[[Run, Running], Shot]
) -> Callable[[Run], None]:
    def work(run: Run) -> None:
        with ExitStack() as stack:
            sides = {one.name: one for one in run.started(name, candidates, stack)}
            run.alternate(name, sides, lambda _, one, number: run.shoot(one, shot_of(run, one), warm=number == 0))

    return work


def _measure(
    name: str, title: str, candidates: tuple[Candidate, ...], shot_of: Callable[[Run, Running], Shot]
) -> Measure:
    return Measure(
        name=name,
        title=title,
        work=_shooting(name, candidates, shot_of),
        seconds=lambda plan: plan.shots(len(candidates)),
    )


def _body(run: Run, size: int) -> Path:
    file = run.site.folder / f"body-{size}"
    if not file.exists():
        file.write_bytes(b"field=" + b"x" * (size - len(b"field=")))
    return file


def _form(run: Run, running: Running) -> Shot:
    shot = run.at(running, "taken")
    headers = {**shot.headers, "Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{running.host}"}
    return run.at(running, "taken", method="POST", body=_body(run, 1000), headers=headers)


def _upload(run: Run, running: Running) -> Shot:
    headers = {**running.headers, "Content-Type": "application/octet-stream", "Origin": f"http://{running.host}"}
    return run.at(
        running,
        "taken",
        path=running.path("taken", application=LIVE_APPLICATION),
        method="POST",
        body=_body(run, 10_000_000),
        headers=headers,
        connections=_LARGE_CONNECTIONS,
    )


MEASURES = (
    _measure("cpu_1k", "1 kB answers, 32 connections", EVERYBODY, lambda run, one: run.at(one, "1k")),
    _measure("cpu_100k", "100 kB answers, 32 connections", _LARGE, lambda run, one: run.at(one, "100k")),
    _measure("post_1k", "forms of 1 kB (POST), 32 connections", _FORMS, _form),
    _measure(
        "download_10m",
        "downloads of 10 MB, 8 connections",
        _PLAIN,
        lambda run, one: run.at(one, "10m", connections=_LARGE_CONNECTIONS),
    ),
    _measure("upload_10m", "uploads of 10 MB, 8 connections", _PLAIN, _upload),
)
