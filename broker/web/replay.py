"""Sends a kept form on: in the place of the small form by which its sender confirms it.

The confirming form goes to the very address that the kept one was for, so that the application's answer stands at its
own address. It is recognised by our cookie and by its first field; every other post passes as it came. The kept form is
then judged, recorded and forwarded like any other request. It is taken exactly once, whatever becomes of it.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from broker.domain.parked import ParkedPost
from broker.domain.session import Session
from broker.ports import AuditLog, Event, Parking, SessionStore
from broker.web.browsers import own_browser
from broker.web.forms import from_own_page
from broker.web.parking import ParkingPages, waiting_place
from broker.web.site import Pages
from broker.web.visitors import session_of

FIELD = "inkom_parked"
_BEGINNING = f"{FIELD}=".encode()
_LONGEST = 512
_FORM = "application/x-www-form-urlencoded"
# The fields of a request that say what its body is, and where it came from: they are the kept form's own.
_OF_THE_BODY = frozenset({b"content-type", b"content-length", b"content-encoding", b"transfer-encoding", b"referer"})


class ReplayedForms:
    """Fulfils the port `Replays`."""

    def __init__(
        self,
        *,
        pages: Pages,
        parked: ParkingPages,
        parking: Parking,
        sessions: SessionStore,
        audit: AuditLog,
        origin: str,
    ) -> None:
        self._pages = pages
        self._parked = parked
        self._parking = parking
        self._sessions = sessions
        self._audit = audit
        self._origin = origin

    async def request(self, scope: Scope, receive: Receive, send: Send) -> tuple[Scope, Receive] | None:
        """Return the request to judge: the one that came, or the kept one; None when it was answered here."""
        request = Request(scope)
        browser = own_browser(request, self._pages.cookies.parked)
        if browser is None or not _may_confirm(request):
            return scope, receive
        read, confirmation = await _confirmation(receive)
        if confirmation is None:
            return scope, _again(read, receive)
        answer = await self._confirmed(request, confirmation, browser=browser)
        if isinstance(answer, ParkedPost):
            return _in_place(scope, answer), _again([_whole(answer.body)], receive)
        await answer(scope, receive, send)
        return None

    async def _confirmed(self, request: Request, fields: Mapping[str, str], *, browser: str) -> ParkedPost | Response:
        """Return the kept form, taken, when everything holds; else what to answer."""
        name = fields.get(FIELD, "")
        # Whether this is a use of the session is for the gate to say, which judges the kept form.
        session = await session_of(request, cookies=self._pages.cookies, sessions=self._sessions, counts_as_use=False)
        post = await self._parking.look(name, browser=browser)
        if post is None or post.target != _target(request.scope):
            return self._parked.gone(request, session)
        if session is None:
            return self._pages.see_other(waiting_place(post))
        if not from_own_page(request, origin=self._origin) or not _same(fields.get("form_token", ""), session):
            return self._pages.page(request, "foreign-form.html", status=403, back=waiting_place(post))
        if not post.owner.is_person_of(session):
            return await self._parked.refuse(request, session, post, browser=browser)
        if not post.owner.acts_in(session):
            return self._pages.see_other(waiting_place(post))
        taken = await self._parking.take(name, browser=browser)
        if taken is None:
            return self._parked.gone(request, session)
        organisation = session.acting.organisation.number.digits if session.acting else None
        await self._audit.happened(
            Event(kind="kept-form-sent", session=session.reference, organisation=organisation, detail=post.application)
        )
        return taken


def _may_confirm(request: Request) -> bool:
    """Whether the request could be the small form of our own page, as far as its head tells."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    length = request.headers.get("content-length", "")
    return kind == _FORM and length.isdigit() and int(length) <= _LONGEST


async def _confirmation(receive: Receive) -> tuple[list[Message], Mapping[str, str] | None]:
    """Read the body, which is small; return what was read, and the fields if it is the confirming form."""
    read: list[Message] = []
    body = b""
    while True:
        message = await receive()
        read.append(message)
        if message["type"] != "http.request":
            return read, None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    if not body.startswith(_BEGINNING):
        return read, None
    try:
        return read, dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=4))
    except ValueError:
        return read, {}


def _same(token: str, session: Session) -> bool:
    return hmac.compare_digest(token.encode(), session.form_token.encode())


def _target(scope: Scope) -> str:
    target: bytes = scope["extensions"]["inkom.target"]
    return target.decode("ascii")


def _in_place(scope: Scope, post: ParkedPost) -> Scope:
    """The request that came, with the kept form's own fields about its body."""
    headers = [(name, value) for name, value in scope["headers"] if name not in _OF_THE_BODY]
    headers.append((b"content-length", str(len(post.body)).encode()))
    if post.content_type is not None:
        headers.append((b"content-type", post.content_type.encode("latin-1")))
    if post.referer is not None:
        headers.append((b"referer", post.referer.encode("latin-1")))
    return {**scope, "headers": headers}


def _whole(body: bytes) -> Message:
    return {"type": "http.request", "body": body, "more_body": False}


def _again(read: list[Message], receive: Receive) -> Receive:
    """Give what was read once more, then whatever comes."""
    waiting = iter(read)

    async def receiving() -> Message:
        message = next(waiting, None)
        return await receive() if message is None else message

    return receiving
