"""The gateway's cookies: their names, how they are read and how they are set.

A name with the `__Host-` prefix binds a cookie to this host, this path and https (RFC 6265bis, section 4.1.3.2).
Browsers refuse that prefix on plain http, so localhost, the only place where plain http is accepted, has names of its
own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookies:
    """The names of all cookies of one gateway, and whether it is reached over https.

    session: the signed-in session. signin: ties attempts to sign in to this browser. language: the choice of language.
    parked: opens the forms that came from this browser when its session was over.
    """

    session: str
    signin: str
    language: str
    parked: str
    secure: bool

    @classmethod
    def of(cls, *, secure: bool) -> Cookies:
        """Return the names for a gateway reached over https, or over plain http on localhost."""
        prefix = "__Host-inkom" if secure else "inkom-localhost"
        return cls(
            session=prefix,
            signin=f"{prefix}-signin",
            language=f"{prefix}-language",
            parked=f"{prefix}-parked",
            secure=secure,
        )

    @property
    def names(self) -> frozenset[str]:
        """All names, which backends neither receive nor set."""
        return frozenset({self.session, self.signin, self.language, self.parked})

    def setting(self, name: str, value: str, *, seconds: int | None = None) -> str:
        """Return the `Set-Cookie` value; without `seconds` the cookie ends with the browser.

        SameSite=Lax: the provider sends the browser back by a top-level GET, which carries such cookies.
        """
        age = "" if seconds is None else f"; Max-Age={seconds}"
        secure = "; Secure" if self.secure else ""
        return f"{name}={value}; Path=/{age}; HttpOnly{secure}; SameSite=Lax"

    def removal(self, name: str) -> str:
        """Return the `Set-Cookie` value that makes the browser forget a cookie."""
        return self.setting(name, "", seconds=0)


def cookie_value(headers: Iterable[tuple[bytes, bytes]], name: str) -> str | None:
    """Return the value of a cookie; None when it is absent, or there twice (one of them may be an attacker's)."""
    wanted = name.encode("ascii")
    found = [
        value.strip()
        for field, fields in headers
        if field == b"cookie"
        for key, separator, value in (pair.partition(b"=") for pair in fields.split(b";"))
        if separator and key.strip() == wanted
    ]
    if len(found) != 1 or not found[0].isascii():
        return None
    return found[0].decode("ascii")


def carries_cookie(headers: Iterable[tuple[bytes, bytes]], name: str) -> bool:
    """Whether a cookie is there at all, whatever its value and however often."""
    wanted = name.encode("ascii")
    pairs = (pair for field, fields in headers if field == b"cookie" for pair in fields.split(b";"))
    return any(pair.partition(b"=")[0].strip() == wanted for pair in pairs)
