"""Paths and fields between browsers and a backend that stands elsewhere than its public address says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.proxy.messages import Headers, check_request
from broker.proxy.rewriting import Addresses, FieldRules, Rewriting
from broker.proxy.targets import application_path, check_target
from tests.broker.proxy.test_targets import TARGETS
from tests.broker.proxy.world import chain, parts_of, request, say

HOST_FIELD = (b"host", b"gw.example")


def addresses(*, strip: bool = True, prefix: str = "", public: str = "https://gw.example") -> Addresses:
    own = ["http://10.0.0.5:9101", "https://Backend.internal"]
    return Addresses("app", public_url=public, origins=own, strip=strip, prefix=prefix)


def rewriting(
    *, strip: bool = True, prefix: str = "", public: str = "https://gw.example", rules: FieldRules | None = None
) -> Rewriting:
    return Rewriting(addresses(strip=strip, prefix=prefix, public=public), rules or FieldRules())


@pytest.mark.parametrize(
    ("strip", "prefix", "asked", "sent"),
    [
        (True, "", b"/app/", b"/"),
        (True, "", b"/app/x/y?z=/app/", b"/x/y?z=/app/"),
        (True, "", b"/%61pp/x%2C", b"/x%2C"),
        (True, "", b"/app/app/", b"/app/"),
        (True, "", b"/app/?q", b"/?q"),
        (True, "/inner/v1", b"/app/x", b"/inner/v1/x"),
        (False, "/inner", b"/app/x", b"/inner/app/x"),
        (False, "/inner", b"/%61pp/x", b"/inner/%61pp/x"),
        (False, "", b"/app/x", b"/app/x"),
    ],
)
def test_the_target_that_is_sent_follows_from_the_one_that_was_decided_on(
    strip: bool, prefix: str, asked: bytes, sent: bytes
) -> None:
    assert rewriting(strip=strip, prefix=prefix).target(asked) == sent


@pytest.mark.parametrize("asked", [b"/app/x", b"/app/", b"/app/a?b", b"/%61pp/x", b"/app/%C3%A9/"])
@pytest.mark.parametrize("prefix", ["", "/inner"])
@pytest.mark.parametrize("strip", [True, False])
def test_a_target_that_may_come_in_is_one_that_may_go_out(asked: bytes, strip: bool, prefix: str) -> None:
    sent = rewriting(strip=strip, prefix=prefix).target(asked)
    for target in (asked, sent):
        assert check_request(b"GET", target, [HOST_FIELD], hosts=None) is None


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"/x", b"/app/x"),
        (b"/", b"/app/"),
        (b"/x?next=/y#z", b"/app/x?next=/y#z"),
        (b"x", b"x"),
        (b"../x", b"../x"),
        (b"?page=2", b"?page=2"),
        (b"", b""),
        (b"/app/x", b"/app/x"),
        (b"/app", b"/app"),
        (b"/apple", b"/app/apple"),
        (b"/_inkom/logout", b"/_inkom/logout"),
        (b"http://10.0.0.5:9101/x", b"https://gw.example/app/x"),
        (b"HTTP://10.0.0.5:9101", b"https://gw.example/app/"),
        (b"http://10.0.0.5:9101?x", b"https://gw.example/app/?x"),
        (b"https://backend.INTERNAL:443/x", b"https://gw.example/app/x"),
        (b"https://backend.internal/app/x", b"https://gw.example/app/x"),
        (b"http://gw.example/x", b"https://gw.example/app/x"),
        (b"https://gw.example/_inkom/login", b"https://gw.example/_inkom/login"),
        (b"//gw.example/x", b"https://gw.example/app/x"),
        # Elsewhere, and what only looks like us.
        (b"https://acm.example/x", b"https://acm.example/x"),
        (b"http://10.0.0.5/x", b"http://10.0.0.5/x"),
        (b"http://10.0.0.5:9102/x", b"http://10.0.0.5:9102/x"),
        (b"http://backend.internal/x", b"http://backend.internal/x"),
        (b"https://gw.example@evil.example/x", b"https://gw.example@evil.example/x"),
        (b"https://user@gw.example/x", b"https://user@gw.example/x"),
        (b"https://gw.example.evil.example/", b"https://gw.example.evil.example/"),
        (b"https://gw.example\\@evil.example/", b"https://gw.example\\@evil.example/"),
        (b"//evil.example/x", b"//evil.example/x"),
        (b"/\\evil.example", b"/\\evil.example"),
        (b"https://[::1/x", b"https://[::1/x"),
        (b"mailto:someone@gw.example", b"mailto:someone@gw.example"),
        (b"javascript:alert(1)", b"javascript:alert(1)"),
    ],
)
def test_a_location_leads_to_where_browsers_can_go(said: bytes, shown: bytes) -> None:
    fields: Headers = [(b"location", said), (b"content-location", said)]
    assert rewriting().response(fields) == [(b"location", shown), (b"content-location", shown)]


@pytest.mark.parametrize(
    ("strip", "prefix", "said", "shown"),
    [
        (True, "/inner", b"/inner/x", b"/app/x"),
        (True, "/inner", b"/inner", b"/app/"),
        (True, "/inner", b"/inner?x", b"/app/?x"),
        (True, "/inner", b"/innermost", b"/innermost"),
        (True, "/inner", b"/elsewhere", b"/elsewhere"),
        (False, "/inner", b"/inner/app/x", b"/app/x"),
        (False, "/inner", b"/inner/other/x", b"/inner/other/x"),
        (False, "", b"/x", b"/x"),
        (False, "", b"http://10.0.0.5:9101/app/x", b"https://gw.example/app/x"),
    ],
)
def test_a_prefix_is_taken_away_from_what_stands_below_it_only(
    strip: bool, prefix: str, said: bytes, shown: bytes
) -> None:
    assert addresses(strip=strip, prefix=prefix).reference(said) == shown


def test_a_public_address_with_a_port_is_recognised_with_that_port_only() -> None:
    here = addresses(public="http://localhost:8000")
    assert here.reference(b"http://localhost:8000/x") == b"http://localhost:8000/app/x"
    assert here.reference(b"http://localhost/x") == b"http://localhost/x"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"5; url=/x", b"5; url=/app/x"),
        (b"0;URL='http://10.0.0.5:9101/x'", b"0;URL='https://gw.example/app/x'"),
        (b'1.5, url="/x"', b'1.5, url="/app/x"'),
        (b"5;/x", b"5;/app/x"),
        (b"5", b"5"),
        (b"5; url=https://acm.example/", b"5; url=https://acm.example/"),
    ],
)
def test_a_refresh_leads_to_where_browsers_can_go(said: bytes, shown: bytes) -> None:
    assert rewriting().response([(b"refresh", said)]) == [(b"refresh", shown)]


def test_links_lead_to_where_browsers_can_go() -> None:
    said = b'</a.css>; rel=preload, <http://10.0.0.5:9101/b>; rel="next", <https://other.example/c>'
    shown = b'</app/a.css>; rel=preload, <https://gw.example/app/b>; rel="next", <https://other.example/c>'
    assert rewriting().response([(b"link", said)]) == [(b"link", shown)]


@pytest.mark.parametrize(
    ("strip", "prefix", "said", "shown"),
    [
        (True, "", b"a=b", b"a=b"),
        (True, "", b"a=b; Path=/", b"a=b; Path=/app/"),
        (True, "", b"a=b; path = /x ; Secure", b"a=b; Path=/app/x; Secure"),
        (True, "", b"a=b; Path=/app/x", b"a=b; Path=/app/x"),
        (True, "", b"a=b; Path=x", b"a=b; Path=x"),
        (True, "", b"a=b; Path", b"a=b; Path="),
        (True, "", b"a=/x; Path=/", b"a=/x; Path=/app/"),
        (True, "/inner/v1", b"a=b; Path=/", b"a=b; Path=/app/"),
        (True, "/inner/v1", b"a=b; Path=/inner", b"a=b; Path=/app/"),
        (True, "/inner/v1", b"a=b; Path=/inner/", b"a=b; Path=/app/"),
        (True, "/inner/v1", b"a=b; Path=/inner/v1/x", b"a=b; Path=/app/x"),
        (True, "/inner/v1", b"a=b; Path=/in", b"a=b; Path=/in"),
        (False, "", b"a=b; Path=/", b"a=b; Path=/"),
        (True, "", b"a=b; Domain=10.0.0.5; Path=/", b"a=b; Path=/app/"),
        (True, "", b"a=b; domain=.Backend.Internal", b"a=b"),
        (True, "", b"a=b; Domain=gw.example", b"a=b; Domain=gw.example"),
        (True, "", b"a=b; Path=/x; HttpOnly; Path=/", b"a=b; Path=/app/x; HttpOnly; Path=/app/"),
        (True, "", b"__Host-a=b; Secure; Path=/", b"__Host-a=b; Secure; Path=/"),
        (True, "", b"__HOST-a=b; Secure; Path=/", b"__HOST-a=b; Secure; Path=/"),
    ],
)
def test_cookies_belong_to_the_application_as_browsers_see_it(
    strip: bool, prefix: str, said: bytes, shown: bytes
) -> None:
    fields: Headers = [(b"set-cookie", said)]
    assert rewriting(strip=strip, prefix=prefix).response(fields) == [(b"set-cookie", shown)]


def test_fields_are_replaced_added_and_removed() -> None:
    rules = FieldRules(
        replaced=((b"x-frame-options", b"DENY"),), added=((b"vary", b"Cookie"),), removed=frozenset({b"server"})
    )
    fields: Headers = [(b"server", b"x"), (b"x-frame-options", b"a"), (b"X-Frame-Options".lower(), b"b")]
    answered = Rewriting(None, rules).response([*fields, (b"vary", b"Accept"), (b"location", b"/x")])
    assert answered == [
        (b"vary", b"Accept"),
        (b"location", b"/x"),
        (b"x-frame-options", b"DENY"),
        (b"vary", b"Cookie"),
    ]
    assert Rewriting(None, rules).target(b"/app/x") == b"/app/x"


async def test_a_request_and_its_answer_are_rewritten_on_their_way() -> None:
    rules = FieldRules(replaced=((b"x-frame-options", b"DENY"),), removed=frozenset({b"server", b"cache-control"}))
    async with chain(rewriting=rewriting(prefix="/inner", rules=rules)) as links:
        answered = parts_of(await say(links.port, request(target=b"/app/x?y")))
        assert json.loads(answered[2])["target"] == "/inner/x?y"
        links.backend.answer = lambda _: (
            b"HTTP/1.1 302 F\r\nLocation: /inner/z\r\nServer: x\r\nCache-Control: public\r\n"
            b"Set-Cookie: a=b; Path=/inner\r\nSet-Cookie: __Host-inkom=c; Path=/; Secure\r\nContent-Length: 0\r\n\r\n"
        )
        status, headers, _ = parts_of(await say(links.port, request(target=b"/app/x")))
        assert status == 302
        assert headers[b"location"] == [b"/app/z"]
        assert headers[b"set-cookie"] == [b"a=b; Path=/app/"]
        assert headers[b"x-frame-options"] == [b"DENY"]
        # Removed from the backend's answer, and then ours: what one person may see is not kept for the next.
        assert headers[b"cache-control"] == [b"no-store"]
        assert b"server" not in headers


async def test_no_rule_brings_back_what_a_backend_may_not_say() -> None:
    rules = FieldRules(added=((b"x-inkom-person", b"p"), (b"transfer-encoding", b"chunked"), (b"alt-svc", b"x")))
    async with chain(rewriting=rewriting(rules=rules)) as links:
        status, headers, body = parts_of(await say(links.port, request(target=b"/app/x")))
        assert status == 200
        assert json.loads(body)["target"] == "/x"
        assert not {b"x-inkom-person", b"transfer-encoding", b"alt-svc"} & set(headers)


@given(below=TARGETS, strip=st.booleans(), prefix=st.sampled_from(["", "/inner", "/inner/v1"]))
def test_what_a_backend_reads_is_what_was_decided_on_moved_and_nothing_else(
    below: bytes, strip: bool, prefix: str
) -> None:
    asked = b"/%61pp" + below
    if check_target(asked, host=b"gw.example") is not None:
        return
    sent = rewriting(strip=strip, prefix=prefix).target(asked)
    assert check_target(sent, host=b"gw.example") is None
    decided = application_path(asked)
    assert application_path(sent) == prefix.encode() + (decided.removeprefix(b"/app") if strip else decided)
    assert sent.partition(b"?")[1:] == asked.partition(b"?")[1:]
