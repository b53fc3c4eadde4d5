"""Sign-ins per second, the whole code flow against the mock government; and what a policy decision costs by itself."""

from __future__ import annotations

import asyncio
import statistics
import timeit
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from threading import Lock, Thread
from time import monotonic

from bench.candidates.apache import ModAuthOpenidc
from bench.candidates.candidate import Candidate, Running
from bench.candidates.gateway import Gateway
from bench.load import LoadFailed
from bench.measures.measure import Measure
from bench.processes import ROOT
from bench.run import Run
from bench.seeding import pattern_session
from bench.site import APPLICATION
from bench.visitor import PEOPLE, NotSignedIn, Visitor
from broker.adapters.policy_files import load as load_policies
from broker.domain.decide import decide

_VISITORS = 8
_DECISIONS = 2000
_REPEATS = 7


def _logins(run: Run) -> None:
    name = "logins"
    # A Redis of its own: whoever signs in more than fifty times loses the oldest session.
    candidates: tuple[Candidate, ...] = (Gateway(redis="logins"), ModAuthOpenidc(cache="redis"))
    with ExitStack() as stack:
        sides = {one.name: one for one in run.started(name, candidates, stack)}

        def one_round(_: str, running: Running, number: int) -> dict[str, float]:
            before, began = running.cpu(), monotonic()
            # Apache's few lines of policy let the first of them in only; it knows no most of sessions either.
            people = PEOPLE if running.name == "gateway" else PEOPLE[:1]
            count = _sign_in_for(f"http://{running.host}/{APPLICATION}/1k", run.plan.seconds, people)
            return {
                "per_second": count / (monotonic() - began),
                "cpu_ms": (running.cpu() - before) / count * 1000,
            }

        note = "8 visitors; what they and the mock government do on the other core counts in the time, not in the CPU"
        run.alternate(name, sides, one_round, notes=dict.fromkeys(sides, note))


def _sign_in_for(url: str, seconds: float, people: Sequence[str]) -> int:
    """Sign visitors in for so long; return how many. Raises LoadFailed when one of them does not get in."""
    until, count, problems, lock = monotonic() + seconds, 0, list[str](), Lock()

    def visit(person: str) -> None:
        nonlocal count
        while monotonic() < until and not problems:
            visitor = Visitor(person=person)
            try:
                visitor.sign_in(url)
            except (NotSignedIn, OSError) as problem:
                problems.append(str(problem))
            finally:
                visitor.close()
            with lock:
                count += 1

    # Several people: the fiftieth further session of one ends their first, which may be one that is just beginning.
    threads = [Thread(target=visit, args=(people[number % len(people)],)) for number in range(_VISITORS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise LoadFailed(problems[0])
    return count


def _decide(run: Run) -> None:
    """The pure function on the facts of a real session, under the shipped policy."""
    name = "decide"
    if not run.chosen(name, (Gateway(),)):
        return
    run.progress.step(f"{name}: {_REPEATS} times {_DECISIONS} decisions")
    with Gateway().start(run.site) as gateway:
        session = asyncio.run(pattern_session(gateway.configuration, gateway.token))
    if session.acting is None:
        raise LoadFailed("the session acts for nobody")
    (policy,) = load_policies(ROOT / "policies")
    facts, now = session.acting.facts, datetime.now(UTC)
    day = now.date()
    if not decide(policy, application=APPLICATION, facts=facts, day=day, now=now).allowed:
        raise LoadFailed("the person of the load is refused")

    def once() -> None:
        decide(policy, application=APPLICATION, facts=facts, day=day, now=now)

    times = timeit.repeat(once, number=_DECISIONS, repeat=_REPEATS)
    run.keep(name, "gateway", *({"us": one / _DECISIONS * 1e6} for one in times), note="in process, nothing else")
    run.progress.step(f"{name}: {statistics.median(times) / _DECISIONS * 1e6:.1f} µs")


MEASURES = (
    Measure(name="logins", title="sign-ins, the whole code flow", work=_logins, seconds=lambda plan: plan.shots(2)),
    Measure(name="decide", title="one policy decision, without anything around it", work=_decide, seconds=lambda _: 4),
)
