"""From the configuration of an application to its backends, and through the whole gate to them and back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest

from broker.adapters.metrics import PrometheusMeasures
from broker.config import Application, BackendPath, Breaker, FieldChanges, Health
from broker.parts import connect_parts
from broker.protected import protected_applications
from broker.proxy.protected import Protected
from broker.proxy.upstream import RequestHead
from broker.running import running
from broker.ways import backends, rewriting
from tests.broker.adapters.registers.magda.authority import Authority
from tests.broker.gateway import ORIGIN, World, ec_key, gateway, shipped_policy
from tests.broker.proxy.world import HOST, Backend, Received, backend, echo, until
from tests.broker.test_config import SMALL, loaded
from tests.broker.test_running import FewParts

TITLE = {"nl": "Toepassing", "en": "Application"}
GET = RequestHead(method=b"GET", target=b"/", headers=[(b"host", b"b")])


def application(**more: Any) -> Application:
    return Application(title=TITLE, **{"upstream": "http://10.0.0.5:9101", **more})


# Through the whole gate


def moved(received: Received) -> bytes:
    if received.target != b"/inner/moved":
        return echo(received)
    return (
        b"HTTP/1.1 302 Found\r\nLocation: /inner/there?x\r\nSet-Cookie: a=b; Path=/inner\r\nServer: old\r\n"
        b"Content-Length: 0\r\n\r\n"
    )


async def test_a_policy_sees_the_public_path_and_the_backend_its_own() -> None:
    changes = FieldChanges(set={"X-Frame-Options": "DENY"}, remove=("Server",))
    settings = {"path": BackendPath(strip=True, prefix="/inner"), "response_headers": changes}
    async with gateway(application=settings) as world:
        world.backend.answer = moved
        await world.sign_in()
        answer = await world.get("/kmo-portefeuille/pagina?x=1")
        assert json.loads(answer.content)["target"] == "/inner/pagina?x=1"
        assert answer.headers["x-frame-options"] == "DENY"
        assert world.audit.paths[-1] == "/kmo-portefeuille/pagina"
        answer = await world.get("/kmo-portefeuille/moved")
        assert answer.headers["location"] == "/kmo-portefeuille/there?x"
        assert answer.headers["set-cookie"] == "a=b; Path=/kmo-portefeuille/"
        assert "server" not in answer.headers


async def test_a_backend_that_is_away_is_told_at_once_and_noticed_when_it_is_back() -> None:
    async with gateway(application={"breaker": Breaker(failures=2, pause=0.2)}) as world:
        await world.sign_in()
        assert (await world.ask("/kmo-portefeuille/")).status_code == 200
        await stop(world)
        assert [(await world.ask("/kmo-portefeuille/")).status_code for _ in range(2)] == [502, 502]
        answer = await world.ask("/kmo-portefeuille/")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["reason"] == "application"
        assert answer.json()["reference"]
        page = await world.get("/kmo-portefeuille/")
        assert (page.status_code, page.headers["retry-after"]) == (503, "1")
        figures = world.measures.exposition().decode()
        assert 'inkom_backend_usable{address="all",application="kmo-portefeuille"} 0.0' in figures
        assert 'inkom_backend_usable{address="all",application="coronamaatregelen"} 1.0' in figures
        server = await asyncio.start_server(world.backend.serve, HOST, world.backend.port)
        async with asyncio.timeout(5):
            while (await world.ask("/kmo-portefeuille/")).status_code != 200:  # noqa: ASYNC110  (the backend is waited for)
                await asyncio.sleep(0.02)
        server.close()
        world.backend.drop_connections()


async def stop(world: World) -> None:
    world.server.close()
    world.backend.drop_connections()
    await until(lambda: world.backend.open == 0)


# From settings


def test_without_configuration_nothing_is_rewritten() -> None:
    assert rewriting("app", application(), public_url=ORIGIN) is None
    assert rewriting("app", application(path=BackendPath()), public_url=ORIGIN) is not None


def test_header_fields_alone_leave_paths_as_they_are() -> None:
    changes = FieldChanges(set={"X-A": "1"}, add={"X-B": "2"}, remove=("X-C",))
    change = rewriting("app", application(response_headers=changes), public_url=ORIGIN)
    assert change is not None
    assert change.target(b"/app/x") == b"/app/x"
    fields = [(b"location", b"http://10.0.0.5:9101/"), (b"x-a", b"0"), (b"x-b", b"0"), (b"x-c", b"0")]
    assert change.response(fields) == [fields[0], fields[2], (b"x-a", b"1"), (b"x-b", b"2")]


def test_the_name_on_the_certificate_is_the_backends_own_too(tmp_path: Path) -> None:
    text = SMALL.replace("http://10.0.0.5:9101", "https://10.0.0.5:8443")
    (tmp_path / "assertion.pem").write_text(ec_key())
    (tmp_path / "pseudonym.key").write_text("p" * 40)
    settings, _ = loaded(tmp_path, f"{text}    path: {{strip: true}}\n    tls: {{server_name: kmo.internal}}\n")
    change = rewriting("kmo", settings.applications["kmo-portefeuille"], public_url="https://inkom.example")
    assert change is not None
    for said in (b"https://kmo.internal:8443/x", b"https://10.0.0.5:8443/x"):
        assert change.response([(b"location", said)]) == [(b"location", b"https://inkom.example/kmo/x")]
    elsewhere = [(b"location", b"https://kmo.internal/x")]
    assert change.response(elsewhere) == elsewhere


async def test_a_backend_over_tls_is_reached_as_the_configuration_says(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.issue("gateway")
    (tmp_path / "assertion.pem").write_text(ec_key())
    (tmp_path / "pseudonym.key").write_text("p" * 40)
    async with backend(authority.server_context()) as server:
        tls = "authorities_file: authority.pem, certificate_file: gateway.crt, key_file: gateway.key"
        text = SMALL.replace("http://10.0.0.5:9101", f"https://{HOST}:{server.port}")
        settings, secrets = loaded(tmp_path, f"{text}    tls: {{{tls}, server_name: localhost}}\n")
        policy = shipped_policy(("kmo-portefeuille", "ecologiepremie-plus", "coronamaatregelen"))
        parts = connect_parts(settings, secrets, near=tmp_path)
        (protected,) = protected_applications(settings, (policy,), measures=parts.measures, tls=parts.backend_tls)
        response = await protected.upstream.send(GET, None)
        assert response.status == 200
        await response.aclose()
        await protected.upstream.aclose()
        for close in parts.closing:
            await close()


@pytest.mark.parametrize(("statuses", "usable"), [("200-299", True), ("200", True), ("204", False), ("400-599", False)])
async def test_checks_run_while_the_gateway_does_and_end_with_it(statuses: str, usable: bool) -> None:
    async with backend() as server:
        checked = application(
            upstream=(f"http://{HOST}:{server.port}",),
            health=Health(path="/ready", interval=0.02, statuses=statuses, unhealthy_after=1),
        )
        measures = PrometheusMeasures()
        balanced = backends("app", checked, public_url=ORIGIN, measures=measures, tls=no_tls)
        protected = cast("Protected", Behind(balanced))
        async with running(cast("Any", FewParts(following=())), [protected], None):
            await until(lambda: asked(server) > 3)
            line = f'inkom_backend_usable{{address="{HOST}:{server.port}",application="app"}} {float(usable)}'
            assert line in measures.exposition().decode()
        ended = asked(server)
        await until(lambda: server.open == 0)
        assert asked(server) == ended
        assert server.received[0].values(b"host") == [b"localhost:8000"]


class Behind:
    """What `running` looks at of an application."""

    def __init__(self, upstream: object) -> None:
        self.upstream = upstream


def asked(server: Backend) -> int:
    return len(server.received)


def no_tls() -> Any:
    raise AssertionError("plain http asks for no context")
