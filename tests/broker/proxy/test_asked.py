"""What a proxy's question is about: one spelling for each product, each field once, and only what may be sent on."""

from __future__ import annotations

import pytest

from broker.config import ForwardAuth
from broker.config.forward_auth_rules import PROXIES
from broker.proxy.asked import ASKING, Asked, Spelling, asked
from broker.proxy.messages import Headers
from broker.proxy.targets import Problem

HOSTS = frozenset({b"inkom.example"})
HOST = (b"host", b"inkom.example")
ORIGINAL: Headers = [HOST, (b"x-original-method", b"POST"), (b"x-original-uri", b"/kmo-portefeuille/a?b=%20c")]
FORWARDED: Headers = [
    (b"host", b"inkom-gateway:8000"),
    (b"x-forwarded-method", b"POST"),
    (b"x-forwarded-uri", b"/kmo-portefeuille/a?b=%20c"),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-host", b"inkom.example"),
    (b"x-forwarded-for", b"192.0.2.7"),
]


def read(
    spelling: Spelling, headers: Headers, *, method: bytes = b"GET", target: bytes = b"/_inkom/auth"
) -> Asked | Problem:
    return asked(spelling, method=method, target=target, headers=headers, hosts=HOSTS, scheme=b"https")


def without(headers: Headers, name: bytes) -> Headers:
    return [field for field in headers if field[0] != name]


def with_(headers: Headers, name: bytes, value: bytes) -> Headers:
    return [*without(headers, name), (name, value)]


@pytest.mark.parametrize(
    ("spelling", "headers"), [(Spelling.ORIGINAL, ORIGINAL), (Spelling.FORWARDED, FORWARDED)], ids=["own", "forwarded"]
)
def test_method_and_target_are_read_byte_for_byte(spelling: Spelling, headers: Headers) -> None:
    assert read(spelling, headers) == Asked(method="POST", target=b"/kmo-portefeuille/a?b=%20c")


def test_a_question_of_envoy_is_about_what_stands_behind_our_address() -> None:
    answer = read(Spelling.ITSELF, [HOST], method=b"DELETE", target=b"/_inkom/auth/kmo-portefeuille/a?b")
    assert answer == Asked(method="DELETE", target=b"/kmo-portefeuille/a?b")


@pytest.mark.parametrize(
    ("spelling", "headers"), [(Spelling.ORIGINAL, ORIGINAL), (Spelling.FORWARDED, FORWARDED)], ids=["own", "forwarded"]
)
def test_every_field_has_to_be_there_exactly_once(spelling: Spelling, headers: Headers) -> None:
    for name, value in headers:
        if name == b"x-forwarded-for" or (name == b"host" and spelling is Spelling.FORWARDED):
            continue
        assert isinstance(read(spelling, without(headers, name)), Problem), name
        assert isinstance(read(spelling, [*headers, (name, value)]), Problem), name
        assert isinstance(read(spelling, with_(headers, name, value + b", " + value)), Problem), name


@pytest.mark.parametrize(
    ("spelling", "headers", "name"),
    [
        (Spelling.ORIGINAL, ORIGINAL, b"x-forwarded-uri"),
        (Spelling.ORIGINAL, ORIGINAL, b"x-forwarded-method"),
        (Spelling.FORWARDED, FORWARDED, b"x-original-uri"),
        (Spelling.FORWARDED, FORWARDED, b"x-original-method"),
        (Spelling.ITSELF, [HOST], b"x-original-uri"),
        (Spelling.ITSELF, [HOST], b"x-forwarded-uri"),
    ],
)
def test_a_field_of_another_products_spelling_is_refused(spelling: Spelling, headers: Headers, name: bytes) -> None:
    target = b"/_inkom/auth/kmo-portefeuille/" if spelling is Spelling.ITSELF else b"/_inkom/auth"
    assert isinstance(read(spelling, headers, target=target), Asked)
    assert isinstance(read(spelling, [*headers, (name, b"/kmo-portefeuille/")], target=target), Problem)


