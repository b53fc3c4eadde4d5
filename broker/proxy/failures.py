"""What can go wrong between the gateway and a backend, and the status that each failure maps to.

The tree:

    ForwardingFailed
    ├── UpstreamUnreachable   502
    ├── UpstreamTimedOut      504
    │   └── ConnectTimedOut
    ├── UpstreamMisbehaved    502
    │   └── KeptConnectionDied
    ├── UpstreamBusy          503
    ├── BackendsUnavailable   503
    ├── BodyTooLarge          413
    └── ClientGone            499, which is never sent: nobody is left to read it

Words meant for operators only: a failure never holds a header value, a target or a body.
"""

from __future__ import annotations

from broker.ports import ForwardingFailed

__all__ = [
    "BackendsUnavailable",
    "BodyTooLarge",
    "ClientGone",
    "ConnectTimedOut",
    "ForwardingFailed",
    "KeptConnectionDied",
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


class ConnectTimedOut(UpstreamTimedOut):
    """The backend did not accept a connection in time: it saw nothing of the request."""


class UpstreamMisbehaved(ForwardingFailed):
    """The backend broke the rules of HTTP or cut its answer short."""


class KeptConnectionDied(UpstreamMisbehaved):
    """A kept connection was closed before a byte of an answer to a request that may be sent again: it is sent again."""


class UpstreamBusy(ForwardingFailed):
    """Every connection that the backend may have is in use and the wait was too long."""

    status = 503


class BackendsUnavailable(ForwardingFailed):
    """No address of an application may be used now; `retry_after` says in how many seconds one may be."""

    status = 503

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class BodyTooLarge(ForwardingFailed):
    """The client's body is larger than this backend accepts."""

    status = 413


class ClientGone(ForwardingFailed):
    """The client left, or stopped in the middle of its body."""

    status = 499
