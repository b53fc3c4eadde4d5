"""The page where a person chooses at which provider to sign in; somebody who is signed in already is told why."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from broker.domain.demand import NOTHING, Demand
from broker.domain.session import Destination, Session
from broker.web.answers import LOGIN
from broker.web.demands import address_with_demand
from broker.web.place import with_place
from broker.web.providers import Providers
from broker.web.site import Pages


def choice_page(
    request: Request,
    *,
    pages: Pages,
    providers: Providers,
    session: Session | None,
    to: Destination,
    demand: Demand = NOTHING,
) -> Response:
    """Return the page with the providers whose sign-ins count where the person goes to."""
    language = pages.language(request)
    accepted = providers.accepted_at(to.path)
    present = providers.named(session.identity.provider) if session else None
    address = address_with_demand(LOGIN, to.path, demand)
    return pages.page(
        request,
        "choose-provider.html",
        offered=tuple(
            (one.title[language], with_place(f"{address}&provider={one.id}", to.fragment)) for one in accepted
        ),
        signed_in_at=present.title[language] if present is not None and present not in accepted else None,
    )
