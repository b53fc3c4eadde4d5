"""Many sessions: whether a request costs more among a million than among a thousand, and what one takes in Redis."""

from __future__ import annotations

from contextlib import ExitStack

from bench.candidates.candidate import Running, check
from bench.candidates.gateway import Gateway, RunningGateway
from bench.candidates.nginx import Nginx
from bench.measures.measure import Measure
from bench.run import Plan, Run
from bench.seeding import Seeded, seed

_FEW = 1000
_SEEDED_PER_SECOND = 1500


def _seeded(run: Run, gateway: RunningGateway, owner: str, count: int) -> Seeded:
    """The sessions in that Redis, written once in a run."""
    if owner not in run.seeded:
        run.progress.step(f"sessions: writing {count} into Redis")
        run.seeded[owner] = seed(
            gateway.configuration,
            cookie_name=gateway.session_cookie,
            token=gateway.token,
            count=count,
            folder=run.site.room("seeded"),
        )
    return run.seeded[owner]


def _uncached(run: Run) -> None:
    """Every request comes with a session that this process has not seen."""
    name = "cpu_1k_uncached"
    with ExitStack() as stack:
        sides: dict[str, Running] = {}
        for candidate in run.chosen(name, (Gateway(redis="many"), Nginx())):
            sides[candidate.name] = stack.enter_context(candidate.start(run.site))
            check(sides[candidate.name])
        gateway = sides.get("gateway")
        if not isinstance(gateway, RunningGateway):
            return
        seeded = _seeded(run, gateway, "many", run.plan.many_sessions)
        used = 0

        def one_round(_: str, running: Running, number: int) -> dict[str, float]:
            nonlocal used
            warm = number == 0 and running is not gateway
            shot = run.at(running, "1k", cookies=seeded.every, start=used % seeded.count)
            figures = run.shoot(running, shot, warm=warm)
            if running is gateway:
                used += round(figures["per_second"] * run.plan.seconds) + shot.connections
            return figures

        run.alternate(name, sides, one_round)
        note = f"{seeded.count} sessions, used once each"
        if used > seeded.count:
            note = f"{seeded.count} sessions, one after the other, {used / seeded.count:.1f} times around"
        run.note(name, {"gateway": note, "nginx": "the same load, of which it reads nothing"})


def _few_or_many(run: Run) -> None:
    name = "sessions"
    many = f"{run.plan.many_sessions:,}".replace(",", " ")
    if not run.chosen(name, (Gateway(),)):
        return
    with ExitStack() as stack:
        few_gateway = stack.enter_context(Gateway(redis="few").start(run.site))
        many_gateway = stack.enter_context(Gateway(redis="many").start(run.site))
        files = {
            "gateway, 1 000 sessions": _seeded(run, few_gateway, "few", _FEW).every,
            "gateway, many sessions": _seeded(run, many_gateway, "many", run.plan.many_sessions).some,
            "gateway, many sessions, all in use": _seeded(run, many_gateway, "many", run.plan.many_sessions).every,
        }
        sides = {label: few_gateway if "1 000" in label else many_gateway for label in files}

        def one_round(label: str, running: RunningGateway, number: int) -> dict[str, float]:
            shot = run.at(running, "1k", cookies=files[label], at_random=True, start=number)
            return run.shoot(running, shot, warm=number == 0)

        notes = {
            "gateway, 1 000 sessions": "drawn at random from 1 000 in Redis",
            "gateway, many sessions": f"drawn at random from 1 000 of {many} in Redis",
            "gateway, many sessions, all in use": f"drawn at random from {many} in Redis: nearly none is in the cache",
        }
        run.alternate(name, sides, one_round, notes=notes)


def _bytes(run: Run) -> None:
    """Everything that a Redis holds after one real sign-in, which was empty before."""
    name = "bytes_per_session"
    if not run.chosen(name, (Gateway(),)):
        return
    run.progress.step(f"{name}: one sign-in, with all that is kept for it")
    with Gateway(redis=name).start(run.site), run.site.redis(name).ask() as redis:
        sizes: dict[str, int] = {}
        for key in redis.scan_iter():
            kind = ":".join(key.decode("ascii", "replace").split(":")[:2])
            sizes[kind] = sizes.get(kind, 0) + int(redis.memory_usage(key) or 0)
    note = ", ".join(f"{kind} {size}" for kind, size in sorted(sizes.items()))
    run.keep(name, "gateway", {"bytes": float(sum(sizes.values()))}, note=note)


def _seeding_seconds(plan: Plan) -> float:
    return plan.many_sessions / _SEEDED_PER_SECOND


MEASURES = (
    Measure(
        name="cpu_1k_uncached",
        title="1 kB answers, each request with a session that is not in the cache",
        work=_uncached,
        seconds=lambda plan: _seeding_seconds(plan) + plan.shots(2),
    ),
    Measure(
        name="sessions",
        title="1 kB answers, few and many sessions in Redis",
        work=_few_or_many,
        seconds=lambda plan: plan.shots(3) + 5,
    ),
    Measure(
        name="bytes_per_session",
        title="what Redis holds for one session, as MEMORY USAGE says",
        work=_bytes,
        seconds=lambda plan: 3,
    ),
)
