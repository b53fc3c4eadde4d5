"""What can be set about the way to an application's backend. docs/operators/backends.md explains it with examples."""

from __future__ import annotations

from typing import Annotated

import msgspec

from broker.config.kinds import Seconds, Text

InARow = Annotated[int, msgspec.Meta(ge=1, le=100)]
InARowOrNever = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
Statuses = Annotated[str, msgspec.Meta(pattern="^[1-5][0-9][0-9](-[1-5][0-9][0-9])?$")]


class TimeLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits in seconds for one application's backend. Without a `total` an answer lasts for as long as it moves."""

    connect: Seconds = 5
    first_byte: Seconds = 60
    idle: Seconds = 60
    total: Seconds | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Active health checks: a GET for `path` at each address, every `interval` seconds.

    An answer with one of `statuses` (`200`, or `200-299`) within `time_limit` seconds passes. So many in a row that
    differ from what was thought of an address change it.
    """

    path: Text
    interval: Seconds = 5
    time_limit: Seconds = 2
    statuses: Statuses = "200-299"
    healthy_after: InARow = 2
    unhealthy_after: InARow = 3


class Ejection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of several addresses is left out after `failures` in a row (0: never): 5xx, no connection, no answer in time.

    For `time` seconds, then twice as long each time, up to `longest`. At most `share` of the addresses are out at once,
    though one always may be, and never the last one.
    """

    failures: InARowOrNever = 5
    time: Seconds = 10
    longest: Seconds = 300
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5


class Breaker(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """After `failures` in a row (0: never) without any answer the application counts as away.

    Requests are then answered with 503 at once, but for one on trial every `pause` seconds.
    """

    failures: InARowOrNever = 10
    pause: Seconds = 5


class BackendTls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TLS towards a backend: authorities in place of the system's, our certificate, and the name on the backend's."""

    authorities_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    server_name: str | None = None


class BackendPath(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the backend believes to stand: without the application's id (`strip`), below a `prefix` of its own.

    Its redirects and cookies are rewritten accordingly.
    """

    strip: bool = False
    prefix: str = ""


class FieldChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Header fields of answers: `set` replaces, `add` adds, `remove` takes away what the backend sent."""

    set: dict[str, str] = {}
    add: dict[str, str] = {}
    remove: tuple[Text, ...] = ()
