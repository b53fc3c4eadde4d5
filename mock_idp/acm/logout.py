"""The end-session endpoint, in ACM's form (`client_id`) and the standard's (`id_token_hint`), and the identity switch.

Sends a browser only to an address that is registered for the client, compared character by character.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mock_idp.acm.answers import NO_STORE, OAuthError
from mock_idp.acm.backchannel import BackchannelLogout
from mock_idp.acm.clients import Client
from mock_idp.acm.parameters import without_doubles
from mock_idp.acm.provider import Provider
from mock_idp.acm.sessions import COOKIE, Session
from mock_idp.faults import Fault, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutRequest:
    target: str | None
    state: str | None
    client_id: str | None
    switch: bool


class LogoutEndpoint:
    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._pages = provider.pages
        self._backchannel = BackchannelLogout(provider)

    async def answer(self, request: Request) -> Response:
        try:
            checked = self._read(await _parameters(request))
        except OAuthError as error:
            return self._pages.logout_refused(request, error.description)
        session = self._provider.sessions.find(request.cookies.get(COOKIE))
        if checked.switch:
            if session is not None:
                self._provider.sessions.must_choose_again(session)
            return self._leave(request, checked)
        if session is not None:
            self._provider.sessions.end(session.id)
            await self._backchannel.tell(session)
        frames = self._frames(session)
        answer = (
            self._pages.signing_out(request, frames=frames, to=self._target(checked))
            if frames
            else self._leave(request, checked)
        )
        answer.delete_cookie(COOKIE, path="/op")
        return answer

    def _read(self, parameters: Mapping[str, str]) -> LogoutRequest:
        """Raises OAuthError: then nothing is ended and nobody is sent anywhere."""
        client = self._client(parameters)
        target = parameters.get("post_logout_redirect_uri")
        switch = "switch" in parameters
        if target is not None and client is None:
            raise OAuthError("invalid_request", "an address to return to needs client_id (or id_token_hint) beside it")
        if target is not None and client is not None and target not in client.post_logout_redirect_uris:
            raise OAuthError("invalid_request", "post_logout_redirect_uri is not registered for this client")
        if switch and target is None:
            raise OAuthError("invalid_request", "a switch needs client_id and post_logout_redirect_uri")
        return LogoutRequest(
            target=target,
            state=parameters.get("state"),
            client_id=None if client is None else client.client_id,
            switch=switch,
        )

    def _client(self, parameters: Mapping[str, str]) -> Client | None:
        named = parameters.get("client_id")
        hint = parameters.get("id_token_hint")
        if hint is not None:
            token = self._provider.keys.read_own(hint)
            audience = None if token is None else token.claims.get("aud")
            if token is None or token.claims.get("iss") != self._provider.issuer or not isinstance(audience, str):
                raise OAuthError("invalid_request", "id_token_hint is not an ID token of this provider")
            if named not in (None, audience):
                raise OAuthError("invalid_request", "id_token_hint was given to another client")
            named = audience
        if named is None:
            return None
        client = self._provider.clients.find(named)
        if client is None:
            raise OAuthError("invalid_request", "client_id is unknown")
        return client

    def _leave(self, request: Request, checked: LogoutRequest) -> Response:
        target = self._target(checked)
        if target is None:
            return self._pages.signed_out(request)
        return RedirectResponse(target, status_code=303, headers=NO_STORE)

    def _target(self, checked: LogoutRequest) -> str | None:
        if checked.target is None:
            return None
        state = self._state_to_return(checked)
        query = "" if state is None else ("&" if "?" in checked.target else "?") + urlencode({"state": state})
        return checked.target + query

    def _frames(self, session: Session | None) -> tuple[str, ...]:
        """The addresses at which clients of the session are told in the browser, each with iss and sid."""
        if session is None:
            return ()
        clients = [self._provider.clients.find(client_id) for client_id in sorted(session.clients)]
        told = urlencode({"iss": self._provider.issuer, "sid": session.sid})
        addresses = [client.frontchannel_logout_uri for client in clients if client is not None]
        return tuple(f"{one}{'&' if '?' in one else '?'}{told}" for one in addresses if one is not None)

    def _state_to_return(self, checked: LogoutRequest) -> str | None:
        armed = self._provider.faults.take(Stage.LOGOUT, client_id=checked.client_id)
        match None if armed is None else armed.fault.name:
            case "logout-state-wrong":
                return "forged-state"
            case "logout-state-missing":
                return None
            case _:
                return checked.state


async def _parameters(request: Request) -> Mapping[str, str]:
    """`switch` counts even without a value, so empty ones are kept here."""
    if request.method == "POST":
        async with request.form(max_fields=50, max_files=0) as form:
            pairs = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    else:
        pairs = request.query_params.multi_items()
    kept = without_doubles(pairs)
    return {**kept, "switch": "yes"} if any(name == "switch" for name, _ in pairs) else kept


def catalogue() -> tuple[Fault, ...]:
    def fault(name: str, description: str) -> Fault:
        return Fault(name=name, stage=Stage.LOGOUT, description=description, expected="either", statements=("A33",))

    return (
        fault("logout-state-wrong", "The return from logout has a state that nobody gave out."),
        fault("logout-state-missing", "The return from logout has no state."),
    )
