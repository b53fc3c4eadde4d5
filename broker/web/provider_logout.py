"""The provider says that somebody signed out there: back-channel and front-channel logout.

The session here ends on all machines, with what is open in it. On the back channel a signed token proves who speaks.
The front channel proves nothing (OpenID Connect Front-Channel Logout 1.0), so it is off unless configured, and ends
only what was begun here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from broker.ports import (
    Announcements,
    AuditLog,
    AuditUnavailable,
    Clock,
    Event,
    LoggedOut,
    LogoutRefused,
    LogoutTokens,
    Measures,
    ProviderUnavailable,
    StoreUnavailable,
)
from broker.web.bodies import whole_body
from broker.web.sender_limit import SenderLimit

_MAX_BODY = 16 * 1024
_MEDIA_TYPE = "application/x-www-form-urlencoded"
_MOST_TEXT = 255
_MOST_PARAMETERS = 10
_log = logging.getLogger("inkom.logout")


class ProviderLogout:
    """`backchannel-logout`, and `frontchannel-logout` for the issuers in whose frames it may stand."""

    def __init__(
        self,
        *,
        tokens: LogoutTokens,
        announcements: Announcements,
        audit: AuditLog,
        measures: Measures,
        clock: Clock,
        front_channel: Iterable[str] = (),
    ) -> None:
        """`front_channel` are the issuers that are believed there, without proof."""
        self._tokens = tokens
        self._announcements = announcements
        self._audit = audit
        self._measures = measures
        self._limit = SenderLimit(clock=clock)
        self._framed_by = {issuer: _origin(issuer) for issuer in front_channel}

    def routes(self) -> list[BaseRoute]:
        """The routes below `/_inkom/`."""
        routes: list[BaseRoute] = [Route("/backchannel-logout", self.back_channel, methods=["POST"])]
        if self._framed_by:
            routes.append(Route("/frontchannel-logout", self.front_channel, methods=["GET"]))
        return routes

    async def back_channel(self, request: Request) -> Response:
        """Take one logout token; 200 says that what it ends has ended (Back-Channel Logout 1.0, 2.8)."""
        sender = request.client.host if request.client else "unknown"
        if self._limit.reached(sender):
            return _refusal("too many tokens of yours were refused; wait a minute", status=429)
        try:
            ended = await self._tokens.logged_out(await _token_of(request))
            await self._end(ended)
        except LogoutRefused as refused:
            self._limit.refused(sender)
            _log.warning("a logout token was refused", extra={"detail": str(refused)})
            self._measures.provider_logout("refused")
            return _refusal(str(refused))
        except (ProviderUnavailable, StoreUnavailable, AuditUnavailable) as error:
            # 400 and nothing else (section 2.8). Nobody uses the session meanwhile: without its store it opens nothing.
            _log.error("somebody signed out at the provider, and it could not be stored here: %s", error)
            self._measures.provider_logout("unavailable")
            return _refusal("the logout could not be carried out; send it again")
        return Response(headers={"cache-control": "no-store"})

    async def front_channel(self, request: Request) -> Response:
        """End the session that the provider names, in its frame (Front-Channel Logout 1.0, section 3)."""
        parameters = request.query_params.multi_items()
        issuer, session = (_only(parameters, name) for name in ("iss", "sid"))
        if issuer not in self._framed_by or session is None or not 1 <= len(session) <= _MOST_TEXT:
            return _refusal("iss and sid must be there once each, and iss be the provider")
        try:
            ended = await self._announcements.announce_session_ended(
                issuer=issuer, sid=session, event_id=f"front-channel logout {session}", only_begun_here=True
            )
            if ended:
                await self._happened("front channel")
        except (StoreUnavailable, AuditUnavailable) as error:
            _log.error("somebody signed out at the provider, and it could not be stored here: %s", error)
            return _refusal("the logout could not be carried out")
        policy = f"default-src 'none'; frame-ancestors {self._framed_by[issuer]}"
        headers = {"cache-control": "no-store", "content-security-policy": policy, "referrer-policy": "no-referrer"}
        # The same for a session that never was: whether somebody is signed in is not told here.
        return HTMLResponse("<!doctype html><title>INKOM</title>", headers=headers)

    async def _end(self, ended: LoggedOut) -> None:
        event_id = f"logout {ended.token_id}"
        if ended.session is not None:
            news = await self._announcements.announce_session_ended(
                issuer=ended.issuer, sid=ended.session, event_id=event_id
            )
        else:
            news = await self._announcements.announce(
                issuer=ended.issuer, subject=ended.subject or "", event_id=event_id, ends_sessions=True
            )
        if news:
            await self._happened("one session" if ended.session is not None else "all sessions of a person")
        else:
            self._measures.provider_logout("repeated")

    async def _happened(self, detail: str) -> None:
        await self._audit.happened(Event(kind="signed-out-at-provider", session=None, organisation=None, detail=detail))
        self._measures.provider_logout("ok")


async def _token_of(request: Request) -> str:
    """The one logout token of a bounded form. Raises LogoutRefused."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _MEDIA_TYPE:
        raise LogoutRefused(f"the media type is not {_MEDIA_TYPE}")
    body = await whole_body(request, longest=_MAX_BODY)
    if body is None:
        raise LogoutRefused("the form is too large, or broken off")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise LogoutRefused("the form cannot be read") from None
    token = _only(pairs, "logout_token")
    if not token:
        raise LogoutRefused("logout_token is absent, or there twice")
    return token


def _only(pairs: Iterable[tuple[str, str]], name: str) -> str | None:
    values = [value for key, value in pairs if key == name]
    return values[0] if len(values) == 1 else None


def _refusal(description: str, *, status: int = 400) -> Response:
    members = {"error": "invalid_request", "error_description": description}
    return JSONResponse(members, status_code=status, headers={"cache-control": "no-store"})


def _origin(address: str) -> str:
    return "/".join(address.split("/", 3)[:3])
