"""What can go wrong between the gateway and a backend, and the status that each failure maps to.

The tree:

    ForwardingFailed
    ├── UpstreamUnreachable   502
    ├── UpstreamTimedOut      504
    ├── UpstreamMisbehaved    502
    ├── UpstreamBusy          503
    ├── BodyTooLarge          413
    └── ClientGone            499, which is never sent: nobody is left to read it

Words meant for operators only: a failure never holds a header value, a target or a body.
"""

from __future__ import annotations

from broker.ports import ForwardingFailed

__all__ = [
    "BodyTooLarge",
    "ClientGone",
    "ForwardingFailed",
    "UpstreamBusy",
    "UpstreamMisbehaved",
    "UpstreamTimedOut",
    "UpstreamUnreachable",
]


class UpstreamUnreachable(ForwardingFailed):
    """No connection to the backend could be made."""


class UpstreamTimedOut(ForwardingFailed):
    """The backend took longer than its time limits allow."""

    status = 504


class UpstreamMisbehaved(ForwardingFailed):
    """The backend broke the rules of HTTP or cut its answer short."""


class UpstreamBusy(ForwardingFailed):
    """Every connection that the backend may have is in use and the wait was too long."""

    status = 503


class BodyTooLarge(ForwardingFailed):
    """The client's body is larger than this backend accepts."""

    status = 413


class ClientGone(ForwardingFailed):
    """The client left, or stopped in the middle of its body."""

    status = 499
