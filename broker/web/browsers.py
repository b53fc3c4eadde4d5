"""Cookies that know a browser again and name nobody: one random value each, to which attempts and forms are bound."""

from __future__ import annotations

import re
import secrets

from starlette.requests import Request

from broker.cookies import cookie_value

BROWSER_SECONDS = 4 * 3600  # longer than an attempt can be used: where it led is known as long as this
_BROWSER = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # what `new_browser` makes


def new_browser() -> str:
    """Return a value for a browser that has none."""
    return secrets.token_urlsafe(32)


def own_browser(request: Request, cookie: str) -> str | None:
    """Return a cookie's value if we could have made it: nothing else is set again or looked up."""
    value = cookie_value(request.scope["headers"], cookie)
    return value if value is not None and _BROWSER.fullmatch(value) else None
