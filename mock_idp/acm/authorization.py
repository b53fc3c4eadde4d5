"""What the sign-in pages call when a person is through, or gave up: the answer that goes back to the relying party.

It makes the provider's own session and the code. It does not ask anybody anything.
"""

from __future__ import annotations

import secrets

from starlette.responses import Response

from mock_idp.acm import callback_faults
from mock_idp.acm.answers import back_to_client
from mock_idp.acm.methods import Method
from mock_idp.acm.provider import Provider
from mock_idp.acm.requests import AuthorizationRequest
from mock_idp.acm.sessions import COOKIE, LIFETIME, Session
from mock_idp.acm.tokens import Grant
from mock_idp.faults import Stage


class UnknownInteractionError(Exception):
    """The interaction is over, too old, or never was. The page should offer to start again at the application."""


class Authorization:
    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def complete(self, interaction_id: str, *, person_key: str, method: Method, organisation: str | None) -> Response:
        """Back to the client with a code; `organisation` (ten digits) only where the interaction wants one.

        Raises UnknownInteractionError; ValueError for a method that isn't acceptable or a stranger's organisation.
        """
        interaction = self._provider.interactions.find(interaction_id)
        if interaction is None:
            raise UnknownInteractionError(interaction_id)
        if method not in interaction.acceptable_methods:
            raise ValueError(f"{method} is not acceptable for this sign-in")
        self._check_organisation(person_key, organisation)
        self._provider.interactions.take(interaction_id)
        request = interaction.request
        if interaction.signed_in_as == person_key:
            kept = self._provider.sessions.find(request.session_id)
            if kept is None or kept.person_key != person_key:
                # The session ended while the organisation was being chosen: nobody has proven anything any more.
                raise UnknownInteractionError(interaction_id)
            return self.grant(request, self._provider.sessions.chose(kept, organisation), organisation=organisation)
        return self.sign_in(request, person_key=person_key, method=method, organisation=organisation)

    def cancel(self, interaction_id: str) -> Response:
        """Back to the client with `error=access_denied` (RFC 6749 section 4.1.2.1). Raises UnknownInteractionError."""
        interaction = self._provider.interactions.take(interaction_id)
        if interaction is None:
            raise UnknownInteractionError(interaction_id)
        return self.refuse(interaction.request, "access_denied", "The person cancelled the sign-in.")

    def sign_in(
        self, request: AuthorizationRequest, *, person_key: str, method: Method, organisation: str | None
    ) -> Response:
        """The person has just been authenticated: a session begins, and a code goes out."""
        session = self._provider.sessions.authenticated(
            person_key=person_key, method=method, organisation=organisation, previous=request.session_id
        )
        answer = self.grant(request, session, organisation=organisation)
        answer.set_cookie(
            COOKIE,
            session.id,
            max_age=int(LIFETIME.total_seconds()),
            path="/op",
            secure=self._provider.settings.origin.startswith("https:"),
            httponly=True,
            samesite="lax",
        )
        return answer

    def grant(self, request: AuthorizationRequest, session: Session, *, organisation: str | None) -> Response:
        session = self._provider.sessions.joined(session, request.client_id)
        grant = Grant(
            id=secrets.token_urlsafe(16),
            client_id=request.client_id,
            person_key=session.person_key,
            scopes=request.scopes,
            nonce=request.nonce,
            method=session.method,
            authenticated_at=session.authenticated_at,
            organisation=organisation,
            sid=session.sid,
            acr_values=request.acr_values,
            claims_in_userinfo=request.claims_in_userinfo,
            dpop_jkt=request.dpop_jkt,
        )
        code = self._provider.tokens.new_code(
            grant, redirect_uri=request.redirect_uri, code_challenge=request.code_challenge
        )
        return self._answer(request, [("code", code)])

    def refuse(self, request: AuthorizationRequest, error: str, description: str) -> Response:
        return self._answer(request, [("error", error), ("error_description", description)])

    def _answer(self, request: AuthorizationRequest, parameters: list[tuple[str, str]]) -> Response:
        # RFC 9207 section 2: `iss` stands on every authorization response, success or error.
        parameters.append(("iss", self._provider.issuer))
        if request.state is not None:
            parameters.append(("state", request.state))
        armed = self._provider.faults.take(Stage.CALLBACK, client_id=request.client_id)
        if armed is not None:
            parameters = callback_faults.change(armed.fault.name, parameters)
        return back_to_client(request.redirect_uri, parameters, request.response_mode)

    def _check_organisation(self, person_key: str, organisation: str | None) -> None:
        world = self._provider.world.current
        person = world.person(person_key)
        if person is None:
            raise ValueError("there is no such person")
        if organisation is not None and organisation not in world.connected_organisations(person):
            raise ValueError("the person has nothing to do with that organisation")
