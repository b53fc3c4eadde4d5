"""How the adapters are put together: who shares a connection with whom, and who sees which certificate."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from broker.adapters.http import Limits
from broker.domain.machine import Presented, Scheme, TokenRefused
from broker.parts import connect_parts
from broker.ports import ProviderUnavailable
from tests.broker.adapters.registers.magda.authority import Authority
from tests.broker.adapters.small_server import Reply, Request, small_server
from tests.broker.gateway import ec_key
from tests.broker.test_config import API, SECRET_CLIENT, loaded, with_api

PATIENCE = 5.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "assertion.pem").write_text(ec_key())
    (tmp_path / "pseudonym.key").write_text("p" * 40)
    return tmp_path


async def test_whoever_invents_access_tokens_keeps_nobody_from_signing_in(folder: Path) -> None:
    async with small_server() as small:
        busy, never = asyncio.Event(), asyncio.Event()

        def answer(_: Request) -> Reply:
            if len(small.asked("/introspect")) == Limits().connections:
                busy.set()
            return Reply(hold=never)

        small.on("/introspect", answer)
        small.on("/op/.well-known/openid-configuration", Reply(status=503))
        asking = f"endpoint: '{small.origin}/introspect', client_id: inkom, client_secret: s"
        api = f"{API.replace('https://acm.example/op', f'{small.origin}/op')}, introspection: {{{asking}}}"
        settings, secrets = loaded(folder, with_api(api), INKOM_ACM_ISSUER=f"{small.origin}/op")
        parts = connect_parts(settings, secrets, near=folder)
        tokens = parts.tokens["kmo-portefeuille"]
        invented = [
            asyncio.ensure_future(
                tokens.admit(
                    Presented(scheme=Scheme.BEARER, token=f"invented-{number}"), method="GET", address="https://x"
                )
            )
            for number in range(Limits().connections)
        ]
        async with asyncio.timeout(PATIENCE):
            await busy.wait()
            with pytest.raises(ProviderUnavailable):
                await parts.useful["provider"]()
        for one in invented:
            one.cancel()
        never.set()
        await asyncio.gather(*invented, return_exceptions=True)
        for close in parts.closing:
            await close()


@pytest.mark.parametrize(
    ("issuer", "shown"), [("{acm}", True), ("https://other.example", False)], ids=["acm's tokens", "another's"]
)
async def test_the_provider_s_authorities_are_for_the_tokens_that_it_issues(
    folder: Path, issuer: str, shown: bool
) -> None:
    authority = Authority(folder)
    async with small_server(authority.plain_context()) as small:
        small.on("/introspect", Reply(body=b'{"active": false}'))
        asking = f"endpoint: '{small.origin}/introspect', client_id: inkom, client_secret: s"
        named = issuer.format(acm=f"{small.origin}/op")
        api = f"{API.replace('https://acm.example/op', named)}, introspection: {{{asking}}}"
        text = with_api(api).replace(SECRET_CLIENT, SECRET_CLIENT + "  tls_authorities_file: authority.pem\n")
        settings, secrets = loaded(folder, text, INKOM_ACM_ISSUER=f"{small.origin}/op")
        parts = connect_parts(settings, secrets, near=folder)
        asked = parts.tokens["kmo-portefeuille"].again("invented")
        if shown:
            assert isinstance(await asked, TokenRefused)
        else:
            with pytest.raises(ProviderUnavailable):
                await asked
        for close in parts.closing:
            await close()
