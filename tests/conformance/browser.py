"""A visitor's browser without a screen: keeps cookies, follows redirects one at a time, fills in forms."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx2

NAVIGATION = {"accept": "text/html,application/xhtml+xml", "sec-fetch-mode": "navigate", "accept-language": "en"}
LONGEST_WALK = 20
# A button has a name and a value, and is no field before it is pressed.
BUTTONS = frozenset({"logout"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form of a page, with the fields that it holds already."""

    action: str
    method: str
    fields: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Browser:
    """`visited` holds every address that was asked for, in order."""

    client: httpx2.Client = field(
        default_factory=lambda: httpx2.Client(
            trust_env=False,
            # Plain http only: loading the machine's certificates would cost more than a test's requests.
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            headers=NAVIGATION,
            timeout=20,
            follow_redirects=False,
            # Apache may close a kept connection just when it is used again; browsers try once more, this one asks anew.
            limits=httpx2.Limits(max_keepalive_connections=0),
        )
    )
    visited: list[str] = field(default_factory=list)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def get(self, address: str, **headers: str) -> httpx2.Response:
        """Fetch one address without following a redirect."""
        self.visited.append(address)
        return self.client.get(address, headers=headers)

    def post(self, address: str, fields: Mapping[str, str]) -> httpx2.Response:
        """Post a form as a page of the same origin would."""
        self.visited.append(address)
        parts = urlsplit(address)
        own = {"origin": f"{parts.scheme}://{parts.netloc}", "sec-fetch-site": "same-origin"}
        return self.client.post(address, data=dict(fields), headers=own)

    def follow(self, response: httpx2.Response, **shortcut: str) -> httpx2.Response:
        """Follow redirects to a page; at the mock ACM the shortcut names who signs in, and how."""
        for _ in range(LONGEST_WALK):
            if not response.is_redirect:
                return response
            address = urljoin(str(response.url), response.headers["location"])
            if shortcut and urlsplit(address).path == "/op/v1/auth":
                address += "&" + urlencode(shortcut)
            response = self.get(address)
        raise AssertionError(f"still redirected after {LONGEST_WALK} steps: {self.visited[-3:]}")

    def open(self, address: str, **shortcut: str) -> httpx2.Response:
        """Open an address as a person does, up to the page where it ends."""
        return self.follow(self.get(address), **shortcut)

    def submit(self, page: httpx2.Response, **filled_in: str) -> httpx2.Response:
        """Fill in the form of a page that has these fields, send it, and follow to the next page."""
        return self.follow(self.press(page, **filled_in))

    def press(self, page: httpx2.Response, **filled_in: str) -> httpx2.Response:
        """The same, without following a redirect."""
        form = next(one for one in forms(page) if filled_in.keys() - BUTTONS <= one.fields.keys())
        fields = {**form.fields, **filled_in}
        address = urljoin(str(page.url), form.action)
        if form.method == "get":
            return self.get(f"{address}?{urlencode(fields)}")
        return self.post(address, fields)

    def sent_to(self, path: str, response: httpx2.Response) -> str:
        """Follow redirects up to the first that leads to that path: its address, which is not asked for."""
        while response.is_redirect:
            address = urljoin(str(response.url), response.headers["location"])
            if urlsplit(address).path == path:
                return address
            response = self.get(address)
        raise AssertionError(f"nothing leads to {path}: {self.visited[-3:]}")

    def asked(self, path: str) -> dict[str, str]:
        """The parameters of the last request to that path."""
        address = next(one for one in reversed(self.visited) if urlsplit(one).path == path)
        return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def forms(page: httpx2.Response) -> tuple[Form, ...]:
    """The forms of a page, from its top."""
    reader = _FormReader()
    reader.feed(page.text)
    return tuple(reader.forms)


class _FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._fields = {}
            method = attributes.get("method", "get").lower()
            self.forms.append(Form(action=attributes.get("action", ""), method=method, fields=self._fields))
        # A button counts only when it is pressed; a test that presses one names it.
        if tag == "input" and attributes.get("name") and attributes.get("type") not in ("submit", "checkbox", "radio"):
            self._fields[attributes["name"]] = attributes.get("value", "")
