"""The site of KBO put together: the public pages, and the counter."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import BaseRoute

from mock_idp.clock import Clock
from mock_idp.desk import Desk
from mock_idp.kbo.counter import Counter
from mock_idp.kbo.enterprise_pages import EnterprisePages
from mock_idp.kbo.function_pages import FunctionPages
from mock_idp.kbo.pages import COUNTER, SPACE, PublicPages
from mock_idp.kbo.term import Term
from mock_idp.world.live import LiveWorld
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


def routes(
    *, world: LiveWorld, clock: Clock, origin: str, working_days: int, static_url: str, accessibility_url: str
) -> list[BaseRoute]:
    """`working_days`: how long KBO takes, until another term is chosen at the counter."""
    desk = Desk(
        templates=HERE / "templates",
        locales=HERE / "locales",
        site=site(static_url=static_url, accessibility_url=accessibility_url),
        origin=origin,
    )
    term = Term(working_days)
    counter = Counter(desk=desk, world=world, clock=clock, term=term)
    return [
        *PublicPages(desk=desk, world=world, clock=clock, term=term).routes(),
        *EnterprisePages(counter).routes(),
        *FunctionPages(counter).routes(),
    ]
