"""The applications behind the gate as the configuration describes them: policy, backend, limits, ways to come in."""

from __future__ import annotations

import ssl
from datetime import timedelta
from urllib.parse import urlsplit

from broker.adapters.bearer.chosen import api_terms
from broker.config import Application, Settings
from broker.domain.policy import Policy
from broker.domain.session import SessionLimits
from broker.proxy.gate import Protected
from broker.proxy.upstream import TimeLimits, Upstream


def protected_applications(settings: Settings, policies: tuple[Policy, ...]) -> tuple[Protected, ...]:
    """Give each application its policy and its pool. An application that no policy governs does not start."""
    governing = {name: policy for policy in policies for name in policy.applications}
    return tuple(
        Protected(
            id=name,
            policy=governing[name],
            upstream=_upstream(application),
            discloses_national_number=application.national_number is not None,
            providers=application.providers,
            api=None if application.api is None else api_terms(application.api),
            backend_may_ask_for_step_up=application.step_up,
            limits=_limits(application),
        )
        for name, application in settings.applications.items()
    )


def _limits(application: Application) -> SessionLimits:
    idle, absolute = application.sessions.idle, application.sessions.absolute
    return SessionLimits(
        idle=None if idle is None else timedelta(seconds=idle),
        absolute=None if absolute is None else timedelta(seconds=absolute),
    )


def _upstream(application: Application) -> Upstream:
    parts, limits = urlsplit(application.upstream), application.time_limits
    secure = parts.scheme == "https"
    return Upstream(
        parts.hostname or "",
        parts.port or (443 if secure else 80),
        limits=TimeLimits(
            connect=limits.connect,
            first_byte=limits.first_byte,
            idle=limits.idle,
            max_body=application.max_body,
        ),
        ssl=ssl.create_default_context() if secure else None,
    )
