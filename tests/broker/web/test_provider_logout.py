"""The provider says that somebody signed out there: what that does here. The token itself is `adapters/oidc`'s."""

from __future__ import annotations

import httpx2
import pytest

from broker.ports import LogoutRefused, ProviderUnavailable, SignedIn
from tests.broker.gateway import World, an_identity, gateway

PATH = "/_inkom/backchannel-logout"
APPLICATION = "/kmo-portefeuille/"
ISSUER = "http://localhost:9000/op"


async def tell(world: World, token: str, **more: str) -> httpx2.Response:
    """Post a token as the provider does: without a cookie, an Origin or anything of a browser."""
    content = "&".join(f"{name}={value}" for name, value in {"logout_token": token.replace(" ", "+"), **more}.items())
    headers = {"content-type": "application/x-www-form-urlencoded", "cookie": ""}
    return await world.client.post(PATH, content=content.encode(), headers=headers)


async def signed_in(world: World, sid: str | None = "a-session") -> None:
    world.provider.signed_in = SignedIn(identity=an_identity(acm_session=sid))
    await world.sign_in()
    assert (await world.get(APPLICATION)).status_code == 200


async def test_a34_a_session_that_ended_at_the_provider_is_over_here(world: World) -> None:
    await signed_in(world)

    answer = await tell(world, "- a-session one")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["cache-control"] == "no-store"
    assert (await world.get(APPLICATION)).status_code == 303
    assert (await world.get("/_inkom/me")).status_code == 401
    assert [event.kind for event in world.audit.events][-1] == "signed-out-at-provider"


async def test_a67_another_session_of_the_same_person_goes_on(world: World) -> None:
    await signed_in(world)

    await tell(world, "- another-session one")

    assert (await world.get(APPLICATION)).status_code == 200


async def test_a67_without_sid_all_sessions_of_the_person_end_and_a_new_sign_in_is_no_longer_meant(
    world: World,
) -> None:
    await signed_in(world)

    assert (await tell(world, "subject-of-an - one")).status_code == 200

    assert (await world.get(APPLICATION)).status_code == 303
    world.clock.forward(seconds=1)
    await signed_in(world, sid="a-later-session")


async def test_a65_the_same_token_again_is_acknowledged_and_does_nothing(world: World) -> None:
    await signed_in(world)
    await tell(world, "subject-of-an - one")
    world.clock.forward(seconds=1)
    await signed_in(world)

    assert (await tell(world, "subject-of-an - one")).status_code == 200

    assert (await world.get(APPLICATION)).status_code == 200


async def test_c35_a_session_that_nobody_knows_gets_the_same_answer(world: World) -> None:
    known, unknown = await tell(world, "- a-session one"), await tell(world, "- never-heard-of two")
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)


async def test_c36_a_logout_that_cannot_be_stored_is_refused_and_comes_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await signed_in(world)
    world.announcements.away = True

    answer = await tell(world, "- a-session one")

    assert answer.status_code == 400
    assert answer.headers["cache-control"] == "no-store"
    assert any(record.levelname == "ERROR" for record in caplog.records)
    assert b'inkom_provider_logouts_total{result="unavailable"} 1.0' in world.measures.exposition()
    world.announcements.away = False
    assert (await tell(world, "- a-session one")).status_code == 200
    assert (await world.get(APPLICATION)).status_code == 303


async def test_c36_without_the_provider_s_keys_the_answer_is_400_too(world: World) -> None:
    world.provider.refusal = ProviderUnavailable("keys: no answer in time")
    assert (await tell(world, "- a-session one")).status_code == 400


async def test_c39_a_logout_between_the_answer_and_the_new_session_ends_that_session(world: World) -> None:
    assert (await tell(world, "- a-session one")).status_code == 200
    world.provider.signed_in = SignedIn(identity=an_identity(acm_session="a-session"))

    await world.sign_in()

    assert (await world.get(APPLICATION)).status_code == 303


async def test_a66_get_is_405(world: World) -> None:
    assert (await world.client.get(PATH)).status_code == 405


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        ("", "application/x-www-form-urlencoded"),
        ("logout_token=", "application/x-www-form-urlencoded"),
        ("logout_token=garbage", "application/x-www-form-urlencoded"),
        ("logout_token=-+a-session+one&logout_token=-+a-session+two", "application/x-www-form-urlencoded"),
        ("logout_token=-+a-session+one", "application/json"),
        ("logout_token=-+a-session+one", ""),
        ("logout_token=" + "x" * 17_000, "application/x-www-form-urlencoded"),
        ("&".join(f"a{n}=" for n in range(50)), "application/x-www-form-urlencoded"),
        ("logout_token=%ff\xff", "application/x-www-form-urlencoded"),
    ],
)
async def test_a66_what_is_no_single_logout_token_is_400_and_ends_nothing(
    world: World, content: str, media_type: str
) -> None:
    await signed_in(world)

    headers = {"content-type": media_type, "cookie": ""}
    answer = await world.client.post(PATH, content=content.encode("latin-1"), headers=headers)

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"
    assert answer.headers["cache-control"] == "no-store"
    assert (await world.get(APPLICATION)).status_code == 200


