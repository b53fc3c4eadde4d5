"""What the sign-in pages call when a person is through, or gave up: the answer that goes back to the relying party.

It makes the provider's own session and the code. It does not ask anybody anything.
"""

from __future__ import annotations

from typing import Protocol

from starlette.responses import Response

from mock_idp.acm.methods import Method


class UnknownInteractionError(Exception):
    """The interaction is over, too old, or never was. The page should offer to start again at the application."""


class Authorization(Protocol):
    def complete(self, interaction_id: str, *, person_key: str, method: Method, organisation: str | None) -> Response:
        """Back to the client with a code. Raises UnknownInteractionError; ValueError for a method that wasn't acceptable."""

    def cancel(self, interaction_id: str) -> Response:
        """Back to the client with `error=access_denied` (RFC 6749 section 4.1.2.1). Raises UnknownInteractionError."""
