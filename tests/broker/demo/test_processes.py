"""Starting and ending real processes: nothing is left behind, and whoever fails is named with its last words."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from broker.demo import guard, processes
from broker.demo.options import free_port
from broker.demo.processes import Household, HttpProbe, Part, PartFailed, RedisProbe

PATIENCE_SECONDS = 20.0
# Ignores SIGTERM itself and starts a child that does the same: a server with a worker that hangs.
STUBBORN = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"])
signal.pause()
"""
# Starts one process in a household, says its group, and waits to be killed.
DOOMED = """
import asyncio, pathlib, sys
from broker.demo.processes import Household, Part
async def main():
    async with Household(pathlib.Path(sys.argv[1])) as household:
        await household.start((Part(name="sleeper", title="a sleeper", command=("sleep", "600"), probes=()),))
        print(household.groups()[0], flush=True)
        await household.watch()
asyncio.run(main())
"""


def python(code: str, *, title: str = "the part", probes: tuple[HttpProbe | RedisProbe, ...] = ()) -> Part:
    return Part(name="part", title=title, command=(sys.executable, "-c", code), probes=probes)


async def eventually(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not true():  # noqa: ASYNC110  (the end of a process that is not our child is no event for us)
            await asyncio.sleep(0.02)


def is_gone(group: int) -> bool:
    """No member is left, or only dead ones that their parent has not collected (a container without an init)."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    members = [path for path in Path("/proc").glob("[0-9]*/stat") if _group_of(path) == str(group)]
    return bool(members) and all(_state_of(path) == "Z" for path in members)


def _group_of(stat: Path) -> str:
    return _fields(stat)[2]


def _state_of(stat: Path) -> str:
    return _fields(stat)[0]


def _fields(stat: Path) -> list[str]:
    try:
        return stat.read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ["Z", "", ""]


async def test_a_part_that_answers_is_healthy_and_is_ended_on_leaving(tmp_path: Path) -> None:
    port = free_port()
    part = Part(
        name="files",
        title="a file server",
        command=(sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(tmp_path), str(port)),
        probes=(HttpProbe(url=f"http://127.0.0.1:{port}/"),),
    )
    async with Household(tmp_path) as household:
        await household.start((part,))
        (group,) = household.groups()
        assert not is_gone(group)

    assert is_gone(group)


async def test_a_part_that_ends_while_starting_is_named_with_its_last_words(tmp_path: Path) -> None:
    nobody = HttpProbe(url=f"http://127.0.0.1:{free_port()}/health")
    async with Household(tmp_path) as household:
        with pytest.raises(PartFailed) as failed:
            await household.start(
                (python("print('no key found'); raise SystemExit(3)", title="Redis", probes=(nobody,)),)
            )

    assert "Redis: ended with exit code 3" in str(failed.value)
    assert "no key found" in str(failed.value)
    assert "part.log" in str(failed.value)


async def test_a_part_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "START_SECONDS", 0.2)
    nobody = RedisProbe(host="127.0.0.1", port=free_port(), user="inkom", password="unused")
    async with Household(tmp_path) as household:
        with pytest.raises(PartFailed, match="the part: did not answer within"):
            await household.start((python("import signal; signal.pause()", probes=(nobody,)),))
        (group,) = household.groups()

    assert is_gone(group)


async def test_a_part_that_dies_later_ends_the_watch(tmp_path: Path) -> None:
    async with Household(tmp_path) as household:
        await household.start((python("import signal; signal.pause()", title="the gateway"),))
        watch = asyncio.create_task(household.watch())
        os.killpg(household.groups()[0], signal.SIGKILL)
        with pytest.raises(PartFailed, match="the gateway: ended by signal 9"):
            await watch


async def test_a_part_that_does_not_listen_to_reason_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.2)
    async with Household(tmp_path) as household:
        await household.start((python(STUBBORN),))
        (group,) = household.groups()

    await eventually(lambda: is_gone(group))


async def test_a_demo_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    doomed = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", DOOMED, str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert doomed.stdout is not None
    group = int(await doomed.stdout.readline())
    assert not is_gone(group)

    doomed.kill()
    await doomed.wait()

    await eventually(lambda: is_gone(group))


def test_the_guard_remembers_what_was_started_and_has_not_ended() -> None:
    assert guard.remaining_groups(["+11\n", "+12\n", "-11\n", "+13\n"]) == {12, 13}


async def test_the_guard_kills_what_ignores_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "GRACE_SECONDS", 0.2)
    stubborn = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-c",
            "import signal; signal.signal(15, signal.SIG_IGN); print(1, flush=True); signal.pause()",
        ),
        stdout=asyncio.subprocess.PIPE,
        process_group=0,
    )
    assert stubborn.stdout is not None
    await stubborn.stdout.readline()

    await asyncio.to_thread(guard.end_groups, {stubborn.pid})

    assert await stubborn.wait() == -signal.SIGKILL


def test_the_guard_minds_no_group_that_is_gone() -> None:
    guard.end_groups({2**22 + 1})
