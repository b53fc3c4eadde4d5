"""The site of KBO put together: the public pages, and the counter."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import BaseRoute

from mock_idp.acm.provider import Provider
from mock_idp.desk import Desk
from mock_idp.kbo.counter import Counter
from mock_idp.kbo.enterprise_pages import EnterprisePages
from mock_idp.kbo.function_pages import FunctionPages
from mock_idp.kbo.pages import COUNTER, SPACE, PublicPages
from mock_idp.kbo.term import Term
from pagekit.kit import Link, Site
from pagekit.languages import message

HERE = Path(__file__).parent


def site(*, static_url: str, accessibility_url: str) -> Site:
    return Site(
        name=message("KBO public search"),
        home=SPACE,
        static_url=static_url,
        accessibility_url=accessibility_url,
        footer=(
            Link(label=message("Play KBO"), href=COUNTER),
            Link(label=message("User management"), href="/gebruikersbeheer"),
            Link(label=message("About this mock"), href="/"),
        ),
    )


def routes(provider: Provider, *, static_url: str, accessibility_url: str) -> list[BaseRoute]:
    desk = Desk(
        templates=HERE / "templates",
        locales=HERE / "locales",
        site=site(static_url=static_url, accessibility_url=accessibility_url),
        origin=provider.settings.origin,
    )
    term = Term(provider.settings.kbo_working_days)
    counter = Counter(desk=desk, world=provider.world, clock=provider.clock, term=term)
    return [
        *PublicPages(desk=desk, world=provider.world, clock=provider.clock, term=term).routes(),
        *EnterprisePages(counter).routes(),
        *FunctionPages(counter).routes(),
    ]
