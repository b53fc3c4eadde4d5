"""TLS towards backends for real: an authority of the test, certificates that both sides show, and their renewal."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from broker.adapters.metrics import PrometheusMeasures
from broker.config.certificates import CurrentTls
from broker.proxy.backends import Backends
from broker.proxy.failures import UpstreamMisbehaved, UpstreamUnreachable
from broker.proxy.health import HealthRules
from broker.proxy.upstream import RequestHead, Upstream
from tests.broker.adapters.registers.magda.authority import Authority
from tests.broker.proxy.world import HOST, backend, until

GET = RequestHead(method=b"GET", target=b"/", headers=[(b"host", b"b")])


@asynccontextmanager
async def asking(
    port: int,
    tls: Callable[[], ssl.SSLContext],
    *,
    server_name: str | None = None,
    health: HealthRules | None = None,
    measures: PrometheusMeasures | None = None,
) -> AsyncIterator[Backends]:
    upstream = Upstream(HOST, port, ssl=tls, server_name=server_name)
    backends = Backends("app", {"one": upstream}, measures=measures or PrometheusMeasures(), health=health)
    try:
        yield backends
    finally:
        await backends.aclose()


async def status(backends: Backends) -> int:
    response = await backends.send(GET, None)
    async for _ in response:
        pass
    return response.status


def files(authority: Authority, name: str | None = "gateway") -> CurrentTls:
    if name is None:
        return CurrentTls(certificate=None, key=None, authorities=authority.file)
    papers = authority.issue(name)
    return CurrentTls(certificate=papers.certificate, key=papers.key, authorities=authority.file)


async def test_a_backend_of_our_own_authority_is_believed_and_any_other_is_not(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with backend(authority.plain_context()) as server:
        async with asking(server.port, files(authority, None)) as backends:
            assert await status(backends) == 200
        async with asking(server.port, ssl.create_default_context) as backends:
            with pytest.raises(UpstreamUnreachable, match="certificate"):
                await status(backends)
        other = Authority(tmp_path, "another")
        async with asking(server.port, files(other, None)) as backends:
            with pytest.raises(UpstreamUnreachable, match="no connection: "):
                await status(backends)
        assert len(server.received) == 1


async def test_a_backend_that_wants_to_see_our_certificate_sees_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with backend(authority.server_context()) as server:
        async with asking(server.port, files(authority)) as backends:
            assert await status(backends) == 200
        async with asking(server.port, files(authority, None)) as backends:
            with pytest.raises((UpstreamUnreachable, UpstreamMisbehaved)):
                await status(backends)
        assert len(server.received) == 1


@pytest.mark.parametrize(("name", "fits"), [("localhost", True), (None, True), ("backend.internal", False)])
async def test_the_name_on_the_certificate_is_the_one_that_is_configured(
    tmp_path: Path, name: str | None, fits: bool
) -> None:
    authority = Authority(tmp_path)
    async with (
        backend(authority.plain_context()) as server,
        asking(server.port, files(authority, None), server_name=name) as backends,
    ):
        if fits:
            assert await status(backends) == 200
        else:
            with pytest.raises(UpstreamUnreachable, match="Hostname mismatch"):
                await status(backends)


async def test_checks_show_our_certificate_too(tmp_path: Path) -> None:
    authority, measures = Authority(tmp_path), PrometheusMeasures()
    rules = HealthRules(path=b"/ready", host=b"gw.example", interval=0.02, unhealthy_after=1, healthy_after=1)
    async with (
        backend(authority.server_context()) as server,
        asking(server.port, files(authority), health=rules, measures=measures) as backends,
    ):
        following = asyncio.create_task(backends.follow())
        await until(lambda: len(server.received) > 2)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        assert b'inkom_backend_usable{address="one",application="app"} 1.0' in measures.exposition()


async def test_another_authority_counts_with_the_next_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    former, latter = Authority(tmp_path, "former"), Authority(tmp_path, "latter")
    believed = tmp_path / "believed.pem"
    shutil.copy(former.file, believed)
    tls = CurrentTls(certificate=None, key=None, authorities=believed)
    async with backend(latter.plain_context()) as server, asking(server.port, tls) as backends:
        with pytest.raises(UpstreamUnreachable):
            await status(backends)
        shutil.copy(latter.file, believed)
        with caplog.at_level(logging.INFO, "inkom.certificates"):
            assert await status(backends) == 200
            assert tls() is tls()
        assert [record.getMessage() for record in caplog.records] == ["a changed certificate is in use"]


def test_a_renewal_that_went_half_way_leaves_the_former_certificate_in_force(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority = Authority(tmp_path)
    papers, next_ones = authority.issue("gateway"), authority.issue("renewed")
    tls = CurrentTls(certificate=papers.certificate, key=papers.key, authorities=None)
    former = tls()
    os.replace(next_ones.certificate, papers.certificate)
    with caplog.at_level(logging.INFO, "inkom.certificates"):
        assert tls() is former
        assert tls() is former
        assert [record.levelno for record in caplog.records] == [logging.ERROR]
        os.replace(next_ones.key, papers.key)
        assert tls() is not former
    papers.key.unlink()
    assert tls() is tls()
