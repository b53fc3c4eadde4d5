"""Which requests are refused, and which fields pass in either direction."""

from __future__ import annotations

import pytest

from broker.proxy.messages import (
    Body,
    ForwardedFor,
    Headers,
    MessageLimits,
    body_of,
    check_request,
    check_response,
    request_headers,
    response_headers,
)

HOST: Headers = [(b"host", b"gw.example")]
PEER = ForwardedFor(client=b"192.0.2.1", proto=b"https", host=b"gw.example")
IDENTITY: Headers = [(b"x-inkom-person", b"p-1")]
OWN = frozenset((b"__Host-inkom", b"inkom-state"))


def refused(headers: Headers, method: bytes = b"GET", target: bytes = b"/", version: bytes = b"1.1") -> int:
    problem = check_request(method, target, headers, hosts=None, version=version)
    return 0 if problem is None else problem.status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 400),
        ([*HOST, *HOST], 400),
        ([(b"host", b"gw.example, other")], 400),
        ([*HOST, (b"content-length", b"5"), (b"transfer-encoding", b"chunked")], 400),
        ([*HOST, (b"content-length", b"5"), (b"content-length", b"5")], 400),
        *(
            ([*HOST, (b"content-length", bad)], 400)
            for bad in [b"5, 5", b"+5", b"-1", b"-0", b"1_0", b"0x5", b"0o5", b"5 0", b"", b"18446744073709551616"]
        ),
        *(
            ([*HOST, (b"transfer-encoding", bad)], 501)
            for bad in [b"xchunked", b"chunked, identity", b"chunked, chunked", b"chunked;a=b", b"chunked,", b"gzip"]
        ),
        ([*HOST, (b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")], 501),
        ([*HOST, (b"transfer-encoding", b"\x0bchunked")], 400),
        ([*HOST, (b"x", b"a\r\n b")], 400),
        ([*HOST, (b"x", b"a\x00")], 400),
        ([*HOST, (b"x", b"a\x01")], 400),
        ([*HOST, (b"x\xc3", b"a")], 400),
        ([*HOST, (b"x[", b"a")], 400),
        ([*HOST, (b"x ", b"a")], 400),
        ([*HOST, (b"", b"a")], 400),
        ([*HOST, (b"expect", b"a-miracle")], 417),
        ([*HOST, (b"expect", b"100-Continue")], 0),
        ([*HOST, (b"transfer-encoding", b"Chunked")], 0),
        ([*HOST, (b"content-length", b"0")], 0),
        ([*HOST, (b"x", b"tab\tand \xc3\xa9")], 0),
        ([*HOST, *[(b"x", b"1")] * 99], 0),
        ([*HOST, *[(b"x", b"1")] * 100], 431),
        ([*HOST, (b"x", b"1" * 33_000)], 431),
        ([*HOST, (b"cookie", b"a=" + b"1" * 9_000), (b"cookie", b"a=" + b"1" * 9_000)], 431),
    ],
)
def test_the_fields_of_a_request_are_checked(headers: Headers, status: int) -> None:
    assert refused(headers) == status


@pytest.mark.parametrize(
    ("method", "status"),
    [
        (b"GET", 0),
        (b"PROPFIND", 0),
        (b"get", 400),
        (b"Get", 400),
        (b"", 400),
        (b"GET ", 400),
        (b"G" * 100_000, 400),
        (b"CONNECT", 501),
        (b"TRACE", 501),
        (b"BREW", 501),
    ],
)
def test_only_known_methods_in_capitals_are_accepted(method: bytes, status: int) -> None:
    assert refused(HOST, method=method) == status


@pytest.mark.parametrize(("version", "status"), [(b"1.1", 0), (b"1.0", 0), (b"0.9", 505), (b"2.0", 505)])
def test_only_http_1_is_spoken(version: bytes, status: int) -> None:
    assert refused(HOST, version=version) == status


def test_transfer_encoding_does_not_exist_in_http_1_0() -> None:
    assert refused([*HOST, (b"transfer-encoding", b"chunked")], version=b"1.0") == 400


def test_a_long_target_is_refused_before_it_is_read() -> None:
    assert refused(HOST, target=b"/" + b"a" * 8192) == 414


def test_limits_can_be_set() -> None:
    problem = check_request(b"GET", b"/", HOST, hosts=None, limits=MessageLimits(fields=0))
    assert problem is not None
    assert problem.status == 431


def test_a_host_that_is_not_configured_is_misdirected() -> None:
    hosts = frozenset((b"gw.example",))
    assert check_request(b"GET", b"/", [(b"host", b"GW.example.")], hosts=hosts) is None
    problem = check_request(b"GET", b"/", [(b"host", b"evil.example")], hosts=hosts)
    assert problem is not None
    assert problem.status == 421


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([], Body.NONE),
        ([(b"content-length", b"0")], Body.NONE),
        ([(b"content-length", b"1")], Body.LENGTH),
        ([(b"transfer-encoding", b"chunked")], Body.CHUNKED),
    ],
)
def test_how_a_body_is_delimited(headers: Headers, body: Body) -> None:
    assert body_of(headers) is body


