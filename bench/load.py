"""Load by wrk: as much as goes, or as many users who each wait between requests. Its figures, read from a line of JSON.

wrk runs on the core of everything that is not measured. With `rate` its 128 connections are users who wait for
exponentially distributed times (wrk's `delay`), which is nearly a Poisson arrival; what was reached is reported.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.processes import OTHER_CORE

CONNECTIONS = 32
USERS = 128
_CLOSED_MEANWHILE = 0.001  # of the answers
_GRACE_SECONDS = 60.0
_TOLD = "bench:"
_SCRIPT = """
{setup}
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{told}{{"requests":%d,"microseconds":%d,"octets":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d,' ..
    '"p50":%d,"p99":%d}}\\n', summary.requests, summary.duration, summary.bytes, e.connect, e.read, e.write, e.status,
    e.timeout, latency:percentile(50), latency:percentile(99)))
end
"""
_WAITING = """
math.randomseed({seed})
function delay() return math.floor(-math.log(1 - math.random()) * {mean} + 0.5) end
"""
_ROTATING = """
local cookies, at = {{}}, {start}
for line in io.lines("{file}") do cookies[#cookies + 1] = line end
function request()
  at = at % #cookies + 1
  wrk.headers["Cookie"] = cookies[at]
  return wrk.format(nil, nil)
end
"""
_ANY = """
local cookies = {{}}
math.randomseed({start})
for line in io.lines("{file}") do cookies[#cookies + 1] = line end
function request()
  wrk.headers["Cookie"] = cookies[math.random(#cookies)]
  return wrk.format(nil, nil)
end
"""
_PATHS = """
local paths, at = {{}}, 0
for line in io.lines("{file}") do paths[#paths + 1] = line end
function request()
  at = at % #paths + 1
  return wrk.format(nil, paths[at])
end
"""


class LoadFailed(Exception):
    """The load did not run as it was meant to, so its figures mean nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One kind of request: where to, with what, and from how many connections."""

    who: str
    port: int
    path: str
    headers: Mapping[str, str]
    method: str = "GET"
    body: Path | None = None
    connections: int = CONNECTIONS
    rate: float | None = None  # requests/s of all users together
    cookies: Path | None = None  # a file with a Cookie header value on each line
    at_random: bool = False  # cookies are drawn, instead of one after the other from `start` on
    start: int = 0
    paths: Path | None = None  # a file with a path on each line, asked for in turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What wrk saw. Latencies in milliseconds."""

    requests: int
    seconds: float
    octets: int
    p50: float
    p99: float
    errors: Mapping[str, int] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Requests answered in a second."""
        return self.requests / self.seconds


def fire(shot: Shot, *, seconds: float, folder: Path) -> Outcome:
    """Run the load for some seconds. Raises LoadFailed on any error or any answer that is not 2xx or 3xx."""
    script = folder / "load.lua"
    script.write_text(script_of(shot))
    connections = USERS if shot.rate else shot.connections
    command = [
        *("taskset", "--cpu-list", str(OTHER_CORE), "wrk", "--threads", "1", "--connections", str(connections)),
        *("--duration", f"{max(1, round(seconds))}s", "--timeout", "20s", "--script", str(script)),
        f"http://127.0.0.1:{shot.port}{shot.path}",
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=seconds + _GRACE_SECONDS, check=False)
    outcome = read_outcome(run.stdout + run.stderr)
    # A server may close a kept connection just as it is used again (RFC 9112 9.3). Apache does, once in thousands.
    unexpected = {kind: count for kind, count in outcome.errors.items() if kind != "read"}
    if unexpected or not outcome.requests or outcome.errors.get("read", 0) > outcome.requests * _CLOSED_MEANWHILE:
        raise LoadFailed(f"{shot.who}: {outcome.requests} answers to {shot.path}, and errors: {dict(outcome.errors)}")
    return outcome


def script_of(shot: Shot) -> str:
    """The Lua script of one load."""
    lines = [f"wrk.method = {_lua(shot.method)}"]
    lines += [f"wrk.headers[{_lua(name)}] = {_lua(value)}" for name, value in shot.headers.items()]
    if shot.body is not None:
        lines.append(f'local file = io.open({_lua(str(shot.body))}, "rb"); wrk.body = file:read("*a"); file:close()')
    if shot.cookies is not None:
        lines.append((_ANY if shot.at_random else _ROTATING).format(file=shot.cookies, start=shot.start))
    if shot.paths is not None:
        lines.append(_PATHS.format(file=shot.paths))
    if shot.rate is not None:
        lines.append(_WAITING.format(seed=shot.start + 1, mean=1000.0 * USERS / shot.rate))
    return _SCRIPT.format(setup="\n".join(lines), told=_TOLD)


def read_outcome(printed: str) -> Outcome:
    """Read wrk's output. Raises LoadFailed when our line is not in it."""
    told = next((line.removeprefix(_TOLD) for line in printed.splitlines() if line.startswith(_TOLD)), None)
    if told is None:
        raise LoadFailed(f"wrk told nothing:\n{printed[-2000:]}")
    figures: dict[str, int] = json.loads(told)
    kinds = ("connect", "read", "write", "status", "timeout")
    return Outcome(
        requests=figures["requests"],
        seconds=figures["microseconds"] / 1e6,
        octets=figures["octets"],
        p50=figures["p50"] / 1000,
        p99=figures["p99"] / 1000,
        errors={kind: figures[kind] for kind in kinds if figures[kind]},
    )


def _lua(text: str) -> str:
    """A Lua string. JSON's escapes are Lua's for what stands in our headers and paths."""
    if not text.isascii() or not text.isprintable():
        raise LoadFailed("a header or path of the load is not plain text")
    return json.dumps(text)
