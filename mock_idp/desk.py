"""What the pages of every site of the government share: language, headers, and forms that only our own pages can send.

A site is one package with its own templates and texts (KBO, Gebruikersbeheer, mailbox). The sign-in pages of ACM have
a desk of their own, since there every page belongs to one sign-in.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mock_idp.signin.browser import LANGUAGE_COOKIE, remember
from pagekit.headers import security_headers
from pagekit.kit import PageKit, Site
from pagekit.languages import LANGUAGES, choose_language

LARGEST_FORM = 100_000
MOST_FIELDS = 100


class ForeignFormError(Exception):
    """A form that none of our pages sent: from another site, too large, or not a form at all."""


class Desk:
    def __init__(self, *, templates: Path, locales: Path, site: Site, origin: str) -> None:
        """`origin` is the public address of this program, without a slash at the end."""
        self.kit = PageKit(templates=templates, locales=locales, site=site)
        self._origin = origin

    def language(self, request: Request) -> str:
        return choose_language(
            chosen=request.query_params.get("lang"),
            remembered=request.cookies.get(LANGUAGE_COOKIE),
            accept_language=request.headers.get("accept-language"),
        )

    def text(self, request: Request, text: str, **values: object) -> str:
        return self.kit.text(text, language=self.language(request), **values)

    def page(self, request: Request, template: str, *, status: int = 200, **context: object) -> Response:
        """A whole page. `lang` in the address is kept for the visit, as ACM's own pages do."""
        language = self.language(request)
        address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        html = self.kit.render(template, language=language, address=address, **context)
        answer = HTMLResponse(html, status_code=status)
        answer.raw_headers.extend(security_headers())
        if request.query_params.get("lang") in LANGUAGES:
            remember(answer, request, LANGUAGE_COOKIE, language)
        return answer

    def see_other(self, address: str) -> Response:
        """After a form: look there (post, redirect, get)."""
        answer = RedirectResponse(address, status_code=303)
        answer.headers["cache-control"] = "no-store"
        return answer

    async def form(self, request: Request) -> FormData:
        """The fields of a form that one of our own pages sent. Raises ForeignFormError."""
        if not self._from_own_page(request):
            raise ForeignFormError("another site")
        length = request.headers.get("content-length", "")
        if not length.isdigit() or int(length) > LARGEST_FORM:
            raise ForeignFormError("too large")
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
            raise ForeignFormError("not a form")
        return await request.form(max_fields=MOST_FIELDS, max_files=0)

    def _from_own_page(self, request: Request) -> bool:
        """A form must prove it: fetch metadata, which no page can set, or `Origin`."""
        if request.headers.get("sec-fetch-site") is None and request.headers.get("origin") is None:
            return False
        return not is_from_other_site(request, self._origin)


def is_from_other_site(request: Request, origin: str) -> bool:
    """A browser says that the page it was on was not ours. Programs that are no browser say nothing."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return True
    sent = request.headers.get("origin")
    own = {origin, f"{urlsplit(origin).scheme}://{request.headers.get('host', '')}"}
    return sent is not None and sent not in own


def texts_of(form: FormData) -> Mapping[str, str]:
    """The fields of a form that hold one text each, without the spaces around it."""
    return {name: value.strip() for name, value in form.items() if isinstance(value, str)}
