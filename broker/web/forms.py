"""Our own forms: small, and accepted only from our own pages.

A form is taken when the browser says it comes from our origin and it carries the session's form token. Either alone
would do in a modern browser; together they also cover an old one.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from broker.domain.session import Session
from broker.web.bodies import whole_body

MAX_FORM = 16_384
MAX_FIELDS = 20


class ForeignForm(Exception):
    """The form did not come from a page of ours, or not from this session."""


async def own_form(request: Request, *, session: Session, origin: str) -> Mapping[str, str]:
    """Return the fields of a form that this session's own page sent. Raises ForeignForm."""
    if not from_own_page(request, origin=origin):
        raise ForeignForm("another site")
    fields = dict(await posted_fields(request))
    if not hmac.compare_digest(fields.get("form_token", "").encode(), session.form_token.encode()):
        raise ForeignForm("form token")
    return fields


async def posted_fields(request: Request, *, longest: int = MAX_FORM) -> list[tuple[str, str]]:
    """Return the fields of a form, from whichever page it came, in order. Raises ForeignForm."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        raise ForeignForm("content type")
    body = await whole_body(request, longest=longest)
    if body is None:
        raise ForeignForm("too large, or broken off")
    try:
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise ForeignForm("unreadable") from error


def from_own_page(request: Request, *, origin: str) -> bool:
    """Whether the browser says that our own origin made this request.

    `Sec-Fetch-Site` cannot be set by a page; an `Origin` that is there must be ours, so "null" is not.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    sent = request.headers.get("origin")
    return sent == origin if sent is not None else site == "same-origin"
