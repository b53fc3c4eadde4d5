"""Pages and answers for everybody: start, health, keys, accessibility, what does not exist, what went wrong."""

from __future__ import annotations

import pytest

from tests.broker.gateway import World


async def test_the_start_page_leads_to_every_application(world: World) -> None:
    page = await world.get("/")
    for name in ("kmo-portefeuille", "ecologiepremie-plus", "coronamaatregelen"):
        assert f'href="/{name}/"' in page.text


async def test_every_page_carries_the_security_headers(world: World) -> None:
    page = await world.get("/_inkom/accessibility")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' http://localhost:9000" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["cache-control"] == "no-store"


async def test_the_language_is_chosen_for_the_visit_only(world: World) -> None:
    page = await world.get("/?lang=nl")
    assert '<html lang="nl"' in page.text
    assert "Max-Age=43200" in page.headers["set-cookie"]
    assert '<html lang="nl"' in (await world.get("/")).text
    assert '<html lang="en"' in (await world.get("/?lang=en")).text
    assert '<html lang="en"' in (await world.get("/?lang=xx")).text


async def test_the_process_lives_and_is_ready_only_with_its_store(world: World) -> None:
    assert (await world.ask("/_inkom/health/live")).status_code == 200
    assert (await world.ask("/_inkom/health/ready")).json() == {
        "status": "ok",
        "parts": {"sessions": "ok", "registrations": "ok"},
    }
    world.sessions.away = True
    answer = await world.ask("/_inkom/health/ready")
    assert answer.status_code == 503
    assert answer.json()["status"] == "unavailable"
    assert (await world.ask("/_inkom/health/live")).status_code == 200


async def test_the_published_keys_are_public(world: World) -> None:
    (key,) = (await world.ask("/_inkom/jwks.json")).json()["keys"]
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")
    assert "d" not in key


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_page_that_is_only_read_cannot_be_written(world: World, method: str) -> None:
    answer = await world.client.request(method, "/_inkom/profile")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_error_of_our_own_shows_a_reference_and_no_trace(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret detail")

    monkeypatch.setattr(world.sessions, "find", broken)
    answer = await world.get("/_inkom/profile", cookie="inkom-localhost=x")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "reference-code" in answer.text
    assert [record.message for record in caplog.records] == ["a page broke"]


async def test_static_files_are_served_and_nothing_beside_them(world: World) -> None:
    assert (await world.get("/_inkom/static/kit.css")).status_code == 200
    assert (await world.get("/_inkom/static/../site.py")).status_code == 404
    assert (await world.get("/_inkom/static/%2e%2e/kit.py")).status_code == 404
