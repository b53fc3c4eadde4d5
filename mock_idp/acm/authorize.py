"""The authorization endpoint: checks the request, then answers from the session or a script, or sends to the pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mock_idp.acm.answers import NO_STORE, OAuthError, plain_answer
from mock_idp.acm.authorization import Authorization
from mock_idp.acm.clients import Client, OrganisationChoice
from mock_idp.acm.methods import Method, acceptable_methods
from mock_idp.acm.parameters import sent_parameters
from mock_idp.acm.provider import Provider
from mock_idp.acm.request_objects import RequestObjects
from mock_idp.acm.request_reading import read_request, read_response_mode, refused_request
from mock_idp.acm.requests import AuthorizationRequest, ResponseMode, Script
from mock_idp.acm.scripts import ScriptError, login_on_request, script_for
from mock_idp.acm.sessions import COOKIE, Session
from mock_idp.world.facts import Person


@dataclass(frozen=True, slots=True)
class Settled:
    """Nobody has to be asked: go on for this organisation, or without one."""

    organisation: str | None


class AuthorizeEndpoint:
    def __init__(self, provider: Provider, authorization: Authorization, objects: RequestObjects) -> None:
        self._provider = provider
        self._objects = objects
        self._authorization = authorization

    async def answer(self, request: Request) -> Response:
        try:
            parameters, client, redirect_uri = await self._whom_to_answer(await sent_parameters(request))
        except OAuthError as error:
            # Nobody to send back to yet: the error is shown here, never redirected (RFC 6749 section 4.1.2.1).
            return self._provider.pages.request_refused(request, error.description)
        mode = ResponseMode.QUERY
        try:
            mode = read_response_mode(parameters)
            checked = read_request(
                parameters,
                client,
                redirect_uri=redirect_uri,
                response_mode=mode,
                session_id=request.cookies.get(COOKIE),
            )
            return self._decide(checked, client, parameters)
        except ScriptError as error:
            return plain_answer(str(error), status=400)
        except OAuthError as error:
            refused = refused_request(parameters, client, redirect_uri=redirect_uri, response_mode=mode)
            return self._authorization.refuse(refused, error.error, error.description)

    async def _whom_to_answer(self, sent: Mapping[str, str]) -> tuple[Mapping[str, str], Client, str]:
        client = self._provider.clients.find(sent.get("client_id", ""))
        if client is None:
            raise OAuthError("invalid_request", "client_id is missing or unknown")
        parameters = await self._pushed_or_sent(sent, client)
        redirect_uri = parameters.get("redirect_uri")
        # Compared character by character (RFC 9700 section 2.1).
        if redirect_uri is None or redirect_uri not in client.redirect_uris:
            raise OAuthError("invalid_request", "redirect_uri is missing or not registered for this client")
        return parameters, client, redirect_uri

    async def _pushed_or_sent(self, sent: Mapping[str, str], client: Client) -> Mapping[str, str]:
        request_uri = sent.get("request_uri")
        if request_uri is not None:
            pushed = self._provider.pushed.take(request_uri, client_id=client.client_id)
            if pushed is None:
                raise OAuthError("invalid_request", "request_uri is unknown, used, too old, or another client's")
            # A script may ride along: it is the mock's own, and no part of the request.
            return {**{name: value for name, value in sent.items() if name.startswith("mock_")}, **pushed}
        if client.require_par:
            raise OAuthError("invalid_request", "this client must push its request (RFC 9126 section 6)")
        return await self._objects.opened(client, sent)

    def _decide(self, request: AuthorizationRequest, client: Client, parameters: Mapping[str, str]) -> Response:
        acceptable = acceptable_methods(request.acr_values, configured=client.methods)
        if "none" not in request.prompts:
            script = self._script(client, parameters, acceptable)
            if script is not None:
                return self._authorization.sign_in(
                    request,
                    person_key=script.person_key,
                    method=script.method,
                    organisation=script.organisation or self._choice_of_the_story(client, script.person_key),
                )
        session = self._usable_session(request, acceptable)
        if session is not None and self._is_about_another(parameters.get("id_token_hint"), session):
            session = None
        settled = None if session is None else self._settled(request, client, session)
        if session is not None and settled is not None:
            return self._authorization.grant(request, session, organisation=settled.organisation)
        if "none" in request.prompts:
            error = "login_required" if session is None else "interaction_required"
            raise OAuthError(error, "a person has to do something first, and prompt=none forbids asking")
        return self._to_the_pages(request, client, acceptable, session)

    def _script(self, client: Client, parameters: Mapping[str, str], acceptable: tuple[Method, ...]) -> Script | None:
        world = self._provider.world.current
        login = login_on_request(parameters, client.client_id) or self._provider.next_logins.take(client.client_id)
        return None if login is None else script_for(login, world, acceptable=acceptable)

    def _usable_session(self, request: AuthorizationRequest, acceptable: tuple[Method, ...]) -> Session | None:
        session = self._provider.sessions.find(request.session_id)
        if session is None or session.method not in acceptable or {"login", "select_account"} & set(request.prompts):
            return None
        if self._provider.world.current.person(session.person_key) is None:
            return None
        if request.max_age is not None:
            age = self._provider.clock.now() - session.authenticated_at
            if age > timedelta(seconds=request.max_age):
                return None
        return session

    def _is_about_another(self, hint: str | None, session: Session) -> bool:
        """OpenID Connect Core 3.1.2.1. A hint that we did not sign says nothing."""
        token = None if hint is None else self._provider.keys.read_own(hint)
        person = self._provider.world.current.person(session.person_key)
        return token is not None and person is not None and token.claims.get("sub") != person.subject

    def _settled(self, request: AuthorizationRequest, client: Client, session: Session) -> Settled | None:
        """None when the person has to be asked for which organisation it is."""
        if session.choose_again:
            return None
        if client.organisation_choice is OrganisationChoice.GATEWAY or request.hinted_target_group == "BUR":
            return Settled(None)
        offered = self._offered(session.person_key)
        for known in (request.hinted_organisation, session.organisation):
            if known in offered:
                return Settled(known)
        return None if len(offered) > 1 else Settled(next(iter(offered), None))

    def _choice_of_the_story(self, client: Client, person_key: str) -> str | None:
        """What a script chooses when it doesn't say: the only organisation there is, else the one of the story."""
        person = self._person(person_key)
        if client.organisation_choice is OrganisationChoice.GATEWAY or person is None:
            return None
        offered = self._offered(person_key)
        if len(offered) == 1:
            return offered[0]
        return person.acts_for if person.acts_for in offered else None

    def _offered(self, person_key: str) -> tuple[str, ...]:
        person = self._person(person_key)
        if person is None:
            return ()
        enterprises = self._provider.world.current.offered_organisations(person, self._provider.clock.today())
        return tuple(enterprise.number for enterprise in enterprises)

    def _person(self, key: str) -> Person | None:
        return self._provider.world.current.person(key)

    def _to_the_pages(
        self,
        request: AuthorizationRequest,
        client: Client,
        acceptable: tuple[Method, ...],
        session: Session | None,
    ) -> Response:
        wants_organisation = client.organisation_choice is OrganisationChoice.ACM
        interaction = self._provider.interactions.open(
            request=request,
            client_name=client.name,
            acceptable_methods=acceptable,
            wants_organisation=wants_organisation,
            signed_in_as=session.person_key if session is not None and wants_organisation else None,
        )
        return RedirectResponse(
            f"{self._provider.settings.origin}/signin/{interaction.id}", status_code=303, headers=NO_STORE
        )
