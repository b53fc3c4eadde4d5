"""Cookies: a host prefix over https, no domain ever, and two of the same name count as none."""

from __future__ import annotations

import pytest

from broker.cookies import Cookies, cookie_value


def test_over_https_every_cookie_has_the_host_prefix_and_is_secure() -> None:
    cookies = Cookies.of(secure=True)
    for name in cookies.names:
        assert name.startswith("__Host-")
        setting = cookies.setting(name, "value")
        assert setting == f"{name}=value; Path=/; HttpOnly; Secure; SameSite=Lax"


def test_on_localhost_the_names_are_others_so_that_neither_can_be_taken_for_the_other() -> None:
    assert Cookies.of(secure=True).names.isdisjoint(Cookies.of(secure=False).names)
    assert "Secure" not in Cookies.of(secure=False).setting("x", "y")


def test_a_cookie_is_removed_at_once() -> None:
    assert "Max-Age=0" in Cookies.of(secure=True).removal("__Host-inkom")


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ([b"a=1; b=2"], "2"),
        ([b"a=1", b"b=2"], "2"),
        ([b"b=2=3"], "2=3"),
        ([b"a=1"], None),
        ([b"b"], None),
        ([b"b=1; b=1"], None),
        ([b"b=1", b"b=2"], None),
        ([b"B=1"], None),
        ([b"=; ;b =1"], "1"),
        ([b"b=\xff"], None),
        ([b""], None),
    ],
)
def test_a_value_is_found_only_when_it_is_there_once(fields: list[bytes], found: str | None) -> None:
    assert cookie_value([(b"cookie", field) for field in fields], "b") == found
