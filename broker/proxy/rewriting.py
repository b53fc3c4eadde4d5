"""What changes between an application's public address and its backend: the path of a request, fields of an answer.

Pure functions over bytes. The target that comes in is the one that was decided on, and it alone determines the one
that goes out. What an answer may hold at all is decided in `fields`, after this. Bodies are never rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from broker.proxy.fields import Headers

# Answers may lead to the gateway's own pages: an application's link for signing out, for one.
_OWN_SPACE = b"/_inkom/"
_DEFAULT_PORTS = {b"http": b"80", b"https": b"443"}
# RFC 3986 4.2, a network-path reference too. Browsers take a backslash for a slash: with one nothing is recognised.
_WITH_AUTHORITY = re.compile(rb"(?:(?P<scheme>https?):)?//(?P<authority>[^/?#]*)(?P<rest>.*)", re.I | re.S)
_AUTHORITY = re.compile(rb"(?P<host>[^@:\\\[\]]+|\[[^@\]]+\])(?::(?P<port>[0-9]*))?")
_REFRESH = re.compile(
    rb"(?P<before>[0-9.]*\s*[;,]\s*(?:url\s*=\s*)?['\"]?)(?P<address>[^'\"]*)(?P<after>.*)", re.I | re.S
)
_LINK = re.compile(rb"<([^<>]*)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRules:
    """Fields of answers (lower-case names) that operators replace, add or remove."""

    replaced: tuple[tuple[bytes, bytes], ...] = ()
    added: tuple[tuple[bytes, bytes], ...] = ()
    removed: frozenset[bytes] = frozenset()


class Addresses:
    """Where an application stands for browsers, and where for its backend.

    `origins` are the backend's own. With `strip` the backend doesn't see the application's id in its paths; `prefix`
    ("" or "/…" without a slash at its end) stands before what it sees.
    """

    def __init__(self, application: str, *, public_url: str, origins: Iterable[str], strip: bool, prefix: str) -> None:
        self._strip = strip
        self._prefix = prefix.encode("ascii")
        self._public = b"/" + application.encode("ascii")
        self._behind = self._prefix + (b"" if strip else self._public)
        self._moves = self._behind != self._public
        self._origin = public_url.rstrip("/").encode("ascii")
        self._scheme = self._origin.partition(b":")[0]
        own = [(parts.netloc.encode("ascii"), parts.scheme.encode("ascii")) for parts in map(urlsplit, origins)]
        # A backend that does not hear how browsers reach it says http.
        public = [(self._origin.partition(b"://")[2], scheme) for scheme in _DEFAULT_PORTS]
        self._known = frozenset(filter(None, (_authority(*one) for one in [*own, *public])))
        self._hosts = frozenset(named[0] for one in own if (named := _authority(*one)))

    def target(self, target: bytes) -> bytes:
        """Return what the backend is asked for in the place of this target (origin-form, `/<id>/…`)."""
        # The id may have come percent-encoded: its segment goes, however it is written. A slash never is: `targets`.
        return self._prefix + (target[target.index(b"/", 1) :] if self._strip else target)

    def reference(self, reference: bytes) -> bytes:
        """Return a URI reference of the backend as browsers must see it; one that leads elsewhere is unchanged."""
        named = _WITH_AUTHORITY.fullmatch(reference)
        if named is None:
            plain = reference.startswith(b"/") and not reference.startswith(b"/\\")
            return self._path(reference) if plain else reference
        if _authority(named["authority"], (named["scheme"] or self._scheme).lower()) not in self._known:
            return reference
        rest = named["rest"]
        return self._origin + self._path(rest if rest.startswith(b"/") else b"/" + rest)

    def cookie(self, value: bytes) -> bytes:
        """Return a Set-Cookie field with the path as browsers see it, and without the backend's own name as Domain."""
        pair, *attributes = value.split(b";")
        if pair.lstrip().lower().startswith(b"__host-"):
            return value  # RFC 6265bis 4.1.3.2: such a cookie is for the whole host, or refused
        kept = [pair]
        for attribute in attributes:
            name, _, content = attribute.partition(b"=")
            kind, content = name.strip().lower(), content.strip()
            if kind == b"domain" and content.lstrip(b".").lower() in self._hosts:
                continue
            kept.append(b" Path=" + self._cookie_path(content) if kind == b"path" else attribute)
        return b";".join(kept)

    def _path(self, path: bytes) -> bytes:
        """Return a path (with what follows it) of the backend's as browsers see it."""
        if not self._moves or self._is_public(path) or not _begins(path, self._behind):
            return path
        rest = path[len(self._behind) :]
        return self._public + (rest if rest.startswith(b"/") else b"/" + rest)

    def _cookie_path(self, path: bytes) -> bytes:
        above = path.startswith(b"/") and _begins(self._behind, path.rstrip(b"/"))
        if self._moves and above and not self._is_public(path):
            return self._public + b"/"  # what stands above the application includes it (RFC 6265 5.1.4)
        return self._path(path) if path.startswith(b"/") else path

    def _is_public(self, path: bytes) -> bool:
        return path.startswith(_OWN_SPACE) or _begins(path, self._public)


class Rewriting:
    """What is rewritten for one application; without `addresses` its answers keep the backend's own."""

    def __init__(self, addresses: Addresses | None, rules: FieldRules) -> None:
        self._addresses = addresses
        self._taken = rules.removed | {name for name, _ in rules.replaced}
        self._given = [*rules.replaced, *rules.added]
        self._changes: dict[bytes, Callable[[bytes], bytes]] = {}
        if addresses is not None:
            self._changes = {
                b"location": addresses.reference,
                b"content-location": addresses.reference,
                b"refresh": self._refresh,
                b"link": self._link,
                b"set-cookie": addresses.cookie,
            }

    def target(self, target: bytes) -> bytes:
        """Return what the backend is asked for in the place of this target (origin-form)."""
        return target if self._addresses is None else self._addresses.target(target)

    def response(self, headers: Headers) -> Headers:
        """Return the fields of an answer (lower-case names) as they are to go on."""
        return [
            *(
                (name, self._changes[name](value) if name in self._changes else value)
                for name, value in headers
                if name not in self._taken
            ),
            *self._given,
        ]

    def _refresh(self, value: bytes) -> bytes:
        """Return a Refresh field (HTML, "shared declarative refresh steps") that leads where browsers can go."""
        match = _REFRESH.fullmatch(value)
        return value if match is None else match["before"] + self._reference(match["address"]) + match["after"]

    def _link(self, value: bytes) -> bytes:
        """Return a Link field (RFC 8288 3) whose targets are public."""
        return _LINK.sub(lambda match: b"<" + self._reference(match[1]) + b">", value)

    def _reference(self, reference: bytes) -> bytes:
        return reference if self._addresses is None else self._addresses.reference(reference)


def _begins(path: bytes, above: bytes) -> bool:
    """Whether a path is another or stands below it, segment by segment."""
    return path.startswith(above) and (path == above or path[len(above) : len(above) + 1] in (b"/", b"?", b"#"))


def _authority(authority: bytes, scheme: bytes) -> tuple[bytes, bytes] | None:
    """Host and port that an authority names, or None if it names more than that (RFC 3986 3.2)."""
    match = _AUTHORITY.fullmatch(authority)
    return None if match is None else (match["host"].lower(), match["port"] or _DEFAULT_PORTS[scheme])