async def test_c37_a_sender_of_too_many_bad_tokens_is_not_listened_to_for_a_minute(world: World) -> None:
    world.provider.refusal = LogoutRefused("not a signed token")
    for _ in range(60):
        assert (await tell(world, "garbage")).status_code == 400
    world.provider.refusal = None

    assert (await tell(world, "- a-session one")).status_code == 429

    world.clock.forward(seconds=61)
    assert (await tell(world, "- a-session one")).status_code == 200


async def test_a41_a_front_channel_that_is_not_configured_is_not_there(world: World) -> None:
    assert (await world.client.get(f"/_inkom/frontchannel-logout?iss={ISSUER}&sid=a-session")).status_code == 404


async def test_a41_the_front_channel_ends_only_the_session_that_it_names() -> None:
    async with gateway(acm={"front_channel_logout": True}) as world:
        await signed_in(world)
        other = await world.client.get(f"/_inkom/frontchannel-logout?iss={ISSUER}&sid=another", headers={"cookie": ""})
        assert (await world.get(APPLICATION)).status_code == 200

        answer = await world.client.get(
            f"/_inkom/frontchannel-logout?iss={ISSUER}&sid=a-session", headers={"cookie": ""}
        )

        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        assert "frame-ancestors http://localhost:9000" in answer.headers["content-security-policy"]
        assert "x-frame-options" not in answer.headers
        assert (other.status_code, other.text) == (answer.status_code, answer.text)
        assert (await world.get(APPLICATION)).status_code == 303


async def test_a68_the_front_channel_leaves_no_trace_of_sessions_that_never_were() -> None:
    async with gateway(acm={"front_channel_logout": True}) as world:
        for number in range(20):
            await world.client.get(f"/_inkom/frontchannel-logout?iss={ISSUER}&sid=made-up-{number}")
        assert not world.announcements.over
        assert not world.announcements.seen


@pytest.mark.parametrize(
    "query",
    [
        "",
        "sid=a-session",
        f"iss={ISSUER}",
        f"iss={ISSUER}/&sid=a-session",
        f"iss={ISSUER}&sid=a-session&sid=a-session",
        f"iss={ISSUER}&sid={'x' * 256}",
        "iss=https://evil.example/op&sid=a-session",
    ],
)
async def test_a41_a_front_channel_request_that_names_nothing_of_ours_is_400(query: str) -> None:
    async with gateway(acm={"front_channel_logout": True}) as world:
        await signed_in(world)
        assert (await world.client.get(f"/_inkom/frontchannel-logout?{query}")).status_code == 400
        assert (await world.get(APPLICATION)).status_code == 200


async def test_a_switch_ends_the_session_here_and_goes_where_the_person_chooses_again(world: World) -> None:
    await signed_in(world)

    answer = await world.post("/_inkom/switch", {"form_token": world.session.form_token})

    assert (answer.status_code, answer.headers["location"]) == (303, f"{world.provider.logout}&switch=true")
    assert world.sessions.kept == {}


async def test_a_switch_at_a_provider_that_has_none_is_a_new_sign_in(world: World) -> None:
    await signed_in(world)
    world.provider.logout = None
    answer = await world.post("/_inkom/switch", {"form_token": world.session.form_token})
    assert answer.headers["location"] == "/_inkom/login"


async def test_a_switch_from_another_site_changes_nothing(world: World) -> None:
    await signed_in(world)
    answer = await world.post(
        "/_inkom/switch",
        {"form_token": world.session.form_token},
        sec_fetch_site="cross-site",
        origin="https://evil.example",
    )
    assert answer.status_code == 403
    assert (await world.get(APPLICATION)).status_code == 200


async def test_a_provider_that_goes_on_with_a_session_that_it_ended_sends_nobody_round_in_circles(world: World) -> None:
    await signed_in(world)
    await tell(world, "- a-session one")

    answer = await world.sign_in(APPLICATION)

    assert answer.status_code == 403
    assert "prompt=login" in answer.text
    assert world.sessions.kept == {}
