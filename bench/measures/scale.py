"""What changes as the gateway grows: ten thousand applications instead of one, two workers instead of one."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from bench.candidates.candidate import check
from bench.candidates.gateway import Gateway, RunningGateway
from bench.measures.measure import Measure
from bench.run import Run

_MANY = 10_000
_IN_USE = 100


def _applications(run: Run) -> None:
    name = "applications"
    if not run.chosen(name, (Gateway(),)):
        return
    many = Gateway(applications=_MANY)
    paths = run.site.room(name) / "paths"
    paths.write_text("".join(f"/{path}/1k\n" for path in many.paths() if _is_plain(path)))
    _thin(paths, _IN_USE)
    with ExitStack() as stack:
        run.progress.step(f"{name}: starting a gateway with {_MANY} applications")
        sides = {
            "gateway, 1 application": stack.enter_context(Gateway(applications=1).start(run.site)),
            "gateway, 10 000 applications": stack.enter_context(many.start(run.site)),
        }
        for one in sides.values():
            check(one)

        def one_round(label: str, running: RunningGateway, number: int) -> dict[str, float]:
            shot = run.at(running, "1k", paths=paths if "10 000" in label else None)
            return run.shoot(running, shot, warm=number == 0)

        notes = {"gateway, 10 000 applications": f"requests go round {_IN_USE} of them"}
        run.alternate(name, sides, one_round, notes=notes)


def _workers(run: Run) -> None:
    name = "workers"
    if not run.chosen(name, (Gateway(),)):
        return
    with ExitStack() as stack:
        sides = {
            "gateway, 1 worker": stack.enter_context(Gateway().start(run.site)),
            "gateway, 2 workers": stack.enter_context(Gateway(workers=2).start(run.site)),
        }
        notes = dict.fromkeys(sides, "all on one core: what a second worker adds to the cost of a request")
        run.alternate(
            name,
            sides,
            lambda _, one, number: run.shoot(one, run.at(one, "1k"), warm=number == 0),
            notes=notes,
        )


def _is_plain(path: str) -> bool:
    return path.startswith("app-")


def _thin(file: Path, count: int) -> None:
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:: max(1, len(lines) // count)][:count]) + "\n")


MEASURES = (
    Measure(
        name="applications",
        title="1 kB answers, 1 and 10 000 applications",
        work=_applications,
        seconds=lambda plan: plan.shots(2) + 60,
    ),
    Measure(
        name="workers",
        title="1 kB answers, 1 and 2 workers",
        work=_workers,
        seconds=lambda plan: plan.shots(2) + 3,
    ),
)
