"""The mailbox and the job for scripts: `/mock/mail`. FOR DEVELOPMENT ONLY, as `mock_idp.control`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mock_idp.mail.contents import contents_of
from mock_idp.mail.mailbox import Received
from mock_idp.mail.office import Interrupted, MailOffice, NoMailServer

MOST_LISTED = 100
_LARGEST_NUMBER = 2**62


class MailControl:
    def __init__(self, office: MailOffice) -> None:
        self._office = office

    def routes(self) -> list[Route]:
        return [
            Route("/mock/mail", self.listing, methods=["GET"]),
            Route("/mock/mail", self.empty, methods=["DELETE"]),
            Route("/mock/mail/run", self.run, methods=["POST"]),
            Route("/mock/mail/{number:int}", self.one, methods=["GET"]),
        ]

    async def listing(self, request: Request) -> Response:
        """The newest hundred, newest first; `?recipient=` takes any part of an address."""
        recipient = request.query_params.get("recipient", "")
        newest = self._office.mailbox.newest(recipient=recipient, most=MOST_LISTED)
        return _answer(
            {"count": self._office.mailbox.count(recipient), "messages": [_described(one) for one in newest]}
        )

    async def one(self, request: Request) -> Response:
        number: int = request.path_params["number"]
        received = self._office.mailbox.one(number) if number < _LARGEST_NUMBER else None
        if received is None:
            return _answer({"error": "there is no message of that number"}, status=404)
        contents = contents_of(received.message)
        return _answer(
            {
                **_described(received),
                "headers": [list(header) for header in contents.headers],
                "text": contents.text,
                "html": contents.html,
                "attachments": list(contents.attachments),
            }
        )

    async def empty(self, request: Request) -> Response:
        return _answer({"removed": self._office.mailbox.empty()})

    async def run(self, request: Request) -> Response:
        """Answers when the run is over, with its counts."""
        try:
            report = await self._office.run()
        except NoMailServer:
            return _answer({"error": "the mail server of this mock is off, and no other was named"}, status=503)
        except Interrupted:
            return _answer({"error": "the world was reset meanwhile"}, status=503)
        return _answer(report.described())


def _described(received: Received) -> dict[str, object]:
    return {
        "id": received.id,
        "received_at": received.received_at.isoformat(),
        "received_on": received.received_on.isoformat(),
        "sender": received.sender,
        "recipients": list(received.recipients),
        "subject": received.subject,
    }


def _answer(content: object, *, status: int = 200) -> Response:
    return JSONResponse(content, status_code=status, headers={"Cache-Control": "no-store"})
