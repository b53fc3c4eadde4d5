"""The script that wrk is given, and what it tells."""

from pathlib import Path

import pytest

from bench.load import LoadFailed, Shot, read_outcome, script_of

TOLD = (
    'bench:{"requests":2000,"microseconds":1000000,"octets":2400000,"connect":0,"read":0,"write":0,"status":%d,'
    '"timeout":0,"p50":1500,"p99":8250}'
)


def printed(*, status: int = 0) -> str:
    return f"Running 1s test @ http://127.0.0.1:8000/\n  1 threads and 32 connections\n{TOLD % status}\n"


def shot(**more: object) -> Shot:
    known: dict[str, object] = {"who": "it", "port": 8000, "path": "/1k", "headers": {"Host": "localhost:8000"}, **more}
    return Shot(**known)  # type: ignore[arg-type]  # checked by Shot itself


def test_what_was_told_is_read_in_seconds_and_milliseconds() -> None:
    outcome = read_outcome(printed())

    assert (outcome.requests, outcome.seconds, outcome.octets) == (2000, 1.0, 2_400_000)
    assert (outcome.p50, outcome.p99, outcome.per_second) == (1.5, 8.25, 2000.0)
    assert outcome.errors == {}


def test_answers_that_are_no_success_are_errors() -> None:
    assert read_outcome(printed(status=3)).errors == {"status": 3}


def test_a_load_that_tells_nothing_has_failed() -> None:
    with pytest.raises(LoadFailed, match="unable to connect"):
        read_outcome("unable to connect to 127.0.0.1:8000 Connection refused\n")


def test_the_script_sends_the_headers_of_the_shot() -> None:
    script = script_of(shot(headers={"Cookie": 'a="b"'}))

    assert 'wrk.method = "GET"' in script
    assert r'wrk.headers["Cookie"] = "a=\"b\""' in script
    assert "function request" not in script
    assert "function delay" not in script


def test_a_rate_is_that_of_all_users_together() -> None:
    # 128 users at 1 000 requests/s: each comes every 128 ms.
    assert "math.log(1 - math.random()) * 128.0" in script_of(shot(rate=1000.0))


def test_sessions_are_taken_in_turn_from_where_the_last_load_ended(tmp_path: Path) -> None:
    script = script_of(shot(cookies=tmp_path / "cookies", start=17))

    assert "local cookies, at = {}, 17" in script
    assert f'io.lines("{tmp_path}/cookies")' in script


def test_sessions_are_drawn_where_that_is_asked_for(tmp_path: Path) -> None:
    assert "math.random(#cookies)" in script_of(shot(cookies=tmp_path / "cookies", at_random=True))


def test_a_header_that_lua_would_read_otherwise_is_refused() -> None:
    with pytest.raises(LoadFailed, match="not plain text"):
        script_of(shot(headers={"Name": "Zoë"}))
