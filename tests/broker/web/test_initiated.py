"""Sign-ins that another site begins (OpenID Connect Core 4): only at a provider we know, only to a path of our own."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.broker.gateway import ORIGIN, World
from tests.broker.web.test_signin import PAYLOADS

ISSUER = "http%3A%2F%2Flocalhost%3A9000%2Fop"
LOGIN = f"/_inkom/login?iss={ISSUER}"


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/kmo-portefeuille/a?b=c", "/kmo-portefeuille/a?b=c"),
        (f"{ORIGIN}/kmo-portefeuille/a?b=c", "/kmo-portefeuille/a?b=c"),
        (ORIGIN, "/"),
        (f"{ORIGIN}.evil.test/", "/"),
        (f"{ORIGIN}@evil.test/", "/"),
        (f"{ORIGIN}//evil.test", "/"),
        (f"{ORIGIN}/\\evil.test", "/"),
        ("https://evil.test/", "/"),
        ("HTTP://LOCALHOST:8000/kmo-portefeuille/", "/"),
    ],
)
async def test_it_begins_at_the_issuer_and_ends_at_a_path_of_our_own(world: World, target: str, path: str) -> None:
    answer = await world.get(f"{LOGIN}&target_link_uri={quote(target, safe='')}")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("http://localhost:9000/op/v1/auth")
    assert world.provider.attempts[-1].return_to == path


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_no_target_leads_off_the_site(world: World, payload: str) -> None:
    await world.get(f"{LOGIN}&target_link_uri={quote(payload, safe='')}")
    await world.get(f"{LOGIN}&target_link_uri={quote(ORIGIN + payload, safe='')}")
    assert {attempt.return_to for attempt in world.provider.attempts} == {"/"}


@pytest.mark.parametrize(
    ("hint", "passed_on"),
    [
        ("an@example.be", "an@example.be"),
        ("", None),
        ("x" * 513, None),
        ("line\nbreak", None),
        ("82672100108", None),
        ("82.67.21-001.08", None),
    ],
)
async def test_a_hint_goes_along_within_bounds(world: World, hint: str, passed_on: str | None) -> None:
    await world.get(f"{LOGIN}&login_hint={quote(hint, safe='')}")
    assert world.provider.attempts[-1].login_hint == passed_on


@pytest.mark.parametrize("issuer", ["", "https%3A%2F%2Fevil.test", ISSUER + "%2F", ISSUER.upper(), f"{ISSUER}&iss=x"])
async def test_an_issuer_that_is_not_configured_begins_nothing(world: World, issuer: str) -> None:
    answer = await world.get(f"/_inkom/login?iss={issuer}")
    assert answer.status_code == 403
    assert any(said in answer.text for said in ("This sign-in can", "Signing in did not work"))
    assert world.provider.attempts == []


async def test_a_post_becomes_the_same_by_get(world: World) -> None:
    fields = {"iss": "http://localhost:9000/op", "login_hint": "an", "target_link_uri": "/kmo-portefeuille/", "x": "y"}
    answer = await world.post("/_inkom/login", fields, origin="https://portal.example", sec_fetch_site="cross-site")
    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers
    assert "x=y" not in answer.headers["location"]
    await world.get(answer.headers["location"])
    attempt = world.provider.attempts[-1]
    assert (attempt.return_to, attempt.login_hint) == ("/kmo-portefeuille/", "an")


async def test_a_post_of_another_site_without_an_issuer_is_a_sign_in_like_any_other(world: World) -> None:
    fields = {"target_link_uri": "/kmo-portefeuille/"}
    await world.post("/_inkom/login", fields, origin="https://portal.example", sec_fetch_site="cross-site")
    assert world.provider.attempts[-1].return_to == "/"


@pytest.mark.parametrize(
    ("fields", "headers"), [({"iss": "x"}, {"content_type": "text/plain"}), ({"iss": "x" * 9000}, {})]
)
async def test_a_post_of_another_site_that_is_no_small_form_begins_nothing(
    world: World, fields: dict[str, str], headers: dict[str, str]
) -> None:
    foreign = {"origin": "https://portal.example", "sec_fetch_site": "cross-site"}
    assert (await world.post("/_inkom/login", fields, **foreign, **headers)).status_code == 403
    assert world.provider.attempts == []
