"""Which targets are refused, and what path a policy sees; the property holds over the wire too (test_wire.py)."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.proxy import targets
from broker.proxy.targets import (
    application_path,
    canonical_host,
    check_by_rules,
    check_target,
    is_known_host,
    origin_form,
)

REFUSED = [
    b"/public/../admin",
    b"/..",
    b"/.",
    b"/./admin",
    b"/admin/.",
    b"/public/%2e%2e/admin",
    b"/public/.%2e/admin",
    b"/public/%2E./admin",
    b"/public/%2e%2e%2fadmin",
    b"/public%2f..%2fadmin",
    b"/public/..;/admin",
    b"/public/..;x=1/admin",
    b"/public/..%3b/admin",
    b"/public;/../admin",
    b"/admin;x=1",
    b"/admin;/",
    b"/;/admin",
    b"//admin",
    b"///admin",
    b"/a//b",
    b"/a//",
    b"//evil.example/x",
    b"/admin%20",
    b"/admin%20/x",
    b"/%20admin",
    b"/admin.",
    b"/admin%2e",
    b"/admin%09",
    b"/\\admin",
    b"\\admin",
    b"/public\\..\\admin",
    b"/public/%5c..%5cadmin",
    b"/public/%5C",
    b"/a%00",
    b"/a?b=%00",
    b"/a%0d%0aX:y",
    b"/a%0A",
    b"/a%7f",
    b"/a\x01",
    b"/a\x7f",
    b"/a b",
    b"/\xc3\xa9",
    b"/?\xc3\xa9",
    b"/a%c0%af",
    b"/%c0%ae%c0%ae/x",
    b"/%e0%80%af",
    b"/%ed%a0%80",
    b"/%e9",
    b"/%ff",
    b"/%c2%85",
    b"/a%",
    b"/a%2",
    b"/%zz",
    b"/%u002e",
    b"/a#x",
    b"/public#/../admin",
    b"/a?b#c",
    b"/<script>",
    b'/"',
    b"/{a}",
    b"/^",
    b"/`",
    b"*",
    b"",
    b"gw.example:443",
    b"admin",
    b"ftp://gw.example/x",
    b"http://other.example/x",
    b"http://gw.example:81/x",
    b"http://user@gw.example/x",
    b"http://gw.example\\@evil/x",
    b"http://gw.example/../x",
    b"http://gw.example//x",
    b"http:///x",
    b"http://",
]

ACCEPTED = {
    b"/": b"/",
    b"/admin": b"/admin",
    b"/admin/": b"/admin/",
    b"/ADMIN": b"/ADMIN",
    b"/%61dmin": b"/admin",
    b"/%41dmin": b"/Admin",
    b"/a%7eb%2Dc%5f": b"/a~b-c_",
    b"/a%3fx": b"/a%3Fx",
    b"/a%23": b"/a%23",
    b"/%c3%a9": b"/%C3%A9",
    b"/%ef%bd%81dmin": b"/%EF%BD%81dmin",
    b"/a%20b": b"/a%20b",
    b"/%252e%252e%252fadmin": b"/%252e%252e%252fadmin",
    b"/.well-known/x": b"/.well-known/x",
    b"/a..b/...c": b"/a..b/...c",
    b"/a?../admin": b"/a",
    b"/a?x=//%2f\\|%zz%": b"/a",
    b"/a?b=%0D%0A": b"/a",
    b"/a??": b"/a",
    b"/a:b@c!$&'()*+,=": b"/a:b@c!$&'()*+,=",
    b"/a[1]|b": b"/a[1]|b",
    b"http://gw.example": b"/",
    b"http://gw.example?x": b"/",
    b"HTTP://GW.example:80/a?b": b"/a",
    b"https://gw.example:443/a": b"/a",
}


@pytest.mark.parametrize("target", REFUSED)
def test_a_target_that_could_mean_two_things_is_refused(target: bytes) -> None:
    problem = check_target(target, host=b"gw.example")
    assert problem is not None
    assert problem.status == 400


@pytest.mark.parametrize(("target", "path"), ACCEPTED.items())
def test_an_unambiguous_target_is_accepted_and_has_one_path(target: bytes, path: bytes) -> None:
    assert check_target(target, host=b"gw.example") is None
    assert application_path(target) == path


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        (b"/a?b", b"/a?b"),
        (b"http://gw.example/a?b", b"/a?b"),
        (b"http://gw.example?b", b"/?b"),
        (b"http://gw.example", b"/"),
    ],
)
def test_a_backend_gets_a_target_in_origin_form(target: bytes, sent: bytes) -> None:
    assert origin_form(target) == sent


@pytest.mark.parametrize(
    ("value", "host"),
    [
        (b"gw.example", b"gw.example"),
        (b"GW.Example.", b"gw.example"),
        (b"gw.example.:8000", b"gw.example:8000"),
        (b"gw.example:0080", b"gw.example:80"),
        (b"127.0.0.1:1", b"127.0.0.1:1"),
        (b"[::1]:9", b"[::1]:9"),
        (b"", None),
        (b".", None),
        (b"gw..example", None),
        (b"gw.example..", None),
        (b"gw.example..:443", None),
        (b".gw.example", None),
        (b"a, b", None),
        (b"a b", None),
        (b"user@gw.example", None),
        (b"gw.example/x", None),
        (b"gw.example?x", None),
        (b"gw.example:", None),
        (b"gw.example:0", None),
        (b"gw.example:99999", None),
        (b"gw.example:65536", None),
        (b"gw.example:8x", None),
        (b"gw.example:+80", None),
        (b"gw.example:80:80", None),
        (b"gw.example\n", None),
        (b"gw.ex\xc3\xa4mple", None),
        (b"[::1", None),
        (b"%67w.example", None),
    ],
)
def test_a_host_has_one_spelling_or_is_none(value: bytes, host: bytes | None) -> None:
    assert canonical_host(value) == host


def test_a_host_without_a_port_stands_for_the_default_ports_only() -> None:
    hosts = frozenset((b"gw.example", b"localhost:8000"))
    known = [b"gw.example", b"gw.example:80", b"gw.example:443", b"localhost:8000"]
    unknown = [b"gw.example:8000", b"localhost", b"localhost:80", b"evil.example"]
    assert all(is_known_host(host, hosts) for host in known)
    assert not any(is_known_host(host, hosts) for host in unknown)


PIECES = b"/ . .. %2e %2E %2f %5c \\ ; %3b %25 %252e ? # admin public %61 %41dmin %c0%af %c3%a9 %20 %00 % a //".split()
TARGETS = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(min_size=1, max_size=2)), max_size=8).map(
    lambda pieces: b"/" + b"".join(pieces)
)


@given(TARGETS)
def test_every_reader_that_decodes_once_comes_to_the_path_that_was_decided_on(target: bytes) -> None:
    if check_target(target, host=b"gw.example") is not None:
        return
    sent = origin_form(target)
    assert sent == target
    read = unquote_to_bytes(sent.partition(b"?")[0])
    normalised = posixpath.normpath(read) + (b"/" if read.endswith(b"/") and read != b"/" else b"")
    assert normalised == read, "nothing is left to normalise"
    assert unquote_to_bytes(application_path(target)) == read
    assert application_path(application_path(target)) == application_path(target)


@given(st.from_regex(targets._PLAIN, fullmatch=True))
def test_a_target_for_which_no_rule_is_asked_would_keep_them_all(target: bytes) -> None:
    assert not target.startswith(b"/") or check_by_rules(target, host=b"gw.example") is None


@given(st.text(alphabet="/a.%2eE5cC;?#\\ ", max_size=12).map(str.encode))
def test_asking_the_rules_or_not_makes_no_difference(rest: bytes) -> None:
    target = b"/" + rest
    assert (check_target(target, host=b"gw.example") is None) == (check_by_rules(target, host=b"gw.example") is None)
