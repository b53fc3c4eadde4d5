"""The receiver of Shared Signals: `/_inkom/signals` takes one Security Event Token at a time (push, RFC 8935).

It acknowledges (202) only what has been passed on to all machines (`intake`). Whatever is wrong with the token is said
in RFC 8935's words with status 400; when we cannot do our part it is 503, so that the transmitter tries again.
"""

from __future__ import annotations

import hmac

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from broker.intake import Intake
from broker.ports import AuditUnavailable, ProviderUnavailable, SignalRefused, StoreUnavailable
from broker.web.bodies import whole_body

_MEDIA_TYPE = "application/secevent+jwt"
_MAX_TOKEN = 64 * 1024
_RETRY_AFTER = "5"


class SignalsReceiver:
    """`signals`. There only where a transmitter is configured."""

    def __init__(self, intake: Intake, *, token: str | None) -> None:
        """`token` is the bearer token that the transmitter must show besides signing; None asks for none."""
        self._intake = intake
        self._token = token

    def routes(self) -> list[BaseRoute]:
        """The route below `/_inkom/`."""
        return [Route("/signals", self.receive, methods=["POST"])]

    async def receive(self, request: Request) -> Response:
        """Take one event."""
        try:
            token = await self._token_from(request)
        except SignalRefused as refused:
            self._intake.refuse(refused)
            return _refusal(refused)
        try:
            await self._intake.take(token)
        except SignalRefused as refused:
            return _refusal(refused)
        except (ProviderUnavailable, StoreUnavailable, AuditUnavailable):
            return Response(status_code=503, headers={"retry-after": _RETRY_AFTER, "cache-control": "no-store"})
        return Response(status_code=202, headers={"cache-control": "no-store"})

    async def _token_from(self, request: Request) -> bytes:
        self._check_sender(request)
        return await _token_of(request)

    def _check_sender(self, request: Request) -> None:
        if self._token is None:
            return
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(value.strip().encode(), self._token.encode()):
            raise SignalRefused("authentication_failed", "the transmitter did not show its token")


async def _token_of(request: Request) -> bytes:
    """The body, bounded. Raises SignalRefused."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _MEDIA_TYPE:
        raise SignalRefused("invalid_request", f"the media type is not {_MEDIA_TYPE}")
    body = await whole_body(request, longest=_MAX_TOKEN)
    if body is None:
        raise SignalRefused("invalid_request", "the token is too large, or broken off")
    return body.strip()


def _refusal(refused: SignalRefused) -> Response:
    # Also for a sender that did not prove itself: 400 is the status of every refusal (RFC 8935 section 2.3).
    return JSONResponse(
        {"err": refused.code, "description": refused.detail},
        status_code=400,
        headers={"cache-control": "no-store", "content-language": "en"},
    )
