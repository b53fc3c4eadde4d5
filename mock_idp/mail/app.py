"""The site of the mailbox, and the strings for scripts, over one office."""

from __future__ import annotations

from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from mock_idp.desk import Desk
from mock_idp.mail.control import MailControl
from mock_idp.mail.office import HERE, LOCALES, TEMPLATES, MailOffice
from mock_idp.mail.pages import SPACE, STATIC_URL, MailboxPages
from pagekit.kit import Link, Site
from pagekit.languages import message


def site(*, static_url: str, accessibility_url: str) -> Site:
    return Site(
        name=message("Mailbox"),
        home=SPACE,
        static_url=static_url,
        accessibility_url=accessibility_url,
        footer=(Link(label=message("About this mock"), href="/"),),
    )


def routes(office: MailOffice, *, origin: str, static_url: str, accessibility_url: str) -> list[BaseRoute]:
    desk = Desk(
        templates=TEMPLATES,
        locales=LOCALES,
        site=site(static_url=static_url, accessibility_url=accessibility_url),
        origin=origin,
    )
    return [
        *MailboxPages(desk, office).routes(),
        Mount(STATIC_URL, StaticFiles(directory=HERE / "static")),
        *MailControl(office).routes(),
    ]
