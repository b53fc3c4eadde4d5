"""Who is asking: whose session it is, and whether a browser shows a page or a program needs an answer it can read."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from broker.cookies import Cookies, cookie_value
from broker.domain.session import Session
from broker.ports import SessionStore


def shows_pages(connection: HTTPConnection) -> bool:
    """Whether the client is a browser that navigates.

    Anything else (no `Accept: text/html`, a `Sec-Fetch-Mode` other than `navigate`, an access token) is a program: it
    gets a status and a problem document, and is never sent to the identity provider.
    """
    if connection.headers.get("authorization", "").partition(" ")[0].lower() in {"bearer", "dpop"}:
        return False
    mode = connection.headers.get("sec-fetch-mode")
    return "text/html" in connection.headers.get("accept", "") and mode in {None, "navigate"}


async def session_of(
    connection: HTTPConnection, *, cookies: Cookies, sessions: SessionStore, counts_as_use: bool = True
) -> Session | None:
    """Return the visitor's session, if they are signed in. Raises StoreUnavailable."""
    cookie = cookie_value(connection.scope["headers"], cookies.session)
    return await sessions.find(cookie, counts_as_use=counts_as_use) if cookie else None
