"""The page for somebody who has just signed in again and still is not what an application asks for: no redirect.

It says what is needed. Going to the provider once more is the person's own choice, by a button, so that nobody is sent
there and back without end.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from broker.domain.demand import NO_MEANING, AcrTable, Demand
from broker.domain.people import Assurance
from broker.domain.session import Session
from broker.ports import Passage
from broker.web.site import Pages, spoken
from pagekit import message


def step_up_page(
    pages: Pages, request: Request, passage: Passage, *, demand: Demand, acr: AcrTable, again: str
) -> Response:
    """Return the page for a demand that was tried in vain."""
    return pages.page(
        request,
        "step-up.html",
        status=403,
        session=passage.session if isinstance(passage.session, Session) else None,
        application=pages.title(passage.application, pages.language(request)),
        needed=needed(demand, acr),
        again=again,
        reference=spoken(passage.record or ""),
    )


def needed(demand: Demand, acr: AcrTable) -> tuple[tuple[str, int], ...]:
    """Return what a demand asks, as message ids with the place `count`."""
    lines: list[tuple[str, int]] = []
    match _level(demand, acr):
        case Assurance.HIGH:
            lines.append((message("Sign in with itsme or eID: the level has to be high."), 0))
        case Assurance.SUBSTANTIAL:
            lines.append(
                (message("Sign in with itsme, eID, the app or a code by SMS: the level has to be substantial."), 0)
            )
        case Assurance.LOW:
            lines.append((message("Sign in in one of the ways that the government offers."), 0))
        case None if demand.acr_values:
            lines.append((message("Sign in in the way that the application asks for."), 0))
        case None:
            pass
    if demand.max_age is not None:
        minutes = demand.max_age // 60
        if minutes > 1:
            lines.append((message("Sign in now: it may be at most %(count)s minutes ago."), minutes))
        else:
            lines.append((message("Sign in now: it may not be long ago."), 0))
    return tuple(lines)


def _level(demand: Demand, acr: AcrTable) -> Assurance | None:
    """Return the least level that will do, if every value that is asked for has one."""
    levels = [acr.get(value, NO_MEANING).assurance for value in demand.values(acr)]
    known = [level for level in levels if level is not None]
    return demand.level or (min(known) if known and len(known) == len(levels) else None)
