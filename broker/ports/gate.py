"""What the gate hands to those who answer in its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from starlette.types import Receive, Scope, Send

from broker.domain.admission import Outcome
from broker.domain.machine import ApiTerms, MachineSession, Scheme, TokenRefused
from broker.domain.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One request for an application, judged. `record` is the audit record's id, where a decision was made.

    `api` is what the application says to programs, if it serves any; `scheme` is set when a token was presented.
    """

    application: str
    outcome: Outcome | TokenRefused
    session: Session | MachineSession | None
    cookie: str | None
    target: bytes
    record: str | None = None
    api: ApiTerms | None = None
    scheme: Scheme | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer for a client that does not show pages."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Answers(Protocol):
    """How outcomes and failures look; the gate calls it for every request that it does not forward."""

    async def outcome(self, passage: Passage, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that is not forwarded."""

    async def failure(self, error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that could not be judged or forwarded."""

    def shows_pages(self, scope: Scope) -> bool:
        """Whether the client of a request is a browser that navigates, and no program."""

    def problem(self, subject: Passage | Exception) -> Reply:
        """Return the same as a problem document (RFC 9457), for WebSocket upgrades."""


class Replays(Protocol):
    """Puts a kept form in the place of the request by which a person confirms that it is to be sent."""

    async def request(self, scope: Scope, receive: Receive, send: Send) -> tuple[Scope, Receive] | None:
        """Return the request to judge: the one that came, or the kept one; None when it was answered here.

        Raises InkomError.
        """
