"""The files in `examples/`: every header that the gateway can send has its place in them, and nothing is forgotten."""

from __future__ import annotations

import re

import pytest
import yaml

from broker.domain.identity_headers import identity_headers
from mock_apps.assertion import ASSERTION
from tests.broker.domain.test_identity_headers import decision
from tests.broker.domain.world import NOON, facts, identity, right, session
from tests.examples.proxies import EXAMPLES

PRODUCTS = ("nginx", "haproxy", "caddy", "traefik", "envoy")
BY_NAME = ("nginx/inkom.conf", "nginx/inkom-cached.conf", "caddy/Caddyfile", "envoy/envoy.yaml")


def every_name() -> set[str]:
    """The names of all headers that a backend can receive, in lower case."""
    about = facts(rights=(right(),))
    everything = identity_headers(
        session(about, identity=identity(auth_time=NOON)),
        decision(about),
        record="d-1",
        key=b"k" * 32,
        discloses_national_number=True,
    )
    return {name.lower() for name, _ in everything.plain} | {ASSERTION}


def told(example: str) -> str:
    """An example without its comments."""
    text = (EXAMPLES / example).read_text(encoding="utf-8")
    return "\n".join(re.sub(r"(?:^|\s)#.*", "", line) for line in text.splitlines()).lower()


@pytest.mark.parametrize("example", BY_NAME)
def test_where_headers_are_listed_none_is_missing(example: str) -> None:
    text = told(example)
    for name in every_name():
        assert re.search(rf"{name}(?![-a-z])", text), name


@pytest.mark.parametrize("example", ["nginx/inkom.conf", "nginx/inkom-cached.conf"])
def test_nginx_replaces_every_header_in_each_application(example: str) -> None:
    text = told(example)
    applications = text.split("auth_request /")[1:]
    assert applications
    for application in applications:
        for name in every_name():
            variable = name.removeprefix("x-").replace("-", "_")
            assert f"auth_request_set ${variable} $upstream_http_x_{variable};" in application
            assert f"proxy_set_header {name} ${variable};" in application


def test_caddy_takes_out_what_it_copied_from_nowhere() -> None:
    text = told("caddy/Caddyfile")
    copied = next(line for line in text.splitlines() if "copy_headers" in line).split()[1:]
    assert set(copied) == every_name()
    for name in copied:
        assert re.search(rf"header_regexp {name} .*\n\s*request_header @no_\w+ -{name}\n", text), name


def test_the_kept_answers_change_nothing_else_about_nginx() -> None:
    plain, cached = told("nginx/inkom.conf"), told("nginx/inkom-cached.conf")
    lines = {line.strip() for line in cached.splitlines()}
    assert {line.strip() for line in plain.splitlines()} <= lines
    added = [line for line in lines - {line.strip() for line in plain.splitlines()} if not line.startswith('"')]
    kinds = {line.split()[0] for line in added}
    assert {kind for kind in kinds if not kind.startswith("proxy_cache")} == {
        *("map", "default", "proxy_ignore_headers", "proxy_no_cache"),
    }
    assert not {"proxy_pass", "auth_request", "error_page"} & kinds


@pytest.mark.parametrize("example", ["traefik/dynamic.yaml", "envoy/envoy.yaml"])
def test_what_is_not_run_can_at_least_be_read(example: str) -> None:
    assert yaml.safe_load((EXAMPLES / example).read_text(encoding="utf-8"))


@pytest.mark.parametrize("product", PRODUCTS)
def test_each_example_says_how_to_use_it_and_what_to_check(product: str) -> None:
    text = (EXAMPLES / product / "README.md").read_text(encoding="utf-8")
    assert all(f"\n{number}. " in text for number in (1, 2, 3))
    assert "\n## What to check\n" in text
    was_run = product in {"nginx", "haproxy", "caddy"}
    assert ("has not been run" in text) is not was_run
