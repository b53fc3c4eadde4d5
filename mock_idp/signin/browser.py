"""The browser's side of a sign-in: the cookie that says which browser this is, and the token that forms must carry.

A sign-in belongs to the browser that opened it. Forms carry a token made from browser and purpose (the interaction's
id, or one phone), so a form of another site, another browser or another sign-in is worth nothing here.
"""

from __future__ import annotations

import hmac
import re
import secrets

from starlette.requests import Request
from starlette.responses import Response

BROWSER_COOKIE = "acm_browser"
METHOD_COOKIE = "acm_last_method"
LANGUAGE_COOKIE = "acm_language"
YEAR = 31_536_000  # seconds

_ID = re.compile(r"[A-Za-z0-9_-]{32}")


def browser_of(request: Request) -> str | None:
    """The browser's id, or None when it brings none that we could have made."""
    value = request.cookies.get(BROWSER_COOKIE, "")
    return value if _ID.fullmatch(value) else None


def new_browser() -> str:
    return secrets.token_urlsafe(24)


def remember(response: Response, request: Request, name: str, value: str, *, max_age: int | None = None) -> None:
    """Set a cookie that no script reads and that no form of another site brings along."""
    response.set_cookie(
        name, value, max_age=max_age, path="/", httponly=True, samesite="lax", secure=request.url.scheme == "https"
    )


class FormTokens:
    """Makes and checks the hidden field of every form."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def make(self, *, browser: str, purpose: str) -> str:
        return hmac.digest(self._key, f"{browser}\n{purpose}".encode(), "sha256").hex()

    def fits(self, token: str, *, browser: str, purpose: str) -> bool:
        return hmac.compare_digest(token.encode(), self.make(browser=browser, purpose=purpose).encode())
