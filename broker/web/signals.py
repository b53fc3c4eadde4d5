"""The receiver of Shared Signals: `/_inkom/signals` takes one Security Event Token at a time (push, RFC 8935).

It acknowledges (202) only what has been passed on to all machines. Whatever is wrong with the token is said in RFC
8935's words with status 400; when we cannot do our part it is 503, so that the transmitter tries again.
"""

from __future__ import annotations

import hmac
import logging

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from broker.ports import (
    Announcements,
    AuditLog,
    AuditUnavailable,
    Event,
    Measures,
    ProviderUnavailable,
    SecurityEvent,
    SignalReader,
    SignalRefused,
    StoreUnavailable,
)

_MEDIA_TYPE = "application/secevent+jwt"
_MAX_TOKEN = 64 * 1024
_RETRY_AFTER = "5"
_log = logging.getLogger("inkom.signals")


class SignalsReceiver:
    """`signals`. There only where a transmitter is configured."""

    def __init__(
        self,
        *,
        reader: SignalReader,
        announcements: Announcements,
        audit: AuditLog,
        measures: Measures,
        token: str | None,
    ) -> None:
        """`token` is the bearer token that the transmitter must show besides signing; None asks for none."""
        self._reader = reader
        self._announcements = announcements
        self._audit = audit
        self._measures = measures
        self._token = token

    def routes(self) -> list[BaseRoute]:
        """The route below `/_inkom/`."""
        return [Route("/signals", self.receive, methods=["POST"])]

    async def receive(self, request: Request) -> Response:
        """Take one event."""
        try:
            self._check_sender(request)
            event = await self._reader.read(await _token_of(request))
            await self._pass_on(event)
        except SignalRefused as refused:
            _log.warning("an event was refused", extra={"code": refused.code, "detail": refused.detail})
            self._measures.signalled(refused.code)
            return _refusal(refused)
        except (ProviderUnavailable, StoreUnavailable, AuditUnavailable) as error:
            _log.error("an event could not be passed on: %s", error)
            self._measures.signalled("unavailable")
            return Response(status_code=503, headers={"retry-after": _RETRY_AFTER, "cache-control": "no-store"})
        return Response(status_code=202, headers={"cache-control": "no-store"})

    def _check_sender(self, request: Request) -> None:
        if self._token is None:
            return
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(value.strip().encode(), self._token.encode()):
            raise SignalRefused("authentication_failed", "the transmitter did not show its token")

    async def _pass_on(self, event: SecurityEvent) -> None:
        # Written first: an event that cannot be audited is not acknowledged, and comes again.
        detail = ", ".join(sorted(event.kinds)) or "nothing that we act on"
        await self._audit.happened(Event(kind="signal", session=None, organisation=None, detail=detail))
        if not event.kinds:
            self._measures.signalled("not-ours")
            return
        passed_on = await self._announcements.announce(
            issuer=event.issuer,
            subject=event.subject,
            event_id=event.event_id,
            ends_sessions=event.ends_sessions,
        )
        self._measures.signalled("passed-on" if passed_on else "repeated")


async def _token_of(request: Request) -> bytes:
    """The body, bounded. Raises SignalRefused."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _MEDIA_TYPE:
        raise SignalRefused("invalid_request", f"the media type is not {_MEDIA_TYPE}")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_TOKEN:
            raise SignalRefused("invalid_request", "the token is too large")
    return bytes(body).strip()


def _refusal(refused: SignalRefused) -> Response:
    # Also for a sender that did not prove itself: 400 is the status of every refusal (RFC 8935 section 2.3).
    return JSONResponse(
        {"err": refused.code, "description": refused.detail},
        status_code=400,
        headers={"cache-control": "no-store", "content-language": "en"},
    )
