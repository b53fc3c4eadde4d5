"""The way to an application's backend and back, from its settings: pools, balancing, checks, TLS, rewriting."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

from broker.config import Application, FieldChanges, Health
from broker.ports import Measures
from broker.proxy.backends import Backends
from broker.proxy.breaker import BreakerRules
from broker.proxy.ejection import EjectionRules
from broker.proxy.health import HealthRules
from broker.proxy.rewriting import Addresses, FieldRules, Rewriting
from broker.proxy.upstream import TimeLimits, Upstream


def backends(
    name: str, application: Application, *, public_url: str, measures: Measures, tls: Callable[[], ssl.SSLContext]
) -> Backends:
    """Return the addresses of an application. `tls` is asked for each connection to one that is reached by https."""
    ejection, breaker = application.ejection, application.breaker
    return Backends(
        name,
        {urlsplit(address).netloc: _upstream(application, address, tls) for address in application.addresses},
        measures=measures,
        ejection=EjectionRules(
            failures=ejection.failures, time=ejection.time, longest=ejection.longest, share=ejection.share
        ),
        breaker=BreakerRules(failures=breaker.failures, pause=breaker.pause),
        health=None if application.health is None else _health(application.health, public_url),
    )


def rewriting(name: str, application: Application, *, public_url: str) -> Rewriting | None:
    """Return what is rewritten between browsers and an application's backend; nothing unless it is configured."""
    path = application.path
    if path is None and application.response_headers is None:
        return None
    addresses = None
    if path is not None:
        addresses = Addresses(
            name, public_url=public_url, origins=_origins(application), strip=path.strip, prefix=path.prefix
        )
    return Rewriting(addresses, _field_rules(application.response_headers or FieldChanges()))


def _origins(application: Application) -> list[str]:
    """Where a backend may believe to be: its addresses, and the name on its certificate."""
    name = None if application.tls is None else application.tls.server_name
    ports = [urlsplit(address).port or 443 for address in application.addresses] if name else []
    return [*application.addresses, *(f"https://{name}:{port}" for port in ports)]


def _field_rules(changes: FieldChanges) -> FieldRules:
    return FieldRules(
        replaced=_fields(changes.set),
        added=_fields(changes.add),
        removed=frozenset(name.lower().encode("ascii") for name in changes.remove),
    )


def _fields(given: dict[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.lower().encode("ascii"), value.encode("ascii")) for name, value in given.items())


def _health(health: Health, public_url: str) -> HealthRules:
    public = urlsplit(public_url)
    lowest, _, highest = health.statuses.partition("-")
    return HealthRules(
        path=health.path.encode("ascii"),
        host=public.netloc.encode("ascii"),
        proto=public.scheme.encode("ascii"),
        interval=health.interval,
        time_limit=health.time_limit,
        statuses=range(int(lowest), int(highest or lowest) + 1),
        healthy_after=health.healthy_after,
        unhealthy_after=health.unhealthy_after,
    )


def _upstream(application: Application, address: str, tls: Callable[[], ssl.SSLContext]) -> Upstream:
    parts, limits = urlsplit(address), application.time_limits
    secure = parts.scheme == "https"
    return Upstream(
        parts.hostname or "",
        parts.port or (443 if secure else 80),
        limits=TimeLimits(
            connect=limits.connect,
            first_byte=limits.first_byte,
            idle=limits.idle,
            total=limits.total,
            pool_size=application.connections,
            tunnels=application.connections,
            max_body=application.max_body,
            max_response_head=application.max_response_head,
        ),
        ssl=tls if secure else None,
        server_name=None if application.tls is None else application.tls.server_name,
    )