def sent(headers: Headers, *, keep_authorization: bool = False) -> Headers:
    return request_headers(
        headers, identity=IDENTITY, peer=PEER, dropped_cookies=OWN, keep_authorization=keep_authorization
    )


OURS: Headers = [
    (b"x-forwarded-for", b"192.0.2.1"),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-host", b"gw.example"),
    (b"x-inkom-person", b"p-1"),
]


@pytest.mark.parametrize(
    "name",
    [
        b"x-inkom-person",
        b"x-inkom-anything",
        b"x_inkom_person",
        b"x-inkom_person",
        b"x.inkom.person",
        b"x-inkom.person",
        b"x_user",
        b"any_thing",
        b"transfer_encoding",
        b"content_length",
        b"connection",
        b"keep-alive",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
        b"proxy-connection",
        b"proxy-authorization",
        b"proxy",
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-forwarded-port",
        b"x-forwarded-prefix",
        b"x-forwarded-uri",
        b"x.forwarded.for",
        b"x-original-url",
        b"x-rewrite-url",
        b"x-http-method-override",
        b"x-http-method",
        b"x-method-override",
        b"true-client-ip",
        b"x-real-ip",
        b"expect",
        b"authorization",
        b"author.ization",
        b"x!inkom!person",
        b"x~inkom'person",
        b"x-forwarded*for",
        b"x|real|ip",
    ],
)
def test_what_a_client_may_not_say_never_reaches_a_backend(name: bytes) -> None:
    passes = name == b"author.ization"
    assert sent([*HOST, (name, b"spoofed")]) == [*HOST, *([(name, b"spoofed")] if passes else []), *OURS]


def test_the_gateways_own_fields_come_last_and_once() -> None:
    assert sent([*HOST, (b"accept", b"a"), (b"x-inkom-person", b"root"), (b"x-b", b"1"), (b"x-b", b"2")]) == [
        *HOST,
        (b"accept", b"a"),
        (b"x-b", b"1"),
        (b"x-b", b"2"),
        *OURS,
    ]


def test_connection_removes_what_it_names_but_not_what_everybody_needs() -> None:
    headers: Headers = [
        *HOST,
        (b"connection", b"close, X-Hop, x-inkom-person, Host, Cookie, content-length, X-Forwarded-For"),
        (b"x-hop", b"1"),
        (b"cookie", b"a=b"),
        (b"content-length", b"3"),
    ]
    assert sent(headers) == [*HOST, (b"cookie", b"a=b"), (b"content-length", b"3"), *OURS]


def test_authorization_passes_only_where_it_is_kept() -> None:
    headers: Headers = [*HOST, (b"authorization", b"Bearer x"), (b"connection", b"authorization")]
    assert sent(headers, keep_authorization=True) == [*HOST, (b"authorization", b"Bearer x"), *OURS]
    assert sent([(b"author_ization", b"x"), (b"authorization.", b"x")], keep_authorization=False) == [
        (b"authorization.", b"x"),
        *OURS,
    ]


@pytest.mark.parametrize(
    ("cookie", "kept"),
    [
        (b"a=1; __Host-inkom=secret; b=2", b"a=1; b=2"),
        (b"__Host-inkom=secret; b=2", b"b=2"),
        (b"b=2; __Host-inkom=secret", b"b=2"),
        (b"b=2;__Host-inkom=secret;c=3", b"b=2;c=3"),
        (b"__Host-inkom=secret", None),
        (b"__Host-inkom =secret; inkom-state", None),
        (b"broken; =x; a==b;; __Host-inkom=secret; \x80", b"broken; =x; a==b;; \x80"),
        (b'a="x; __Host-inkom=secret; y"; b=2', b'a="x; y"; b=2'),
        (b"__host-inkom=other", b"__host-inkom=other"),
        (b" a=1;  b=2 ", b" a=1;  b=2 "),
    ],
)
def test_the_gateways_cookies_are_taken_out_and_the_others_stay_as_they_are(cookie: bytes, kept: bytes | None) -> None:
    assert sent([(b"cookie", cookie)]) == [*([] if kept is None else [(b"cookie", kept)]), *OURS]


