"""What the sign-in pages share: a visit, one turn of it, what a page says next, and who has been identified."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from mock_idp.acm.interactions import Interaction
from mock_idp.acm.methods import Method


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message for the next page, in place of the page that a form was posted from. `error`: something is wrong."""

    text: str
    values: Mapping[str, object] = field(default_factory=dict)
    error: bool = True


@dataclass(slots=True, kw_only=True)
class Visit:
    """One sign-in as one browser goes through it. Outlives the interaction, so that its end can be explained."""

    browser: str
    client_name: str
    client_home: str
    notice: Notice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One request within one open sign-in, after all checks. `form` is empty unless it is a POST."""

    request: Request
    interaction: Interaction
    visit: Visit
    language: str
    form: Mapping[str, str]

    def address(self, path: str = "") -> str:
        """An address within this sign-in."""
        return f"/signin/{self.interaction.id}{path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """Somebody has proven who they are, and only the organisation is left to choose."""

    person: str
    method: Method


Page = Callable[[Turn], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]
