"""A sign-in that came to nothing: what the log, the audit log and the person are told, and what their session keeps."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from broker.cookies import cookie_value
from broker.domain.demand import NOTHING, Asked
from broker.domain.session import SignInAttempt
from broker.ports import AuditLog, Clock, Event, Measures, Mismatch, SessionStore, SignInRefused
from broker.web.providers import Providers
from broker.web.site import Pages, new_reference, spoken
from broker.web.step_up import needed

_log = logging.getLogger("inkom.signin")


class RefusedSignIn:
    """The page for it; other pages answer with this one."""

    def __init__(
        self,
        *,
        pages: Pages,
        providers: Providers,
        sessions: SessionStore,
        audit: AuditLog,
        measures: Measures,
        clock: Clock,
    ) -> None:
        self._pages = pages
        self._providers = providers
        self._sessions = sessions
        self._audit = audit
        self._measures = measures
        self._clock = clock

    async def answer(
        self, request: Request, refused: SignInRefused, *, again: str, attempt: SignInAttempt | None = None
    ) -> Response:
        """Say why nobody was signed in, in the log, the audit log and on a page with the way to try `again`."""
        reference = new_reference()
        _log.warning(
            "sign-in refused",
            extra={"reference": reference, "mismatch": refused.mismatch.value, "detail": refused.detail},
        )
        await self._audit.happened(
            Event(kind="sign-in-refused", session=None, organisation=None, detail=refused.mismatch.value)
        )
        self._measures.signed_in(refused.mismatch.value)
        former = cookie_value(request.scope["headers"], self._pages.cookies.session)
        if former is not None and attempt is not None:
            if refused.mismatch is Mismatch.OTHER_PERSON:
                await self._sessions.end(former)
            else:
                await self._remember(former, attempt)
        status = 200 if refused.mismatch is Mismatch.CANCELLED else 403
        page = self._pages.page(
            request,
            "sign-in-refused.html",
            status=status,
            mismatch=refused.mismatch.value,
            again=again,
            needed=needed(attempt.demand, self._providers.acr_at(attempt.provider)) if attempt else (),
            reference=spoken(reference),
        )
        # Code and state may stand in this address: nobody is told of it, our own pages neither (RFC 9700 4.2.4).
        page.headers["referrer-policy"] = "no-referrer"
        return page

    async def _remember(self, cookie: str, attempt: SignInAttempt) -> None:
        """Note in the session of a person who stepped up in vain what they were sent with: not to be repeated."""
        asked = asked_of(attempt, now=self._clock.now())
        await self._sessions.amend(
            cookie, lambda kept: replace(kept, asked=asked) if kept.reference == attempt.former else kept
        )


def asked_of(attempt: SignInAttempt, *, now: datetime) -> Asked | None:
    """Return what a session remembers of the demand it came with: nothing, where nothing was asked."""
    return None if attempt.demand == NOTHING else Asked(demand=attempt.demand, at=now)
