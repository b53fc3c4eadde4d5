"""Where a visitor goes back to after signing in or choosing: always a path of our own.

Whatever is not plainly such a path becomes the start page; a redirect to another site cannot be expressed.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from starlette.requests import HTTPConnection

START = "/"
_MAX_LENGTH = 2048
# One slash, then no slash and no backslash, then only what RFC 3986 allows in a path and a query.
_OWN_PATH = re.compile(r"/(?!/)[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*", re.ASCII)


def own_path(text: str | None) -> str:
    """Return the text when it is a path of our own, else the start page."""
    if text is None or len(text) > _MAX_LENGTH or not _OWN_PATH.fullmatch(text):
        return START
    return text


def path_of(request: HTTPConnection) -> str:
    """Return the path that was asked for, without its query, when it is one of our own; else the start page."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return own_path(raw.partition(b"?")[0].decode("ascii", "replace"))


def address_with_return(page: str, return_to: str, **more: str) -> str:
    """Return a page's address that carries where to go back to."""
    values = {"return_to": own_path(return_to), **more}
    return page + "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in values.items())
