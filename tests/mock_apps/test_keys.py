"""The gateway's keys: read once, read again when needed, and not at anybody's whim."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
from joserfc.jwk import ECKey, RSAKey

from mock_apps.keys import LEAST_PAUSE, LIFETIME, GatewayKeys, KeysUnavailable
from tests.mock_apps.stand_in import StandIn, new_key, published, serving


class Ticks:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def gateway() -> StandIn:
    return StandIn()


@pytest.fixture
def keys_origin(gateway: StandIn) -> Iterator[str]:
    with serving(gateway.app()) as origin:
        yield origin


@pytest.fixture
def clock() -> Ticks:
    return Ticks()


@pytest.fixture
async def keys(keys_origin: str, clock: Ticks) -> AsyncIterator[GatewayKeys]:
    async with httpx2.AsyncClient(trust_env=False) as client:
        yield GatewayKeys(client, f"{keys_origin}/_inkom/jwks.json", now=clock)


def kid(key: ECKey) -> str:
    assert key.kid is not None
    return key.kid


async def test_many_requests_at_once_read_the_keys_once(gateway: StandIn, keys: GatewayKeys) -> None:
    found = await asyncio.gather(*(keys.find(kid(gateway.key)) for _ in range(20)))
    assert all(found)
    assert gateway.reads == 1


async def test_a_new_key_is_found_without_waiting_for_the_old_to_age(
    gateway: StandIn, keys: GatewayKeys, clock: Ticks
) -> None:
    await keys.find(kid(gateway.key))
    rotated = new_key()
    gateway.published.append(published(rotated))
    clock.seconds += LEAST_PAUSE
    assert await keys.find(kid(rotated)) is not None
    assert gateway.reads == 2


async def test_made_up_key_ids_do_not_make_us_ask_again_and_again(gateway: StandIn, keys: GatewayKeys) -> None:
    for number in range(10):
        assert await keys.find(f"made-up-{number}") is None
    assert gateway.reads == 1


async def test_a_withdrawn_key_is_forgotten_in_time(gateway: StandIn, keys: GatewayKeys, clock: Ticks) -> None:
    await keys.find(kid(gateway.key))
    gateway.published.clear()
    clock.seconds += LIFETIME - 1
    assert await keys.find(kid(gateway.key)) is not None
    clock.seconds += 1
    assert await keys.find(kid(gateway.key)) is None


async def test_keys_of_other_kinds_are_passed_over(gateway: StandIn, keys: GatewayKeys) -> None:
    rsa = RSAKey.generate_key(2048, auto_kid=True)
    larger = ECKey.generate_key("P-384", auto_kid=True)
    encryption = new_key()
    gateway.published[:0] = [
        dict(rsa.as_dict(private=False)),
        dict(larger.as_dict(private=False)),
        {**published(encryption), "use": "enc"},
        {"kty": "EC", "crv": "P-256", "kid": "broken"},
    ]
    assert await keys.find(kid(gateway.key)) is not None
    for other in (rsa.kid, larger.kid, encryption.kid, "broken"):
        assert other is not None
        assert await keys.find(other) is None


async def test_without_keys_nobody_can_tell(gateway: StandIn, keys: GatewayKeys) -> None:
    gateway.away = True
    with pytest.raises(KeysUnavailable):
        await keys.find(kid(gateway.key))
    gateway.away = False
    assert await keys.find(kid(gateway.key)) is not None
