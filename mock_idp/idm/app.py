"""The sites of user management put together: sign-in, Gebruikersbeheer, Mijn profiel, Beheer der Toegangsbeheer."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import BaseRoute

from mock_idp.acm.provider import Provider
from mock_idp.desk import Desk
from mock_idp.idm.choice import ChoicePage
from mock_idp.idm.counter import Counter
from mock_idp.idm.pages.adding import AddingPages
from mock_idp.idm.pages.administrators import AdministratorPages
from mock_idp.idm.pages.asking import AskingPages
from mock_idp.idm.pages.comparing import ComparingPage
from mock_idp.idm.pages.directory import DirectoryPage
from mock_idp.idm.pages.extending import ExtendingPages
from mock_idp.idm.pages.granting import GrantingPages
from mock_idp.idm.pages.linking import LinkingPages
from mock_idp.idm.pages.looking_up import LookingUpPages
from mock_idp.idm.pages.main import MainPage
from mock_idp.idm.pages.my_profile import MyProfilePage
from mock_idp.idm.pages.person import PersonPages
from mock_idp.idm.pages.quick_grant import QuickGrantPage
from mock_idp.idm.pages.relations import RelationPages
from mock_idp.idm.pages.rights import RightPages
from mock_idp.idm.pages.target_groups import TargetGroupPages
from mock_idp.idm.pages.tasks import TaskPages
from mock_idp.idm.signin import SPACE, SignIn
from mock_idp.idm.visitors import Visitors
from pagekit.kit import Link, Site
from pagekit.languages import message

HERE = Path(__file__).parent


def site(*, static_url: str, accessibility_url: str) -> Site:
    return Site(
        name=message("User management of the Flemish government"),
        home=SPACE,
        static_url=static_url,
        accessibility_url=accessibility_url,
        footer=(
            Link(label=message("My profile"), href="/mijn-profiel"),
            Link(label=message("Management of access managers"), href="/beheer-der-toegangsbeheer"),
            Link(label=message("KBO public search"), href="/kbo"),
        ),
    )


def routes(provider: Provider, *, static_url: str, accessibility_url: str) -> list[BaseRoute]:
    """All routes; what is in memory is forgotten when the world is reset."""
    desk = Desk(
        templates=HERE / "templates",
        locales=HERE / "locales",
        site=site(static_url=static_url, accessibility_url=accessibility_url),
        origin=provider.settings.origin,
    )
    visitors = Visitors(provider.clock)
    counter = Counter(desk=desk, world=provider.world, clock=provider.clock, visitors=visitors)
    signin = SignIn(desk=desk, provider=provider, visitors=visitors)
    provider.world.on_reset(visitors.reset)
    provider.world.on_reset(signin.reset)
    return [
        *signin.routes(),
        *ChoicePage(counter).routes(),
        *MainPage(counter).routes(),
        *AddingPages(counter).routes(),
        *DirectoryPage(counter).routes(),
        *ComparingPage(counter).routes(),
        *LinkingPages(counter).routes(),
        *PersonPages(counter).routes(),
        *RelationPages(counter).routes(),
        *QuickGrantPage(counter).routes(),
        *GrantingPages(counter).routes(),
        *RightPages(counter).routes(),
        *LookingUpPages(counter).routes(),
        *ExtendingPages(counter).routes(),
        *TargetGroupPages(counter).routes(),
        *TaskPages(counter).routes(),
        *AskingPages(counter).routes(),
        *MyProfilePage(counter).routes(),
        *AdministratorPages(counter).routes(),
    ]
