"""D48: whatever target is thought up, the verdict was about the path that the backend's own reader comes to.

Two kinds: the rules alone with very many targets, against readers that normalise each in its own way; and a running
gateway with some dozens, where the backend must have got each target as it was sent, or nothing. TARGETS in the
environment says how many the first kind tries (100000 takes some minutes); without it 3000.
"""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import posixpath
import subprocess
from urllib.parse import unquote_to_bytes, urlsplit

import httptools
import httpx2
import pytest
import urllib3.util
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from broker.proxy.targets import application_path, check_target, origin_form
from tests.security.delivery import Delivery, good, send
from tests.security.gateway import Gateway
from tests.security.judging import assert_sent_as_decided

HOST = b"gw.example"
TARGETS = int(os.environ.get("TARGETS", "3000"))

_PIECES = (
    b"/ // . .. ... %2e %2E .%2e %2e%2e %2f %2F / %5c \\ ; ;x=1 %3b %25 %252e %252f ? # & = : @ , + ! ~ _ - * ' ( ) "
    b"$ | [ ] "
    b"public admin publicity PUBLIC %70ublic %61dmin %41dmin %c0%af %c0%ae %c3%a9 e%cc%81 %ef%bd%81 %20 %09 %00 %0d%0a "
    b"%7f %c2%85 % %a %zz %u002e a b.c a. .a %61 %7E %2D http://gw.example http://evil.example *"
).split()
_PARTS = st.one_of(
    st.sampled_from(_PIECES), st.sampled_from([b"/", b"/public/", b"/admin/"]), st.binary(min_size=1, max_size=2)
)
_TARGETS = st.builds(
    lambda first, parts: first + b"".join(parts),
    st.sampled_from([b"/", b"/public/", b""]),
    st.lists(_PARTS, max_size=8),
)


class _Files(http.server.SimpleHTTPRequestHandler):
    """The standard library's reader of targets, without its server."""

    def __init__(self) -> None:
        self.directory = "/"


def _by_whatwg(targets: list[bytes]) -> list[bytes]:
    """The path by the URL standard of browsers, as Node has it (which decodes nothing)."""
    script = (
        "const targets = JSON.parse(require('fs').readFileSync(0));"
        "console.log(JSON.stringify(targets.map(one => new URL('http://gw.example' + one).pathname)))"
    )
    asked = json.dumps([target.decode("ascii") for target in targets]).encode()
    said = subprocess.run(["node", "-e", script], input=asked, capture_output=True, check=True)
    return [str(one).encode("ascii") for one in json.loads(said.stdout)]


def _readings(target: bytes) -> dict[str, bytes]:
    """The path of a target, decoded once, as several readers have it."""
    text = target.decode("ascii")
    return {
        "decoding and normalising": posixpath.normpath(unquote_to_bytes(urlsplit(text).path)),
        "http.server": _Files().translate_path(text).encode("utf-8", "surrogateescape"),
        "httptools": unquote_to_bytes(httptools.parse_url(target).path),
        "httpx2": unquote_to_bytes(httpx2.URL("http://gw.example" + text).raw_path.partition(b"?")[0]),
        "urllib3": unquote_to_bytes(urllib3.util.parse_url("http://gw.example" + text).path or "/"),
    }


def _segments(path: bytes) -> list[bytes]:
    """What a path names, whether a slash stands at its end or not."""
    return path.strip(b"/").split(b"/")


def _decided(target: bytes) -> list[bytes]:
    return _segments(unquote_to_bytes(application_path(target)))


@pytest.fixture(scope="module")
def accepted() -> set[bytes]:
    """The targets that were accepted, as they are sent."""
    return set()


@settings(max_examples=TARGETS, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.explicit, Phase.generate])
@example(target=b"/public/%252e%252e/admin")
@example(target=b"/public/x?/../admin#")
@given(target=_TARGETS)
def test_d48_each_reader_comes_to_the_path_that_was_decided_on(accepted: set[bytes], target: bytes) -> None:
    if check_target(target, host=HOST) is not None:
        return
    sent = origin_form(target)
    accepted.add(sent)
    assert application_path(sent) == application_path(target)
    for reader, path in _readings(sent).items():
        assert _segments(path) == _decided(target), reader


def test_d48_browsers_readers_come_to_it_too(accepted: set[bytes]) -> None:
    # Filled by the test before, which runs in the same worker as every test of one file.
    targets = sorted(accepted) or [b"/public/%7ex?y"]
    for target, path in zip(targets, _by_whatwg(targets), strict=True):
        assert _segments(unquote_to_bytes(path)) == _decided(target)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.explicit, Phase.generate])
@example(target=b"/public/%252e%252e/admin/")
@example(target=b"/public/..%2fadmin/")
@given(target=_TARGETS)
def test_d48_a_backend_gets_the_target_as_it_was_sent_or_nothing(gateway: Gateway, target: bytes) -> None:
    since = len(gateway.backend.requests)
    octets = good(target, gateway.cookie, b"Connection: close")
    asyncio.run(send(gateway.port, Delivery(way="alone", pieces=(octets,))))
    seen = gateway.backend.requests[since:]
    if not seen:
        return
    (request,) = seen
    # Blanks around a target are no part of it (RFC 9112 3).
    assert request.target == origin_form(target.strip(b" "))
    assert application_path(request.target).startswith((b"/public/", b"/publicity/"))
    assert_sent_as_decided(gateway, request)
