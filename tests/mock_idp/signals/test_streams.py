"""Streams that receivers manage themselves: made, read, changed, paused, polled, deleted (Shared Signals, RFC 8936)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from mock_idp.world.facts import subject_of
from tests.mock_idp.provider import Mock
from tests.mock_idp.signals.receiver import Receiver, part_of, receiving

PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"
REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
EMPLOYEE = {"format": "opaque", "id": subject_of("employee")}


class Caller:
    """A receiver with its access token."""

    def __init__(self, mock: Mock, token: str) -> None:
        self._mock = mock
        self._headers = {"authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, **body: object) -> httpx2.Response:
        address = f"{self._mock.issuer}/ssf/v1/{path}"
        return self._mock.direct.request(method, address, headers=self._headers, json=body or None)

    def make(self, **body: object) -> dict[str, Any]:
        answer = self.ask("POST", "stream", **(body or {"delivery": {"method": POLL}}))
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def poll(self, stream_id: str, **body: object) -> dict[str, Any]:
        answer = self.ask("POST", f"poll/{stream_id}", returnImmediately=True, **body)
        assert answer.status_code == 200, answer.text
        polled: dict[str, Any] = answer.json()
        return polled


@pytest.fixture
def mock(acm: Mock) -> Mock:
    for name in ("one", "two"):
        acm.register(name, signals_access_token=f"token-of-{name}", signals_audience=f"https://{name}.example")
    return acm


@pytest.fixture
def caller(mock: Mock) -> Iterator[Caller]:
    caller = Caller(mock, "token-of-one")
    yield caller
    for stream in caller.ask("GET", "stream").json():
        caller.ask("DELETE", f"stream?stream_id={stream['stream_id']}")


def announce(mock: Mock, person: str = "employee", **more: object) -> None:
    assert mock.post("/mock/signals", {"person": person, **more}).status_code == 200


def test_a_stream_is_made_read_changed_replaced_and_deleted(mock: Mock, caller: Caller) -> None:
    made = caller.make(events_requested=[REVOKED, "urn:unheard-of"], description="mine")
    name = made["stream_id"]
    assert (made["iss"], made["aud"], made["description"]) == (mock.issuer, "https://one.example", "mine")
    assert (made["events_delivered"], len(made["events_supported"])) == ([REVOKED], 4)
    assert made["delivery"] == {"method": POLL, "endpoint_url": f"{mock.issuer}/ssf/v1/poll/{name}"}
    assert caller.ask("GET", f"stream?stream_id={name}").json() == made
    assert caller.ask("GET", "stream").json() == [made]

    changed = caller.ask("PATCH", "stream", stream_id=name, delivery={"method": PUSH, "endpoint_url": "http://x.test/"})
    assert (changed.json()["delivery"]["method"], changed.json()["events_delivered"]) == (PUSH, [REVOKED])
    replaced = caller.ask("PUT", "stream", stream_id=name, delivery={"method": POLL}).json()
    assert (len(replaced["events_delivered"]), "description" in replaced) == (4, False)

    assert caller.ask("DELETE", f"stream?stream_id={name}").status_code == 204
    assert caller.ask("GET", f"stream?stream_id={name}").status_code == 404
    assert caller.ask("POST", f"poll/{name}", returnImmediately=True).status_code == 404


def test_events_are_handed_out_until_they_are_acknowledged_or_refused(mock: Mock, caller: Caller) -> None:
    name = caller.make()["stream_id"]
    for person in ("employee", "auditor", "nobody"):
        announce(mock, person)

    first = caller.poll(name, maxEvents=2)
    assert (len(first["sets"]), first["moreAvailable"]) == (2, True)
    one, two = first["sets"]
    assert caller.poll(name, maxEvents=2)["sets"] == first["sets"]
    third = caller.poll(name, ack=[one], setErrs={two: {"err": "invalid_key", "description": "x"}})
    (last,) = third["sets"]
    assert caller.poll(name, maxEvents=0, ack=[last]) == {"sets": {}, "moreAvailable": False}

    signals = {row["id"]: row["status"] for row in mock.get("/mock/signals").json()["signals"]}
    assert (signals[one], signals[two], signals[last]) == (202, 400, 202)
    assert part_of(third["sets"][last], 1)["aud"] == "https://one.example"


def test_who_waits_is_answered_when_something_is_announced(mock: Mock, caller: Caller) -> None:
    name = caller.make()["stream_id"]
    announce(mock)
    assert len(caller.poll(name)["sets"]) == 1
    announce(mock, "auditor")
    answer = caller.ask("POST", f"poll/{name}", maxEvents=5)
    assert len(answer.json()["sets"]) == 2


def test_several_changes_of_one_person_are_one_event_as_long_as_it_waits(mock: Mock, caller: Caller) -> None:
    name = caller.make()["stream_id"]
    announce(mock)
    announce(mock)
    announce(mock, event="session-revoked")
    assert len(caller.poll(name)["sets"]) == 2
    announce(mock)
    assert len(caller.poll(name)["sets"]) == 3


def test_a_paused_stream_holds_its_events_and_a_disabled_one_has_none(mock: Mock, caller: Caller) -> None:
    name = caller.make()["stream_id"]
    assert caller.ask("GET", f"status?stream_id={name}").json() == {"stream_id": name, "status": "enabled"}

    paused = caller.ask("POST", "status", stream_id=name, status="paused", reason="maintenance")
    assert paused.json() == {"stream_id": name, "status": "paused", "reason": "maintenance"}
    announce(mock)
    assert caller.poll(name)["sets"] == {}
    caller.ask("POST", "status", stream_id=name, status="enabled")
    assert len(caller.poll(name)["sets"]) == 1

    caller.ask("POST", "status", stream_id=name, status="disabled")
    announce(mock, "auditor")
    caller.ask("POST", "status", stream_id=name, status="enabled")
    assert caller.poll(name)["sets"] == {}


def test_a_subject_that_was_removed_is_not_announced_until_it_is_added(mock: Mock, caller: Caller) -> None:
    name = caller.make()["stream_id"]
    assert caller.ask("POST", "subjects:remove", stream_id=name, subject=EMPLOYEE).status_code == 204
    announce(mock)
    assert caller.poll(name)["sets"] == {}
    added = {"format": "complex", "user": EMPLOYEE}
    assert caller.ask("POST", "subjects:add", stream_id=name, subject=added, verified=True).status_code == 200
    announce(mock)
    assert len(caller.poll(name)["sets"]) == 1


def test_a_verification_says_the_receivers_state_also_on_a_paused_stream(mock: Mock, caller: Caller) -> None:
    name = caller.make()["stream_id"]
    caller.ask("POST", "status", stream_id=name, status="paused")
    assert caller.ask("POST", "verification", stream_id=name, state="mine").status_code == 204

    (token,) = caller.poll(name)["sets"].values()
    claims = part_of(token, 1)
    assert claims["sub_id"] == {"format": "opaque", "id": name}
    assert list(claims["events"].values()) == [{"state": "mine"}]


def test_a_stream_by_push_shows_the_receivers_header_and_takes_the_place_of_the_registered_one(
    mock: Mock, caller: Caller
) -> None:
    with receiving() as receiver, receiving() as registered:
        more = {"signals_access_token": "token-of-one", "signals_uri": registered.uri}
        mock.register("one", **more)
        announce(mock)
        delivery = {"method": PUSH, "endpoint_url": receiver.uri, "authorization_header": "Bearer of mine"}
        made = caller.make(delivery=delivery)
        announce(mock)
        assert "of mine" not in str(made)
    assert [len(one.tokens) for one in (registered, receiver)] == [1, 1]
    assert receiver.headers[0]["authorization"] == "Bearer of mine"
    assert isinstance(receiver, Receiver)


def test_nobody_reads_or_changes_the_stream_of_another(mock: Mock, caller: Caller) -> None:
    name = caller.make()["stream_id"]
    for token, status in (("token-of-two", 404), ("guessed", 401), ("x", 401)):
        stranger = Caller(mock, token)
        for method, path in (
            ("GET", f"stream?stream_id={name}"),
            ("DELETE", f"stream?stream_id={name}"),
            ("GET", f"status?stream_id={name}"),
        ):
            answer = stranger.ask(method, path)
            assert (answer.status_code, "www-authenticate" in answer.headers) == (status, status == 401)
        assert stranger.ask("POST", f"poll/{name}", maxEvents=1).status_code == status


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "stream", {"delivery": {"method": "urn:pigeon"}}, 400),
        ("POST", "stream", {"delivery": {"method": PUSH}}, 400),
        ("POST", "stream", {"delivery": {"method": PUSH, "endpoint_url": "ftp://x"}}, 400),
        ("POST", "stream", {"events_requested": "all"}, 400),
        ("POST", "stream", {"description": 5}, 400),
        ("PATCH", "stream", {"delivery": {"method": POLL}}, 400),
        ("PATCH", "stream", {"stream_id": "unknown"}, 404),
        ("DELETE", "stream", {}, 400),
        ("POST", "status", {"stream_id": "unknown", "status": "paused"}, 404),
        ("POST", "verification", {"state": "x"}, 400),
    ],
)
def test_what_is_asked_wrongly_is_refused_by_the_status_of_the_standard(
    caller: Caller, method: str, path: str, body: dict[str, object], status: int
) -> None:
    assert caller.ask(method, path, **body).status_code == status
    assert caller.ask("GET", "stream").json() == []


def test_a_stream_is_asked_wrongly_too(mock: Mock, caller: Caller) -> None:
    name = caller.make()["stream_id"]
    asked = [
        caller.ask("POST", "stream", delivery={"method": POLL}),
        caller.ask("POST", "status", stream_id=name, status="gone"),
        caller.ask("POST", "subjects:add", stream_id=name, subject={"format": "email", "email": "a@b.test"}),
        caller.ask("POST", f"poll/{name}", maxEvents=-1),
        caller.ask("POST", f"poll/{name}", ack="all"),
    ]
    assert [answer.status_code for answer in asked] == [409, 400, 404, 400, 400]
    headers = {"authorization": "Bearer token-of-one"}
    broken = mock.direct.post(f"{mock.issuer}/ssf/v1/stream", headers=headers, content=b"{")
    assert broken.status_code == 400


def test_the_transmitter_itself_changes_a_stream_and_says_so(mock: Mock, caller: Caller) -> None:
    name = caller.make()["stream_id"]
    assert mock.post("/mock/signals", {"stream": name, "status": "paused"}).status_code == 200

    (token,) = caller.poll(name)["sets"].values()
    assert list(part_of(token, 1)["events"].values()) == [{"status": "paused"}]
    assert mock.post("/mock/signals", {"stream": "unknown", "status": "paused"}).status_code == 400
    assert mock.post("/mock/signals", {"person": "employee", "subject": "session"}).status_code == 400


def test_odd_questions_are_refused_and_break_nothing(mock: Mock, caller: Caller) -> None:
    headers = {"authorization": "Bearer token-of-one"}
    deep = mock.direct.post(f"{mock.issuer}/ssf/v1/stream", headers=headers, content=b"[" * 100_000)
    push = {"method": PUSH, "endpoint_url": "http://127.0.0.1:9/", "authorization_header": "Bearer tóken\r\n"}
    assert [deep.status_code, caller.ask("POST", "stream", delivery=push).status_code] == [400, 400]
    by_hand = mock.direct.post(f"{mock.origin}/mock/signals", content=b"[" * 100_000)
    assert by_hand.status_code == 400
