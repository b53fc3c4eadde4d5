"""The transmitter's management interface, against transmitters that are not as they should be (the mock is)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from broker.adapters.http import BackChannel, Limits
from broker.adapters.signals.management import (
    StreamManagement,
    StreamTrouble,
    critical_members,
    metadata_address,
)
from broker.ports import ProviderUnavailable
from tests.broker.adapters.small_server import Reply, SmallServer

AUDIENCE = "https://inkom.example"
WELL_KNOWN = "/.well-known/ssf-configuration/op"


@pytest.fixture
async def channel() -> AsyncIterator[BackChannel]:
    channel = BackChannel(Limits(connect=1.0, total=1.0))
    yield channel
    await channel.aclose()


def publish(small: SmallServer, **differing: Any) -> str:
    """Describe a transmitter; returns its issuer."""
    issuer = f"{small.origin}/op"
    metadata = {
        "issuer": issuer,
        "configuration_endpoint": f"{small.origin}/stream",
        "status_endpoint": f"{small.origin}/status",
        "verification_endpoint": f"{small.origin}/verify",
        **differing,
    }
    small.on(WELL_KNOWN, Reply(body=json.dumps(metadata).encode()))
    return issuer


def a_stream(issuer: str, **differing: Any) -> bytes:
    delivery = {"method": "urn:ietf:rfc:8936", "endpoint_url": "https://x.example/poll"}
    return json.dumps(
        {"stream_id": "one", "iss": issuer, "aud": [AUDIENCE, "x"], "delivery": delivery, **differing}
    ).encode()


def manager(channel: BackChannel, issuer: str) -> StreamManagement:
    return StreamManagement(channel, issuer=issuer, audience=AUDIENCE, token="ours")


def test_the_well_known_part_stands_between_host_and_path() -> None:
    assert metadata_address("https://x.example/op/") == "https://x.example/.well-known/ssf-configuration/op"
    assert metadata_address("https://x.example") == "https://x.example/.well-known/ssf-configuration"


async def test_a_transmitter_of_one_stream_may_describe_just_that(small: SmallServer, channel: BackChannel) -> None:
    issuer = publish(small)
    small.on("/stream", Reply(body=a_stream(issuer)))

    (stream,) = await manager(channel, issuer).streams()

    assert (stream.stream_id, stream.is_for(AUDIENCE), stream.is_for("y")) == ("one", True, False)
    assert small.asked("/stream")[0].headers["authorization"] == "Bearer ours"
    small.on("/stream", Reply(status=404))
    assert await manager(channel, issuer).streams() == []


@pytest.mark.parametrize(
    ("differing", "said"), [({"iss": "https://x.example"}, "signals.issuer"), ({"aud": "x"}, "signals.audience")]
)
async def test_c57_a_stream_whose_events_we_would_refuse_is_of_no_use(
    small: SmallServer, channel: BackChannel, differing: dict[str, str], said: str
) -> None:
    issuer = publish(small)
    small.on("/stream", Reply(status=201, body=a_stream(issuer, **differing)))

    with pytest.raises(StreamTrouble, match=said):
        await manager(channel, issuer).create({"method": "urn:ietf:rfc:8936"})


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(status=401), "refuses our token"),
        (Reply(status=500), "status 500"),
        (Reply(status=200, body=b"{}"), "status 200"),
        (Reply(status=201, body=b"{}"), "missing required field"),
    ],
)
async def test_what_is_not_an_answer_is_said(small: SmallServer, channel: BackChannel, reply: Reply, said: str) -> None:
    issuer = publish(small)
    small.on("/stream", reply)

    with pytest.raises(StreamTrouble, match=said):
        await manager(channel, issuer).create({"method": "urn:ietf:rfc:8936"})


async def test_our_token_is_shown_to_no_other_host(small: SmallServer, channel: BackChannel) -> None:
    issuer = publish(small, configuration_endpoint="http://127.0.0.2:9/stream")

    with pytest.raises(StreamTrouble, match="another host"):
        await manager(channel, issuer).streams()


async def test_a_transmitter_without_management_is_told_of(small: SmallServer, channel: BackChannel) -> None:
    issuer = f"{small.origin}/op"
    with pytest.raises(StreamTrouble, match="publishes no ssf-configuration"):
        await manager(channel, issuer).streams()

    publish(small, verification_endpoint=None)
    with pytest.raises(StreamTrouble, match="offers no verification_endpoint"):
        await manager(channel, issuer).verify("one", state="x")


async def test_a_verification_may_be_asked_for_too_often(small: SmallServer, channel: BackChannel) -> None:
    issuer = publish(small)
    small.on("/verify", Reply(status=429))

    with pytest.raises(StreamTrouble, match="less often"):
        await manager(channel, issuer).verify("one", state="x")


async def test_critical_members_are_the_transmitters_own_and_none_where_it_publishes_nothing(
    small: SmallServer, channel: BackChannel
) -> None:
    assert await critical_members(channel, f"{small.origin}/op")() == frozenset()
    issuer = publish(small, critical_subject_members=["device"])
    assert await critical_members(channel, issuer)() == frozenset({"device"})


@pytest.mark.parametrize("body", [b"{}", b"no JSON", b'{"issuer": "https://x.example"}'])
async def test_metadata_that_cannot_be_believed_decide_nothing(
    small: SmallServer, channel: BackChannel, body: bytes
) -> None:
    small.on(WELL_KNOWN, Reply(body=body))

    with pytest.raises(ProviderUnavailable):
        await critical_members(channel, f"{small.origin}/op")()
