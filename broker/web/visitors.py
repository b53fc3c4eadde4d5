"""Who is asking: a browser that shows a page, or a program that needs an answer it can read."""

from __future__ import annotations

from starlette.requests import HTTPConnection


def shows_pages(connection: HTTPConnection) -> bool:
    """Whether the client is a browser that navigates.

    Anything else (no `Accept: text/html`, or a `Sec-Fetch-Mode` other than `navigate`) is a program: it gets a status
    and a problem document, and is never sent to the identity provider.
    """
    mode = connection.headers.get("sec-fetch-mode")
    return "text/html" in connection.headers.get("accept", "") and mode in {None, "navigate"}
