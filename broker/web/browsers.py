"""The sign-in cookie: one random value for each browser, to which its attempts are bound, and which names nobody."""

from __future__ import annotations

import re

from starlette.requests import Request

from broker.cookies import Cookies, cookie_value

BROWSER_SECONDS = 4 * 3600  # longer than an attempt can be used: where it led is known as long as this
_BROWSER = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # what `secrets.token_urlsafe(32)` makes


def own_browser(request: Request, cookies: Cookies) -> str | None:
    """Return the sign-in cookie's value if we could have made it: nothing else is set again or looked up."""
    value = cookie_value(request.scope["headers"], cookies.signin)
    return value if value is not None and _BROWSER.fullmatch(value) else None
