"""The place on a page (what stands after # in an address) comes back after signing in, and is told to nobody."""

from __future__ import annotations

import re

import pytest

from broker.domain.people import PersonRecord
from broker.ports import Mismatch, SignInRefused
from broker.web.place import own_fragment
from tests.broker.gateway import BAKERY, FLORIST, World, a_right

BROWSER = {"sec_fetch_dest": "document"}
LOGIN = "/_inkom/login?return_to=%2Fkmo-portefeuille%2Fdossier"


async def from_place(world: World, fragment: str, **headers: str) -> str:
    """Sign in from an address with a fragment, as our script does; return where that ends."""
    await world.post(f"{LOGIN}&go=1", {"fragment": fragment}, **headers)
    state = world.provider.attempts[-1].state
    answer = await world.get(f"/_inkom/callback?code=c&state={state}")
    return str(answer.headers["location"])


async def test_a_browser_is_asked_for_the_place_by_a_page_that_nobody_sees(world: World) -> None:
    answer = await world.get(LOGIN, **BROWSER)
    assert answer.status_code == 200
    go = "/_inkom/login?return_to=%2Fkmo-portefeuille%2Fdossier&amp;go=1"
    assert f'data-go="{go}"' in answer.text
    assert f'<noscript><meta http-equiv="refresh" content="0; url={go}"></noscript>' in answer.text
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert world.provider.attempts == []
    assert (await world.get(f"{LOGIN}&go=1", **BROWSER)).status_code == 303


async def test_every_other_client_goes_straight_to_the_provider(world: World) -> None:
    for headers in ({}, {"sec_fetch_dest": "iframe"}, {"sec_fetch_dest": "document", "sec_fetch_mode": "cors"}):
        assert (await world.get(LOGIN, **headers)).status_code == 303


async def test_the_place_comes_back_byte_for_byte_after_signing_in(world: World) -> None:
    for fragment in ("deel-2", "/dossier/12?tab={a|b}[1]^~%C3%A9", "a#b", "!'()*;:@&=+$,"):
        assert await from_place(world, fragment) == f"/kmo-portefeuille/dossier#{fragment}"


async def test_what_is_no_fragment_is_left_out(world: World) -> None:
    for fragment in ("", "a b", '"x', "<b>", "`", "é", "a\r\nb", "x" * 1025):
        assert await from_place(world, fragment) == "/kmo-portefeuille/dossier"
    assert own_fragment("x" * 1024) == "x" * 1024


async def test_nobody_elses_page_says_where_somebody_goes(world: World) -> None:
    ended = await from_place(world, "evil", origin="https://evil.test", sec_fetch_site="cross-site")
    assert ended == "/kmo-portefeuille/dossier"


async def test_the_place_waits_while_an_organisation_is_chosen(world: World) -> None:
    world.registers.record = PersonRecord(rights=(a_right(), a_right(FLORIST)), organisations=(BAKERY, FLORIST))
    assert await from_place(world, "deel-2") == ("/_inkom/organisation?return_to=%2Fkmo-portefeuille%2Fdossier#deel-2")


async def test_after_a_sign_in_that_was_stopped_the_place_is_still_known(world: World) -> None:
    world.provider.refusal = SignInRefused(Mismatch.CANCELLED, "cancelled")
    await world.post(f"{LOGIN}&go=1", {"fragment": "deel-2"})
    answer = await world.get(f"/_inkom/callback?error=access_denied&state={world.provider.attempts[-1].state}")
    assert f'href="{LOGIN}#deel-2"' in answer.text


@pytest.mark.parametrize("name", ["signing-in.js", "keep-place.js", "session.js"])
async def test_scripts_are_kept_by_their_version_and_asked_for_again_without_one(world: World, name: str) -> None:
    plain = await world.get(f"/_inkom/{name}")
    assert plain.headers["content-type"] == "text/javascript; charset=utf-8"
    assert plain.headers["cache-control"] == "public, max-age=300"
    version = plain.headers["etag"].strip('"')
    assert re.fullmatch("[0-9a-f]{10}", version)
    kept = await world.get(f"/_inkom/{name}?v={version}")
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    unchanged = await world.get(f"/_inkom/{name}", if_none_match=plain.headers["etag"])
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    # Old browsers are to read it as well: no arrow functions, no const, no template strings.
    assert not re.search(r"=>|\bconst\b|\blet\b|`", re.sub(r"//.*", "", plain.text))
