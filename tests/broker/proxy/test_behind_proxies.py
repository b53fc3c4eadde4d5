"""Debian's haproxy and nginx in front: they pass connections on with a PROXY header, before TLS or without."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from broker.adapters.clock import SystemClock
from broker.adapters.metrics import PrometheusMeasures
from broker.demo.options import free_port
from broker.proxy.certificates import Certificates, Pair
from broker.proxy.crowd import Crowd
from broker.proxy.entrance import EntranceSettings
from tests.broker.adapters.registers.magda.authority import Authority
from tests.broker.proxy.arriving import LOOPBACK, arriving, whose
from tests.broker.proxy.world import HOST, parts_of, read_all, request, until

HAPROXY, NGINX = "/usr/sbin/haproxy", "/usr/sbin/nginx"
STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so"


@asynccontextmanager
async def haproxy(folder: Path, *, mode: str, server: str) -> AsyncIterator[int]:
    """Run it in front of a server, on a port of its own; it stops with the test."""
    port = free_port()
    configuration = folder / "haproxy.cfg"
    configuration.write_text(
        f"""\
global
    maxconn 100
defaults
    mode {mode}
    timeout connect 5s
    timeout client 5s
    timeout server 5s
listen gateway
    bind {HOST}:{port}
    server one {server}
"""
    )
    async with _running(HAPROXY, "-db", "-f", str(configuration), port=port):
        yield port


@asynccontextmanager
async def nginx(folder: Path, *, server: str) -> AsyncIterator[int]:
    """Run it in front of a server; it sends version 1, the only one it can send."""
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"""\
load_module {STREAM};
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
stream {{
    server {{
        listen {HOST}:{port};
        proxy_pass {server};
        proxy_protocol on;
    }}
}}
"""
    )
    async with _running(NGINX, "-p", str(folder), "-e", "stderr", "-c", str(configuration), port=port):
        yield port


@asynccontextmanager
async def _running(*command: str, port: int) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(10):
            while not await _listens(port):
                assert process.returncode is None
                await asyncio.sleep(0.02)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except ConnectionError:
        return False
    writer.close()
    return True


async def ask(port: int, context: ssl.SSLContext | None = None) -> tuple[bytes, int]:
    """The answer's body, and the port that this client really had."""
    name = None if context is None else "localhost"
    reader, writer = await asyncio.open_connection(HOST, port, ssl=context, server_hostname=name)
    own: int = writer.get_extra_info("sockname")[1]
    writer.write(request())
    answered = await read_all(reader)
    writer.close()
    return parts_of(answered)[2], own


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def settings(authority: Authority, *, tls: bool) -> EntranceSettings:
    papers = authority.issue("gateway")
    pair = Pair(certificate=papers.certificate, key=papers.key)
    certificates = Certificates({"listen.tls": pair}, clock=SystemClock(), measures=PrometheusMeasures())
    return EntranceSettings(
        crowd=Crowd(connections=50, per_address=None), proxies=LOOPBACK, tls=certificates.context if tls else None
    )


async def test_the_client_of_haproxy_is_the_client_of_the_gateway(authority: Authority, tmp_path: Path) -> None:
    async with arriving(whose, settings(authority, tls=False)) as running:
        server = f"{HOST}:{running.port} send-proxy-v2"
        async with haproxy(tmp_path, mode="tcp", server=server) as port:
            for _ in range(3):
                body, own = await ask(port)
                assert body == f"http {HOST} {own}".encode()


async def test_the_client_of_nginx_is_the_client_of_the_gateway(authority: Authority, tmp_path: Path) -> None:
    async with (
        arriving(whose, settings(authority, tls=False)) as running,
        nginx(tmp_path, server=f"{HOST}:{running.port}") as port,
    ):
        body, own = await ask(port)
        assert body == f"http {HOST} {own}".encode()


async def test_tls_that_nginx_passes_through_ends_in_the_gateway(authority: Authority, tmp_path: Path) -> None:
    async with (
        arriving(whose, settings(authority, tls=True)) as running,
        nginx(tmp_path, server=f"{HOST}:{running.port}") as port,
    ):
        body, own = await ask(port, ssl.create_default_context(cafile=authority.file))
        assert body == f"https {HOST} {own}".encode()


async def test_tls_that_haproxy_passes_through_ends_in_the_gateway(authority: Authority, tmp_path: Path) -> None:
    async with arriving(whose, settings(authority, tls=True)) as running:
        server = f"{HOST}:{running.port} send-proxy-v2-ssl"
        async with haproxy(tmp_path, mode="tcp", server=server) as port:
            body, own = await ask(port, ssl.create_default_context(cafile=authority.file))
            assert body == f"https {HOST} {own}".encode()


async def test_haproxy_may_speak_http_itself_and_tls_to_the_gateway(authority: Authority, tmp_path: Path) -> None:
    async with arriving(whose, settings(authority, tls=True)) as running:
        server = f"{HOST}:{running.port} ssl verify required ca-file {authority.file} send-proxy-v2"
        async with haproxy(tmp_path, mode="http", server=server) as port:
            body, own = await ask(port)
            assert body == f"https {HOST} {own}".encode()


async def test_its_health_checks_find_the_gateway(authority: Authority, tmp_path: Path) -> None:
    seen: list[str] = []

    async def checked(scope: dict[str, object], receive: object, send: object) -> None:
        seen.append(str(scope["path"]))
        await whose(scope, receive, send)  # type: ignore[arg-type]  # as Starlette types them

    async with arriving(checked, settings(authority, tls=False)) as running:  # type: ignore[arg-type]
        server = f"{HOST}:{running.port} send-proxy-v2 check inter 50ms\n    option httpchk GET /ready\n"
        server += "    http-check send hdr Host gw.example"
        async with haproxy(tmp_path, mode="http", server=server) as port:
            await until(lambda: "/ready" in seen)
            assert (await ask(port))[0].startswith(b"http ")
