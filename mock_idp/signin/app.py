"""The sign-in pages as routes, to be mounted at the root of the mock government's origin.

Everything is in memory and is forgotten when the world is reset. Who is who comes from the world; when somebody is
through, `Authorization.complete` takes over.
"""

from __future__ import annotations

from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from mock_idp.acm.authorization import Authorization
from mock_idp.acm.interactions import Interactions
from mock_idp.clock import Clock
from mock_idp.signin.activation import AppActivation, SmsActivation
from mock_idp.signin.app_code import AppPages
from mock_idp.signin.choice import ChoicePages
from mock_idp.signin.desk import LOCALES, STATIC, STATIC_URL, TEMPLATES, Desk
from mock_idp.signin.eid import CardReader, EidPages
from mock_idp.signin.enrolments import Enrolments
from mock_idp.signin.federal_token import FederalTokenPages
from mock_idp.signin.itsme import ItsmePages, ItsmeRequests
from mock_idp.signin.organisation import OrganisationPages
from mock_idp.signin.people import Cast
from mock_idp.signin.phone import PhonePages
from mock_idp.signin.sms import Messages, SmsPages
from mock_idp.world.live import LiveWorld
from pagekit.kit import STATIC as KIT_STATIC
from pagekit.kit import PageKit, Site
from pagekit.languages import message


def routes(
    *,
    world: LiveWorld,
    interactions: Interactions,
    authorization: Authorization,
    clock: Clock,
    home: str = "/",
    accessibility_url: str = "/signin-accessibility",
) -> list[BaseRoute]:
    """All pages below /signin, /phone and /wallet, and the static files they need, the page kit's among them.

    `home` is where the name at the top of each page leads, `accessibility_url` the statement in the foot. A reset of
    the world empties these pages too.
    """
    site = Site(
        name=message("Access control (test environment)"),
        home=home,
        static_url=f"{STATIC_URL}/kit",
        accessibility_url=accessibility_url,
    )
    kit = PageKit(templates=TEMPLATES, locales=LOCALES, site=site)
    cast = Cast(world, clock)
    desk = Desk(cast=cast, interactions=interactions, authorization=authorization, clock=clock, kit=kit)
    enrolments = Enrolments(cast)
    requests, messages, reader = ItsmeRequests(), Messages(), CardReader(desk)
    sms = SmsPages(desk, enrolments, messages)
    token = FederalTokenPages(desk)
    new_app = AppActivation(desk, reader, enrolments)
    new_phone = SmsActivation(desk, reader, enrolments, messages)
    for forget in (
        desk.reset,
        enrolments.reset,
        requests.clear,
        messages.clear,
        sms.reset,
        token.reset,
        new_app.reset,
        new_phone.reset,
    ):
        world.on_reset(forget)
    return [
        *ChoicePages(desk).routes(),
        *EidPages(desk, reader).routes(),
        *ItsmePages(desk, requests).routes(),
        *AppPages(desk, enrolments).routes(),
        *sms.routes(),
        *token.routes(),
        *new_app.routes(),
        *new_phone.routes(),
        *OrganisationPages(desk).routes(),
        *PhonePages(desk, enrolments, requests, messages).routes(),
        Mount(f"{STATIC_URL}/kit", StaticFiles(directory=KIT_STATIC)),
        Mount(STATIC_URL, StaticFiles(directory=STATIC)),
    ]