def test_cookies_may_be_told_by_a_rule() -> None:
    headers = request_headers(
        [(b"cookie", b"login-1=a; login-2=b; c=d")],
        identity=[],
        peer=PEER,
        dropped_cookies=lambda name: name.startswith(b"login-"),
    )
    assert headers[0] == (b"cookie", b"c=d")


@pytest.mark.parametrize("value", [b"a\r\nx: y", b"a\nb", b"a\0", b"\xc3\xa9", b"\x01"])
def test_an_identity_that_does_not_fit_in_a_field_is_not_sent_and_not_told(value: bytes) -> None:
    with pytest.raises(ValueError, match="x-inkom-name") as caught:
        request_headers([], identity=[(b"x-inkom-name", value)], peer=PEER, dropped_cookies=OWN)
    assert value.decode("latin-1") not in str(caught.value)
    with pytest.raises(ValueError, match="can't be sent"):
        request_headers([], identity=[(b"x inkom", b"a")], peer=PEER, dropped_cookies=OWN)


@pytest.mark.parametrize(
    ("headers", "passed"),
    [
        ([(b"x-inkom-person", b"p")], []),
        ([(b"x_inkom_person", b"p")], []),
        ([(b"clear-site-data", b'"*"')], []),
        ([(b"alt-svc", b"h3")], []),
        ([(b"service-worker-allowed", b"/")], []),
        ([(b"connection", b"x-hop, set-cookie"), (b"x-hop", b"1"), (b"keep-alive", b"1")], []),
        ([(b"transfer-encoding", b"chunked"), (b"upgrade", b"h2c")], []),
        ([(b"set-cookie", b"__Host-inkom=evil; Path=/")], []),
        ([(b"set-cookie", b"__Host-inkom")], []),
        ([(b"set-cookie", b"=__Host-inkom=evil")], []),
        ([(b"set-cookie", b" __Host-inkom = evil")], []),
        (
            [(b"set-cookie", b"a=__Host-inkom"), (b"set-cookie", b"b=2")],
            [(b"set-cookie", b"a=__Host-inkom"), (b"set-cookie", b"b=2")],
        ),
        (
            [(b"content-encoding", b"gzip"), (b"vary", b"Cookie")],
            [(b"content-encoding", b"gzip"), (b"vary", b"Cookie")],
        ),
    ],
)
def test_what_a_backend_may_not_say_never_reaches_a_client(headers: Headers, passed: Headers) -> None:
    assert response_headers(headers, own_cookies=OWN) == [*passed, (b"cache-control", b"no-store")]


def test_a_backends_own_cache_control_stays() -> None:
    headers: Headers = [(b"cache-control", b"max-age=60")]
    assert response_headers(headers, own_cookies=OWN) == headers


@pytest.mark.parametrize(
    ("status", "headers", "good"),
    [
        (200, [], True),
        (200, [(b"content-length", b"3")], True),
        (200, [(b"transfer-encoding", b"Chunked")], True),
        (103, [(b"link", b"x")], True),
        (200, [(b"content-length", b"3"), (b"transfer-encoding", b"chunked")], False),
        (200, [(b"content-length", b"3"), (b"content-length", b"3")], False),
        (200, [(b"content-length", b"+3")], False),
        (200, [(b"transfer-encoding", b"gzip, chunked")], False),
        (100, [(b"content-length", b"3")], False),
        (99, [], False),
        (600, [], False),
        (200, [(b"x y", b"1")], False),
        (200, [(b"x", b"1\r2")], False),
    ],
)
def test_the_head_of_an_answer_is_checked(status: int, headers: Headers, good: bool) -> None:
    assert (check_response(status, b"1.1", headers) is None) is good


def test_an_answer_in_another_version_is_refused() -> None:
    assert check_response(200, b"2.0", []) is not None
    assert check_response(200, b"1.0", []) is None
    assert check_response(200, b"1.0", [(b"transfer-encoding", b"chunked")]) is not None


def test_names_and_hosts_longer_than_any_in_use_are_refused() -> None:
    """They would be remembered: a thousand names of 32 kB are more than a worker may take in all."""
    for headers in ([*HOST, (b"x" * 257, b"1")], [(b"host", b"a." * 131)]):
        problem = check_request(b"GET", b"/", headers, hosts=None)
        assert problem is not None
        assert problem.status == 400
    assert check_request(b"GET", b"/", [*HOST, (b"x" * 256, b"1")], hosts=None) is None
