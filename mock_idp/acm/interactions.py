"""The visits to the sign-in pages that are going on: what the page may show, and until when.

The pages (`mock_idp.signin`) read an `Interaction` by its id, let the person sign in, and then call
`Authorization.complete` or `Authorization.cancel` (`mock_idp.acm.authorization`). No page logic here.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mock_idp.acm.methods import Method
from mock_idp.clock import Clock

if TYPE_CHECKING:
    from mock_idp.acm.requests import AuthorizationRequest

LIFETIME = timedelta(minutes=30)
AT_MOST = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """One authorization request that needs a person.

    `acceptable_methods` is empty when the request asks only for methods that the client or ACM doesn't have.
    `wants_organisation`: ACM itself must ask which organisation; the page passes the choice to `complete`.
    `signed_in_as` is the key of a person who needs no method any more and has only the organisation left to choose.
    `hinted_organisation` (ten digits) and `hinted_target_group` come from ACM's `login_hint` and skip that choice.
    """

    id: str
    client_id: str
    client_name: str
    acceptable_methods: tuple[Method, ...]
    language: str
    wants_organisation: bool
    hinted_organisation: str | None
    hinted_target_group: str | None
    signed_in_as: str | None
    expires_at: datetime
    request: AuthorizationRequest


class Interactions:
    """The store, in memory. An interaction that is over or too old is not found any more."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[str, Interaction] = {}

    def open(
        self,
        *,
        request: AuthorizationRequest,
        client_name: str,
        acceptable_methods: tuple[Method, ...],
        wants_organisation: bool,
        signed_in_as: str | None,
    ) -> Interaction:
        self._drop_the_old()
        interaction = Interaction(
            id=secrets.token_urlsafe(24),
            client_id=request.client_id,
            client_name=client_name,
            acceptable_methods=acceptable_methods,
            language=request.language,
            wants_organisation=wants_organisation,
            hinted_organisation=request.hinted_organisation,
            hinted_target_group=request.hinted_target_group,
            signed_in_as=signed_in_as,
            expires_at=self._clock.now() + LIFETIME,
            request=request,
        )
        self._open[interaction.id] = interaction
        return interaction

    def find(self, interaction_id: str) -> Interaction | None:
        interaction = self._open.get(interaction_id)
        if interaction is None or interaction.expires_at <= self._clock.now():
            return None
        return interaction

    def take(self, interaction_id: str) -> Interaction | None:
        """Find and close: a second `complete` for the same id finds nothing."""
        interaction = self.find(interaction_id)
        self._open.pop(interaction_id, None)
        return interaction

    def reset(self) -> None:
        self._open.clear()

    def _drop_the_old(self) -> None:
        now = self._clock.now()
        for key in [key for key, kept in self._open.items() if kept.expires_at <= now]:
            del self._open[key]
        while len(self._open) >= AT_MOST:
            del self._open[next(iter(self._open))]
