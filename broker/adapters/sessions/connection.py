"""The connection to Redis: from an address to a client that never waits long, and from its errors to ours.

Addresses: `redis://` and `rediss://` (TLS) for one server, `redis+sentinel://` and `rediss+sentinel://` for Sentinel:
`redis+sentinel://user:password@one:26379,two:26379/mymaster/0`. Whatever goes wrong becomes StoreUnavailable, whose
text holds neither address nor credentials. No cluster: renewing a session touches two keys at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from broker.ports import StoreUnavailable

Connection = Redis  # what `connect` returns, for those who only hand it on
Transaction = Pipeline
CHANNEL = "inkom:announcements"  # where whoever holds a stream open hears that somebody's sessions changed
_SCHEMES = ("redis", "rediss", "redis+sentinel", "rediss+sentinel")


def decided(pipeline: Transaction) -> None:
    """End the reading part of a watched transaction: what follows is carried out whole, or begun anew."""
    pipeline.multi()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLimits:
    """Bounds in seconds of connecting and of one command, and how many connections one process may hold."""

    connect: float = 2.0
    command: float = 2.0
    connections: int = 50


def connect(address: str, limits: StoreLimits | None = None) -> Redis:
    """Return a client; it connects when first used. Raises ValueError for an address that cannot be one."""
    limits = limits or StoreLimits()
    scheme = address.partition("://")[0]
    if scheme not in _SCHEMES:
        raise ValueError(f"the address of the session store must begin with one of {', '.join(_SCHEMES)}")
    try:
        if scheme.endswith("+sentinel"):
            return _through_sentinel(address, limits)
        pool = BlockingConnectionPool.from_url(
            address, max_connections=limits.connections, timeout=limits.command, **_options(limits)
        )
    except (ValueError, TypeError):
        # The library's own words could repeat the address, and with it the password.
        raise ValueError("the address of the session store cannot be read") from None
    return Redis.from_pool(pool)


async def close(redis: Redis) -> None:
    """Close all connections of a client, those to the sentinels too, which the library leaves open."""
    await redis.aclose()
    if isinstance(redis.connection_pool, SentinelConnectionPool):
        for sentinel in redis.connection_pool.sentinel_manager.sentinels:
            await sentinel.aclose()


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn every error of Redis and of the network into StoreUnavailable."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        # `from None`: the library's message may quote the command, the address or the user.
        raise StoreUnavailable(f"the session store does not work ({type(error).__name__})") from None


def _options(limits: StoreLimits) -> dict[str, Any]:
    return {
        "socket_connect_timeout": limits.connect,
        "socket_timeout": limits.command,
        "socket_keepalive": True,
        "health_check_interval": 30,
        # Once more on a connection that turned out to be dead; never on a time-out, which would double the wait.
        "retry": Retry(ConstantBackoff(0.05), 1, supported_errors=(RedisConnectionError,)),
    }


def _through_sentinel(address: str, limits: StoreLimits) -> Redis:
    parts = urlsplit(address)
    service, _, database = parts.path.strip("/").partition("/")
    hosts = [_host_and_port(one) for one in parts.netloc.rpartition("@")[2].split(",")]
    if not service:
        raise ValueError("no service name")
    options = _options(limits) | {
        "db": int(database or 0),
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "ssl": parts.scheme.startswith("rediss"),
    }
    asking = _options(limits) | {"ssl": options["ssl"]}
    if secret := parse_qs(parts.query).get("sentinel_password"):
        asking["password"] = secret[0]
    sentinel = Sentinel(hosts, sentinel_kwargs=asking, **options)  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
    master: Redis = sentinel.master_for(service, max_connections=limits.connections)
    return master


def _host_and_port(text: str) -> tuple[str, int]:
    parts = urlsplit("//" + text)
    if not parts.hostname:
        raise ValueError("no host")
    return parts.hostname, parts.port or 26379
