"""From the configuration to the verifiers of tokens: one for each application with an `api`, and for no other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.adapters.bearer.chosen import acr_of_people, chosen_tokens
from broker.adapters.http import BackChannel
from broker.adapters.sessions.connection import close, connect
from broker.domain.machine import TokenRefused
from broker.ports import AccessTokens
from tests.broker.adapters.examples import SetClock
from tests.broker.test_config import API, ASKING, SMALL, TEST_PROVIDER, loaded, with_api

OTHERS = """\
  other:
    title: {nl: Andere, en: Other}
    upstream: http://10.0.0.5:9102
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "assertion.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    (tmp_path / "pseudonym.key").write_text("p" * 40)
    return tmp_path


@pytest.fixture
async def channel() -> AsyncIterator[BackChannel]:
    channel = BackChannel()
    yield channel
    await channel.aclose()


async def chosen(folder: Path, text: str, channel: BackChannel) -> dict[str, AccessTokens]:
    settings, secrets = loaded(folder, text)
    redis = connect("redis://localhost:1")
    channels = {"https://acm.example/op": channel}
    found = chosen_tokens(settings, secrets, redis=redis, channels=channels, clock=SetClock())
    await close(redis)
    return found


async def test_without_an_api_there_is_nothing_that_reads_tokens(folder: Path, channel: BackChannel) -> None:
    assert await chosen(folder, SMALL, channel) == {}


@pytest.mark.parametrize("how", ["", f", introspection: {{{ASKING}, client_secret: s}}"])
async def test_only_the_application_with_an_api_reads_tokens(folder: Path, channel: BackChannel, how: str) -> None:
    found = await chosen(folder, with_api(API + how) + OTHERS, channel)
    assert list(found) == ["kmo-portefeuille"]


async def test_two_applications_of_one_issuer_share_its_keys_and_not_its_audience(
    folder: Path, channel: BackChannel
) -> None:
    other = API.replace("audience: kmo-portefeuille", "audience: other")
    found = await chosen(folder, f"{with_api(API)}{OTHERS}    api: {{{other}}}\n", channel)
    assert list(found) == ["kmo-portefeuille", "other"]
    for tokens in found.values():
        assert isinstance(await tokens.again("no token"), TokenRefused)


@pytest.mark.parametrize(
    ("issuer", "ways"),
    [
        ("https://acm.example/op", {"urn:acm:eid"}),
        ("https://acm-test.example/op", {"urn:test:sms"}),
        ("https://tokens.example", {"urn:acm:eid", "urn:test:sms"}),
    ],
    ids=["acm", "another-provider", "nobody-signs-in-there"],
)
def test_a_persons_token_is_known_by_the_ways_to_sign_in_at_its_own_issuer(
    folder: Path, issuer: str, ways: set[str]
) -> None:
    acm = SMALL.replace("  client_id: inkom\n", "  client_id: inkom\n  acr: {urn:acm:eid: eid}\n")
    text = acm + TEST_PROVIDER.replace("    issuer:", "    acr: {urn:test:sms: sms}\n    issuer:")
    settings, _ = loaded(folder, text)
    assert acr_of_people(issuer, settings) == ways


def test_without_a_table_of_ones_own_acms_ways_to_sign_in_count(folder: Path) -> None:
    settings, _ = loaded(folder, SMALL)
    assert "urn:be:vlaanderen:authmech:eid" in acr_of_people("https://acm.example/op", settings)
