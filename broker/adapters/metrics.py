"""What is counted for operators, in Prometheus' form. No label holds a person, an organisation or a path.

With several workers each counts for itself; `exposition` then adds them up from the files that the library keeps in the
folder `PROMETHEUS_MULTIPROC_DIR`.
"""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ADDED_AFTER_SECONDS = 1.0
_JUDGING_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5)


class PrometheusMeasures:
    """Fulfils the port `Measures`."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._judged = Counter(
            "inkom_requests",
            "Requests for an application, by outcome",
            ("application", "outcome"),
            registry=self._registry,
        )
        self._used: dict[str, int] = {}
        self._judging = Histogram(
            "inkom_judging_seconds",
            "Time from a request's head to its outcome, without the backend",
            registry=self._registry,
            buckets=_JUDGING_SECONDS,
        )
        self._failed = Counter(
            "inkom_forwarding_failures", "Admitted requests that got no whole answer", ("application", "kind"),
            registry=self._registry,
        )  # fmt: skip
        self._signed_in = Counter("inkom_sign_ins", "Sign-ins, by how they ended", ("result",), registry=self._registry)

        self._provider_logouts = Counter(
            "inkom_provider_logouts", "Logouts that the provider told, by what became of them", ("result",),
            registry=self._registry,
        )  # fmt: skip
        self._signals = Counter(
            "inkom_signals", "Events of Shared Signals, by what became of them", ("result",), registry=self._registry
        )

        self._refreshed = Counter(
            "inkom_refreshes",
            "Refreshes of a session's tokens, by how they ended",
            ("result",),
            registry=self._registry,
        )

        self._backends = Gauge(
            "inkom_backend_usable", "Whether requests go to an address (1) or not (0), by any worker's opinion",
            ("application", "address"), registry=self._registry, multiprocess_mode="livemin",
        )  # fmt: skip
        self._backend_events = Counter(
            "inkom_backend_events", "What happened to the addresses of applications",
            ("application", "address", "event"), registry=self._registry,
        )  # fmt: skip
        # Each worker sets it; what was said last is what the files say now.
        self._certificates = Gauge(
            "inkom_certificate_expires_timestamp_seconds",
            "End of a certificate that clients are shown, in seconds since 1970",
            ("certificate",),
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )
        self._certificates_read = Counter(
            "inkom_certificate_readings", "Readings of changed certificates, by how they ended", ("result",),
            registry=self._registry,
        )  # fmt: skip

    def judged(self, application: str, outcome: str, *, seconds: float) -> None:
        """Count a request."""
        self._judged.labels(application, outcome).inc()
        self._judging.observe(seconds)

    def used(self, application: str) -> None:
        """Count a request that needed no judging: it is an outcome like the others, added to them once a second."""
        if not self._used:
            asyncio.get_running_loop().call_later(_ADDED_AFTER_SECONDS, self._add_used)
        self._used[application] = self._used.get(application, 0) + 1

    def _add_used(self) -> None:
        used, self._used = self._used, {}
        for application, count in used.items():
            self._judged.labels(application, "Forward").inc(count)

    def forwarding_failed(self, application: str, kind: str) -> None:
        """Count an admitted request without a whole answer."""
        self._failed.labels(application, kind).inc()

    def signalled(self, result: str) -> None:
        """Count an event of Shared Signals."""
        self._signals.labels(result).inc()

    def signed_in(self, result: str) -> None:
        """Count a sign-in."""
        self._signed_in.labels(result).inc()

    def provider_logout(self, result: str) -> None:
        """Count a logout that the provider told."""
        self._provider_logouts.labels(result).inc()

    def refreshed(self, result: str) -> None:
        """Count a refresh of tokens."""
        self._refreshed.labels(result).inc()

    def backend_state(self, application: str, address: str, *, usable: bool) -> None:
        """Say whether requests go to an address."""
        self._backends.labels(application, address).set(int(usable))

    def backend_event(self, application: str, address: str, event: str) -> None:
        """Count what happened to an address."""
        self._backend_events.labels(application, address, event).inc()

    def certificate_expires(self, name: str, *, at: datetime) -> None:
        """Note the end of a certificate."""
        self._certificates.labels(name).set(at.timestamp())

    def certificates_read(self, result: str) -> None:
        """Count a reading of changed certificates."""
        self._certificates_read.labels(result).inc()

    def exposition(self) -> bytes:
        """Return all figures in Prometheus' text form."""
        self._add_used()
        folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        if folder is None:
            return generate_latest(self._registry)
        _forget_the_dead(Path(folder))
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # the library leaves it untyped
        return generate_latest(together)


def _forget_the_dead(folder: Path) -> None:
    """Take away what workers that ended thought of backends; what they counted stays."""
    for process in {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*_*.db")}:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            mark_process_dead(process, str(folder))  # type: ignore[no-untyped-call]  # the library leaves it untyped
