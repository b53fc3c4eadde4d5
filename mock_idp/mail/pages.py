"""The mailbox in a browser: the list, one message, its HTML in a box of its own, the file, and two buttons.

A message is written by whoever could reach the catcher. Its text is escaped like any other; its HTML is served as a
document of its own that may run, load and send nothing, shown in a sandboxed frame.
"""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mock_idp.desk import Desk, ForeignFormError
from mock_idp.mail.contents import contents_of, with_links
from mock_idp.mail.mailbox import Received
from mock_idp.mail.office import Interrupted, MailOffice, NoMailServer
from pagekit.languages import message

SPACE = "/postvak"
STATIC_URL = f"{SPACE}/static"
PER_PAGE = 25
_LONGEST_SEARCH = 100
_LARGEST_NUMBER = 2**62

# Nothing is loaded, not even a picture by which a sender could count readers; links open in a window of their own.
_FOREIGN_HTML = {
    "Content-Security-Policy": "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_FOREIGN_FORM = message("This form was not sent from a page of this mailbox. Open the mailbox and try again.")


class MailboxPages:
    def __init__(self, desk: Desk, office: MailOffice) -> None:
        self._desk = desk
        self._office = office

    def routes(self) -> list[Route]:
        return [
            Route(SPACE, self.listing, methods=["GET"]),
            Route(f"{SPACE}/leegmaken", self.empty, methods=["POST"]),
            Route(f"{SPACE}/versturen", self.run, methods=["POST"]),
            Route(f"{SPACE}/{{number:int}}", self.message, methods=["GET"]),
            Route(f"{SPACE}/{{number:int}}/html", self.html, methods=["GET"]),
            Route(f"{SPACE}/{{number:int}}/bericht.eml", self.file, methods=["GET"]),
        ]

    async def listing(self, request: Request) -> Response:
        sought = request.query_params.get("q", "").strip()[:_LONGEST_SEARCH]
        count = self._office.mailbox.count(sought)
        pages = max(1, -(-count // PER_PAGE))
        page = min(max(_whole_number(request.query_params.get("page", "")), 1), pages)
        return self._desk.page(
            request,
            "postvak/list.html",
            space=SPACE,
            sought=sought,
            count=count,
            messages=self._office.mailbox.newest(recipient=sought, skip=(page - 1) * PER_PAGE, most=PER_PAGE),
            page=page,
            pages=pages,
            previous=_address(sought, page - 1) if page > 1 else None,
            next=_address(sought, page + 1) if page < pages else None,
            report=self._office.last_report,
            can_send=self._office.server is not None,
            catches_on=self._office.catches_on,
        )

    async def message(self, request: Request) -> Response:
        received = self._received(request)
        if received is None:
            return self._gone(request)
        contents = contents_of(received.message)
        answer = self._desk.page(
            request,
            "postvak/message.html",
            space=SPACE,
            stylesheet=f"{STATIC_URL}/mailbox.css",
            received=received,
            contents=contents,
            pieces=with_links(contents.text or ""),
        )
        answer.headers["content-security-policy"] += "; frame-src 'self'"
        return answer

    async def html(self, request: Request) -> Response:
        received = self._received(request)
        html = None if received is None else contents_of(received.message).html
        if html is None:
            return self._gone(request)
        document = f'<base target="_blank">{html}'.encode()
        return Response(document, media_type="text/html; charset=utf-8", headers=_FOREIGN_HTML)

    async def file(self, request: Request) -> Response:
        received = self._received(request)
        if received is None:
            return self._gone(request)
        headers = {
            "Content-Disposition": f'attachment; filename="bericht-{received.id}.eml"',
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "no-store",
        }
        return Response(received.message, media_type="message/rfc822", headers=headers)

    async def empty(self, request: Request) -> Response:
        try:
            await self._desk.form(request)
        except ForeignFormError:
            return self._refused(request, 403, _FOREIGN_FORM)
        self._office.mailbox.empty()
        return self._desk.see_other(SPACE)

    async def run(self, request: Request) -> Response:
        """Sends what the nightly job would send now; the list then tells what came of it."""
        try:
            await self._desk.form(request)
            await self._office.run()
        except ForeignFormError:
            return self._refused(request, 403, _FOREIGN_FORM)
        except NoMailServer:
            return self._refused(request, 503, message("No mail can be sent: the mail server of this mock is off."))
        except Interrupted:
            return self._refused(request, 503, message("Sending was interrupted. Try again."))
        return self._desk.see_other(SPACE)

    def _received(self, request: Request) -> Received | None:
        number: int = request.path_params["number"]
        return self._office.mailbox.one(number) if number < _LARGEST_NUMBER else None

    def _gone(self, request: Request) -> Response:
        return self._desk.page(request, "postvak/gone.html", status=404, space=SPACE)

    def _refused(self, request: Request, status: int, why: str) -> Response:
        return self._desk.page(
            request, "postvak/refused.html", status=status, space=SPACE, why=self._desk.text(request, why)
        )


def _whole_number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _address(sought: str, page: int) -> str:
    return f"{SPACE}?{urlencode({**({'q': sought} if sought else {}), 'page': page})}"
