"""`inkom signals` beside transmitters that are not as the mock is: several streams, certificates of their own."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from broker.cli import main
from tests.broker.adapters.registers.magda.authority import Authority
from tests.broker.adapters.small_server import Reply, Request, SmallServer, small_server
from tests.broker.test_config import SMALL
from tests.redis_server import RedisServer

OURS, THEIRS = "https://inkom.example", "https://inkom-test.example"


@dataclass(frozen=True, kw_only=True)
class Transmitter:
    """Has a stream of another gateway's first, which shows the same access token."""

    small: SmallServer

    def publish(self) -> None:
        issuer, origin = f"{self.small.origin}/op", self.small.origin
        metadata = {
            "issuer": issuer,
            "configuration_endpoint": f"{origin}/stream",
            "status_endpoint": f"{origin}/status",
        }
        self.small.on("/.well-known/ssf-configuration/op", Reply(body=json.dumps(metadata).encode()))
        self.small.on("/stream", self._streams)
        for name in ("theirs", "ours"):
            state = {"stream_id": name, "status": "enabled"}
            self.small.on(f"/status?stream_id={name}", Reply(body=json.dumps(state).encode()))

    def _streams(self, request: Request) -> Reply:
        streams = {name: self._stream(name, audience) for name, audience in (("theirs", THEIRS), ("ours", OURS))}
        if request.method == "GET":
            return Reply(body=json.dumps(list(streams.values())).encode())
        return Reply(body=json.dumps(streams[json.loads(request.body)["stream_id"]]).encode())

    def _stream(self, name: str, audience: str) -> dict[str, Any]:
        delivery = {"method": "urn:ietf:rfc:8936", "endpoint_url": f"{self.small.origin}/poll"}
        return {"stream_id": name, "iss": f"{self.small.origin}/op", "aud": audience, "delivery": delivery}


@asynccontextmanager
async def transmitter(tls: ssl.SSLContext | None = None) -> AsyncIterator[Transmitter]:
    async with small_server(tls) as small:
        made = Transmitter(small=small)
        made.publish()
        yield made


def written(folder: Path, issuer: str, redis: RedisServer, *, acm: str = "") -> Path:
    (folder / "assertion.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    (folder / "pseudonym.key").write_text("p" * 40)
    path = folder / "inkom.yaml"
    text = SMALL.replace("https://acm.example/op", issuer).replace("rediss://redis.example:6379/0", redis.url)
    path.write_text(text.replace("registers:", f"{acm}registers:") + "signals: {access_token: ours}\n")
    return path


async def run(path: Path, *words: str) -> int:
    return await asyncio.to_thread(main, ["signals", *words, "--config", str(path), "--json"])


@pytest.mark.parametrize("words", [("status",), ("create", "--poll")])
async def test_the_stream_of_another_gateway_is_neither_taken_nor_changed(
    tmp_path: Path, redis: RedisServer, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    async with transmitter() as there:
        path = written(tmp_path, f"{there.small.origin}/op", redis)
        assert await run(path, *words) == 0
        assert json.loads(capsys.readouterr().out)["stream_id"] == "ours"
        changed = [json.loads(one.body)["stream_id"] for one in there.small.asked("/stream") if one.method == "PATCH"]
    assert changed == (["ours"] if words[0] == "create" else [])


async def test_acm_s_authorities_are_believed_where_acm_is_the_transmitter(
    tmp_path: Path, redis: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = Authority(tmp_path)
    async with transmitter(authority.plain_context()) as there:
        acm = "  tls_authorities_file: authority.pem\n"
        path = written(tmp_path, f"{there.small.origin}/op", redis, acm=acm)
        assert await run(path, "status") == 0
    assert json.loads(capsys.readouterr().out)["stream_id"] == "ours"
