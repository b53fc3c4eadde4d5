"""The applications behind the gate as the configuration describes them: policy, backend, limits, ways to come in."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache

from broker.adapters.bearer.chosen import api_terms
from broker.config import Application, Settings
from broker.domain.policy import Policy
from broker.domain.session import SessionLimits
from broker.ports import Measures
from broker.proxy.protected import Protected
from broker.ways import backends, rewriting


def protected_applications(
    settings: Settings,
    policies: tuple[Policy, ...],
    *,
    measures: Measures,
    tls: Mapping[str, Callable[[], ssl.SSLContext]],
) -> tuple[Protected, ...]:
    """Give each application its policy and its backends. An application that no policy governs does not start.

    `tls` holds the contexts of those applications whose backends are not reached with the system's authorities alone.
    """
    governing = {name: policy for policy in policies for name in policy.applications}
    by_system = cache(ssl.create_default_context)
    return tuple(
        Protected(
            id=name,
            policy=governing[name],
            upstream=backends(
                name, application, public_url=settings.public_url, measures=measures, tls=tls.get(name, by_system)
            ),
            discloses_national_number=application.national_number is not None,
            providers=application.providers,
            api=None if application.api is None else api_terms(application.api),
            backend_may_ask_for_step_up=application.step_up,
            limits=_limits(application),
            rewriting=rewriting(name, application, public_url=settings.public_url),
        )
        for name, application in settings.applications.items()
    )


def _limits(application: Application) -> SessionLimits:
    idle, absolute = application.sessions.idle, application.sessions.absolute
    return SessionLimits(
        idle=None if idle is None else timedelta(seconds=idle),
        absolute=None if absolute is None else timedelta(seconds=absolute),
    )
