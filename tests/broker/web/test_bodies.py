"""Reading what is posted: whole, bounded, or not at all."""

from __future__ import annotations

import pytest
from starlette.types import Message

from tests.broker.gateway import World, as_from_the_edge


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/_inkom/login", "application/x-www-form-urlencoded"),
        ("/_inkom/backchannel-logout", "application/x-www-form-urlencoded"),
        ("/_inkom/signals", "application/secevent+jwt"),
    ],
)
async def test_a_sender_who_leaves_half_way_is_a_bad_sender_and_no_mistake_of_ours(
    world: World, path: str, media_type: str
) -> None:
    headers = {"content-type": media_type, "authorization": "Bearer the-token-of-the-transmitter", "host": "localhost"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "scheme": "http",
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
    coming: list[Message] = [{"type": "http.request", "body": b"logout_", "more_body": True}]
    sent: list[Message] = []

    async def receive() -> Message:
        return coming.pop(0) if coming else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await as_from_the_edge(world.gate)(scope, receive, send)

    assert 400 <= sent[0]["status"] < 500
