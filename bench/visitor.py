"""A visitor who signs in over plain HTTP: follows redirects one by one, and keeps each server's cookies apart.

Knows the mock government's shortcut (`mock_person`), and nothing of pages: whoever needs a click is no load.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

# Without Sec-Fetch-Dest: the gateway then asks no script for the place on the page.
BROWSER = {
    "Accept": "text/html,application/xhtml+xml",
    "Accept-Language": "nl-BE,nl;q=0.9,en;q=0.7",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Sec-Fetch-Mode": "navigate",
}
PEOPLE = ("employee", "legal-representative", "expires-today", "expires-soon")  # each gets in without a question
_AUTHORIZATION = "/op/v1/auth"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_STEPS = 12
_SECONDS = 30.0


class NotSignedIn(Exception):
    """A sign-in did not end where it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer."""

    status: int
    url: str
    location: str
    body: bytes


@dataclass(slots=True)
class Visitor:
    """One browser without a screen. Connections are kept for as long as it lives."""

    person: str = PEOPLE[0]
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)  # by server, then by name
    _lines: dict[str, http.client.HTTPConnection] = field(default_factory=dict)

    def sign_in(self, url: str) -> Page:
        """Open a protected page and sign in on the way. Raises NotSignedIn unless that page itself is the end."""
        page = self.get(url)
        for _ in range(_MOST_STEPS):
            if page.status not in _REDIRECTS:
                break
            target = urljoin(page.url, page.location)
            if urlsplit(target).path == _AUTHORIZATION:
                target += "&" + urlencode({"mock_person": self.person, "mock_method": "itsme"})
            page = self.get(target)
        if page.status != 200 or page.url != url:
            where = urlsplit(page.url)
            raise NotSignedIn(f"ended at {where.netloc}{where.path} with {page.status}: {page.body[:300]!r}")
        return page

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Page:
        """Fetch one page, without following a redirect."""
        place = urlsplit(url)
        line = self._lines.setdefault(place.netloc, _line(place.netloc))
        path = (place.path or "/") + (f"?{place.query}" if place.query else "")
        sent = {**BROWSER, **(headers or {})}
        if self.cookies.get(place.netloc):
            sent["Cookie"] = self.cookie_header(place.netloc)
        try:
            line.request("GET", path, headers=sent)
            answer = line.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):
            # A kept connection may have been closed by now; a GET may be asked again (RFC 9110 9.2.2).
            line.close()
            line.request("GET", path, headers=sent)
            answer = line.getresponse()
        body = answer.read()
        self._keep(place.netloc, answer)
        return Page(status=answer.status, url=url, location=answer.getheader("Location", ""), body=body)

    def cookie_header(self, server: str) -> str:
        """What this browser sends to a server as Cookie."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.get(server, {}).items())

    def close(self) -> None:
        """Close all connections."""
        for line in self._lines.values():
            line.close()

    def _keep(self, server: str, answer: http.client.HTTPResponse) -> None:
        jar = self.cookies.setdefault(server, {})
        for field_value in answer.msg.get_all("Set-Cookie") or ():
            for name, morsel in SimpleCookie(field_value).items():
                if morsel["max-age"] == "0" or "1970" in morsel["expires"] or not morsel.value:
                    jar.pop(name, None)
                else:
                    jar[name] = morsel.coded_value


def _line(server: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(server, timeout=_SECONDS)
