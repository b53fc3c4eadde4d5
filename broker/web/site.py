"""Turns a template into a response: language, security headers, and the reference that a help desk can look up.

All pages of the gateway are made by `Pages.page`; nothing else builds HTML.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse, Response

from broker.config import Links
from broker.cookies import Cookies, cookie_value
from broker.domain.session import Session
from broker.web.scripts import Scripts
from pagekit import LANGUAGES, Link, PageKit, Site, choose_language, message, security_headers

_HERE = Path(__file__).parent
SPACE = "/_inkom"
LANGUAGE_SECONDS = 12 * 3600


def new_reference() -> str:
    """Return a reference that is shown on a page and stands in the log beside what happened."""
    return secrets.token_hex(8)


def spoken(reference: str) -> str:
    """Return a reference in groups of four, to read aloud on the phone."""
    return "-".join(reference[at : at + 4] for at in range(0, len(reference), 4)).upper()


class Pages:
    """The page kit with the gateway's templates, texts and headers."""

    def __init__(
        self,
        *,
        cookies: Cookies,
        provider_origins: tuple[str, ...],
        applications: Mapping[str, Mapping[str, str]],
        links: Links,
    ) -> None:
        self.cookies = cookies
        self.links = links
        self.scripts = Scripts(space=SPACE)
        self._titles = applications
        self.kit = PageKit(
            templates=_HERE / "templates",
            locales=_HERE / "locales",
            site=Site(
                name=message("INKOM"),
                static_url=f"{SPACE}/static",
                accessibility_url=f"{SPACE}/accessibility",
                footer=(Link(label=message("About the support measures"), href=links.agency),),
            ),
        )
        # Signing out ends in a redirect to the provider, which Chromium checks against form-action too.
        self._form_targets = provider_origins
        self._headers = security_headers(form_targets=self._form_targets)

    def language(self, connection: HTTPConnection) -> str:
        """Return the language of this visit: asked for in the address, chosen before, or accepted by the browser."""
        return choose_language(
            chosen=connection.query_params.get("lang"),
            remembered=cookie_value(connection.scope["headers"], self.cookies.language),
            accept_language=connection.headers.get("accept-language"),
        )

    def title(self, application: str, language: str) -> str:
        """Return an application's name."""
        return self._titles[application][language]

    def titles(self, language: str) -> tuple[tuple[str, str], ...]:
        """Return id and name of every application, in the order of the configuration."""
        return tuple((name, texts[language]) for name, texts in self._titles.items())

    def page(
        self,
        connection: HTTPConnection,
        template: str,
        *,
        status: int = 200,
        session: Session | None = None,
        **context: object,
    ) -> Response:
        """Return a whole page in the visitor's language."""
        language = self.language(connection)
        query = connection.url.query
        html = self.kit.render(
            template,
            language=language,
            address=f"?{query}" if query else "",
            session=session,
            links=self.links,
            space=SPACE,
            script=self.scripts.address,
            **context,
        )
        response = HTMLResponse(html, status_code=status)
        self.finish(response)
        chosen = connection.query_params.get("lang")
        if chosen in LANGUAGES:
            # For this visit only: a preference for a language is not kept in anybody's profile.
            response.headers.append(
                "set-cookie", self.cookies.setting(self.cookies.language, chosen, seconds=LANGUAGE_SECONDS)
            )
        return response

    def finish(self, response: Response, *, form_targets: tuple[str, ...] = (), live: bool = False) -> None:
        """Put the security headers on a response.

        `form_targets` are where else its forms may end; `live`, that its script may ask our own origin something.
        """
        headers = self._headers
        if form_targets or live:
            headers = security_headers(form_targets=self._form_targets + form_targets, live=live)
        for name, value in headers:
            response.headers[name.decode()] = value.decode()

    def see_other(self, address: str, *cookies: str, fragment: str = "") -> Response:
        """Redirect with 303, so that a form is never sent on (RFC 9110, section 15.4.4), setting cookies on the way.

        `fragment` is the place on the page, as a browser wrote it.
        """
        response = RedirectResponse(address, status_code=303)
        if fragment:
            response.headers["location"] += f"#{fragment}"
        response.headers["cache-control"] = "no-store"
        response.headers["referrer-policy"] = "no-referrer"
        for cookie in cookies:
            response.headers.append("set-cookie", cookie)
        return response