@pytest.mark.parametrize(
    "target",
    [
        b"",
        b"kmo-portefeuille/",
        b"*",
        b"http://inkom.example/kmo-portefeuille/",
        b"https://inkom.example/kmo-portefeuille/",
        b"//inkom.example/kmo-portefeuille/",
        b"/kmo-portefeuille/../ecologiepremie-plus/",
        b"/kmo-portefeuille/%2e%2e/ecologiepremie-plus/",
        b"/kmo-portefeuille%2Fa",
        b"/kmo-portefeuille/a#b",
        b"/kmo-portefeuille/a b",
        b"/kmo-portefeuille/;x",
        b"/kmo-portefeuille/%00",
        b"/kmo-portefeuille/%c0%af",
        b"/kmo-portefeuille/" + b"a" * 8192,
    ],
)
def test_a_target_has_to_pass_the_checks_of_a_request_that_comes_by_itself(target: bytes) -> None:
    assert isinstance(read(Spelling.ORIGINAL, with_(ORIGINAL, b"x-original-uri", target)), Problem)
    assert isinstance(read(Spelling.FORWARDED, with_(FORWARDED, b"x-forwarded-uri", target)), Problem)
    assert isinstance(read(Spelling.ITSELF, [HOST], target=b"/_inkom/auth" + target), Problem)


@pytest.mark.parametrize("method", [b"", b"get", b"CONNECT", b"TRACE", b"BREW", b"GET /x HTTP/1.1"])
def test_a_method_that_the_gateway_does_not_take_is_refused(method: bytes) -> None:
    assert isinstance(read(Spelling.ORIGINAL, with_(ORIGINAL, b"x-original-method", method)), Problem)
    assert isinstance(read(Spelling.FORWARDED, with_(FORWARDED, b"x-forwarded-method", method)), Problem)
    assert isinstance(read(Spelling.ITSELF, [HOST], method=method, target=b"/_inkom/auth/kmo-portefeuille/"), Problem)


@pytest.mark.parametrize("host", [b"evil.example", b"inkom.example.evil.example", b"inkom.example:8443", b"", b"a b"])
def test_a_request_to_another_host_is_nobody_s_business_here(host: bytes) -> None:
    assert isinstance(read(Spelling.ORIGINAL, with_(ORIGINAL, b"host", host)), Problem)
    assert isinstance(read(Spelling.FORWARDED, with_(FORWARDED, b"x-forwarded-host", host)), Problem)
    assert isinstance(read(Spelling.ITSELF, [(b"host", host)], target=b"/_inkom/auth/kmo-portefeuille/"), Problem)


@pytest.mark.parametrize("scheme", [b"http", b"HTTPS", b"wss"])
def test_a_request_by_another_scheme_is_refused(scheme: bytes) -> None:
    assert isinstance(read(Spelling.FORWARDED, with_(FORWARDED, b"x-forwarded-proto", scheme)), Problem)


@pytest.mark.parametrize("method", [b"POST", b"HEAD", b"OPTIONS"])
def test_a_question_is_a_get_but_for_envoys(method: bytes) -> None:
    assert isinstance(read(Spelling.ORIGINAL, ORIGINAL, method=method), Problem)
    assert isinstance(read(Spelling.FORWARDED, FORWARDED, method=method), Problem)


@pytest.mark.parametrize("target", [b"/_inkom/auth/", b"/_inkom/auth?x", b"/_inkom/auth/kmo-portefeuille/"])
def test_only_envoy_may_say_more_in_the_address(target: bytes) -> None:
    assert isinstance(read(Spelling.ORIGINAL, ORIGINAL, target=target), Problem)
    assert isinstance(read(Spelling.FORWARDED, FORWARDED, target=target), Problem)


@pytest.mark.parametrize("target", [b"/_inkom/auth", b"/_inkom/auth?/kmo-portefeuille/", b"/_inkom/authx/"])
def test_a_question_of_envoy_without_a_target_is_refused(target: bytes) -> None:
    assert isinstance(read(Spelling.ITSELF, [HOST], target=target), Problem)


def test_only_products_that_show_visitors_our_answer_get_one_for_visitors() -> None:
    # auth_request of nginx takes 401 and 403 and calls all else an error; the example for HAProxy reads the status.
    passing = {name for name, asking in ASKING.items() if asking.passes_answers_on}
    assert passing == {"caddy", "traefik", "envoy"}


def test_every_product_of_the_configuration_has_a_way_to_ask() -> None:
    assert set(ASKING) == set(PROXIES) == set(ForwardAuth.__struct_fields__) - {"host"}
