"""Where a visitor goes back to: a path of our own, whatever an address or a request says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some
from starlette.requests import Request

from broker.web.return_to import START, address_with_return, own_path, path_of

OUTWARD = [
    "https://evil.example/",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "/\\/evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/%09/evil.example\n",
    "\t//evil.example",
    " /kmo-portefeuille/",
    "/kmo-portefeuille/\r\nLocation: https://evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "https:evil.example",
    "/kmo-portefeuille/é",
    "/" + "x" * 2048,
    "",
    "kmo-portefeuille/",
]


@pytest.mark.parametrize("address", OUTWARD)
def test_what_is_not_plainly_a_path_of_our_own_becomes_the_start_page(address: str) -> None:
    assert own_path(address) == START
    assert address_with_return("/_inkom/login", address) == "/_inkom/login?return_to=%2F"


@pytest.mark.parametrize("address", ["/", "/kmo-portefeuille/", "/kmo-portefeuille/a%2Fb?x=1&y=//z", "/a;b=c/@d/!e"])
def test_a_path_of_our_own_stays(address: str) -> None:
    assert own_path(address) == address


@given(some.text(alphabet="/\\.:@?#%a\t\r\n ", max_size=12))
def test_nothing_leads_to_another_host(text: str) -> None:
    path = own_path(text)
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    assert path.isprintable()


@pytest.mark.parametrize(
    ("asked", "path"),
    [(b"/kmo-portefeuille/x", "/kmo-portefeuille/x"), (b"//evil.example/x", "/"), (b"/a%2Fb", "/a%2Fb")],
)
def test_the_path_that_was_asked_for_is_held_to_the_same(asked: bytes, path: str) -> None:
    scope = {"type": "http", "path": asked.decode(), "raw_path": asked, "headers": [], "query_string": b"x=1"}
    assert path_of(Request(scope)) == path
