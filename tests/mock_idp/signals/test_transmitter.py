"""What the mock government announces, to whom, in which order, and how often it tries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError
from sqlalchemy import select
from sqlalchemy.orm import Session

from mock_idp.world.live import LiveWorld
from mock_idp.world.tables import PersonRow, RelationRow
from tests.mock_idp.idm.visit import ORIGIN, government
from tests.mock_idp.provider import CALLBACK, SECRET, Mock
from tests.mock_idp.signals.receiver import Receiver, part_of, receiving

EVENT = "https://schemas.openid.net/secevent/caep/event-type/token-claims-change"
AUDIENCE = "https://inkom.example"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def listening(receiver: Receiver) -> dict[str, object]:
    return {"signals_uri": receiver.uri, "signals_audience": AUDIENCE, "signals_token": "a-token-to-show"}


@pytest.fixture
def mock(acm: Mock, receiver: Receiver) -> Mock:
    acm.register("listener", **listening(receiver))
    return acm


def send(mock: Mock, person: str = "employee", **more: object) -> list[dict[str, Any]]:
    """Announce by hand; returns what was sent so far and how it was answered."""
    answer = mock.post("/mock/signals", {"person": person, **more})
    assert answer.status_code == 200, answer.text
    signals: list[dict[str, Any]] = answer.json()["signals"]
    return signals


def test_an_event_is_signed_by_the_provider_for_this_receiver_about_this_person(mock: Mock, receiver: Receiver) -> None:
    (sent,) = send(mock)

    (token,), (headers,) = receiver.tokens, receiver.headers
    verified = jwt.decode(token, mock.keys(), algorithms=["RS256"])
    assert verified.header["typ"] == "secevent+jwt"
    assert (verified.claims["iss"], verified.claims["aud"]) == (mock.issuer, AUDIENCE)
    assert verified.claims["jti"] == sent["id"]
    assert verified.claims["sub_id"]["format"] == "iss_sub"
    assert verified.claims["sub_id"]["iss"] == mock.issuer
    assert list(verified.claims["events"]) == [EVENT]
    assert not {"sub", "exp"} & verified.claims.keys()
    assert headers["content-type"] == "application/secevent+jwt"
    assert headers["authorization"] == "Bearer a-token-to-show"
    assert (sent["status"], sent["tries"]) == (202, 1)


def test_the_subject_is_the_one_of_the_sign_in_and_no_national_number(mock: Mock, receiver: Receiver) -> None:
    send(mock, "employee")
    send(mock, "legal-representative")

    employee, other = (claims["sub_id"]["sub"] for claims in receiver.claims)
    assert employee != other
    assert not employee.isdigit()


@pytest.mark.parametrize(
    "kind", ["session-revoked", "token-claims-change", "credential-change", "assurance-level-change"]
)
def test_each_kind_of_event_can_be_sent_by_hand(mock: Mock, receiver: Receiver, kind: str) -> None:
    send(mock, event=kind)

    assert [name.rpartition("/")[2] for name in receiver.claims[0]["events"]] == [kind]


def test_a_receiver_that_cannot_take_an_event_gets_the_same_one_again(mock: Mock, receiver: Receiver) -> None:
    receiver.statuses = [503, 429]

    (sent,) = send(mock)

    assert (sent["status"], sent["tries"]) == (202, 3)
    assert len(set(receiver.tokens)) == 1


def test_a_receiver_that_refuses_is_not_asked_again(mock: Mock, receiver: Receiver) -> None:
    receiver.statuses = [400]

    (sent,) = send(mock)

    assert (sent["status"], sent["tries"]) == (400, 1)


def test_a_later_event_waits_for_an_earlier_one_and_is_not_forgotten(acm: Mock, receiver: Receiver) -> None:
    acm.register("listener", **listening(receiver))
    receiver.statuses = [503]

    for person in ("employee", "auditor"):
        send(acm, person)

    assert [one["status"] for one in send(acm, "nobody")] == [202, 202, 202]
    subjects = [claims["sub_id"]["sub"] for claims in receiver.claims]
    assert subjects[0] == subjects[1]
    assert len(set(subjects)) == 3


@pytest.mark.parametrize(
    ("twist", "wrong"),
    [
        ("wrong-audience", {"aud": "somebody-else"}),
        ("wrong-issuer", {"iss": "https://idp.elsewhere.example/op"}),
        ("without-id", {"jti": None}),
    ],
)
def test_a_claim_can_be_made_wrong_to_try_a_receiver(
    mock: Mock, receiver: Receiver, twist: str, wrong: dict[str, object]
) -> None:
    send(mock, twist=twist)

    (claims,) = receiver.claims
    assert {name: claims.get(name) for name in wrong} == wrong


def test_an_event_can_be_too_old_about_nobody_of_another_type_or_badly_signed(mock: Mock, receiver: Receiver) -> None:
    for twist in ("old", "unknown-person", "wrong-type", "wrong-key"):
        send(mock, twist=twist)

    old, unknown, _, _ = receiver.claims
    assert old["iat"] < unknown["iat"] - 3000
    assert unknown["sub_id"]["sub"] != old["sub_id"]["sub"]
    assert part_of(receiver.tokens[2], 0)["typ"] == "JWT"
    with pytest.raises(BadSignatureError):
        jwt.decode(receiver.tokens[3], mock.keys(), algorithms=["RS256"])


def test_an_event_can_be_sent_twice_under_one_id_which_no_other_event_has(mock: Mock, receiver: Receiver) -> None:
    send(mock)
    send(mock, twist="twice")

    before, first, second = (claims["jti"] for claims in receiver.claims)
    assert first == second
    assert before != first


@pytest.mark.parametrize(
    "body",
    [{}, {"person": "unheard-of"}, {"person": "employee", "event": "party"}, {"person": "employee", "twist": 1}, []],
)
def test_what_cannot_be_sent_is_explained(mock: Mock, receiver: Receiver, body: object) -> None:
    answer = mock.post("/mock/signals", body)

    assert answer.status_code == 400
    assert "token-claims-change" in answer.json()["error"]
    assert receiver.tokens == []


def test_the_transmitter_describes_itself(mock: Mock) -> None:
    described = mock.get("/.well-known/ssf-configuration/op").json()

    assert described["issuer"] == mock.issuer
    assert mock.direct.get(described["jwks_uri"]).status_code == 200
    assert described["delivery_methods_supported"] == ["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"]


# ------------------------------------------------------------------------------------------ what is announced by itself
@asynccontextmanager
async def in_this_process(receiver: Receiver) -> AsyncIterator[tuple[LiveWorld, httpx2.AsyncClient]]:
    """The mock's world to change as its pages do, and a client to ask what was announced."""
    async with (
        government() as (app, _),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=ORIGIN) as client,
    ):
        more = {"redirect_uris": [CALLBACK], "client_secret": SECRET}
        answer = await client.post("/mock/clients", json={"client_id": "listener", **more, **listening(receiver)})
        assert answer.status_code == 201, answer.text
        app.state.world.reset()  # what an earlier test changed was put back, and that was announced
        yield app.state.world, client


def pause(session: Session, person: str) -> None:
    for relation in session.scalars(select(RelationRow).join(RelationRow.person).where(PersonRow.key == person)):
        relation.status = "paused"


async def announced(client: httpx2.AsyncClient) -> list[tuple[str, str]]:
    """Who, and what, once all is delivered: an event about somebody else is sent behind those that wait."""
    answer = await client.post("/mock/signals", json={"person": "nobody"})
    *sent, last = answer.json()["signals"]
    assert (last["person"], last["status"]) == ("nobody", 202)
    return [(one["person"], one["event"]) for one in sent]


async def test_a_change_in_user_management_is_announced_for_the_person_it_is_about(receiver: Receiver) -> None:
    async with in_this_process(receiver) as (world, client):
        with world.changing() as session:
            pause(session, "employee")

        assert await announced(client) == [("employee", "token-claims-change")]
    assert len(receiver.tokens) == 2


def fail_to_pause(world: LiveWorld, person: str) -> None:
    with world.changing() as session:
        pause(session, person)
        session.flush()
        raise ZeroDivisionError


async def test_a_change_that_was_undone_is_not_announced(receiver: Receiver) -> None:
    async with in_this_process(receiver) as (world, client):
        with pytest.raises(ZeroDivisionError):
            fail_to_pause(world, "employee")

        assert await announced(client) == []


async def test_what_waits_is_forgotten_with_the_world_and_what_comes_after_is_sent(receiver: Receiver) -> None:
    receiver.statuses = [503] * 3
    async with in_this_process(receiver) as (world, client):
        with world.changing() as session:
            pause(session, "employee")
        world.reset()
        receiver.statuses.clear()
        with world.changing() as session:
            pause(session, "auditor")
            pause(session, "older-right")

        kind = "token-claims-change"
        assert await announced(client) == [("employee", kind), ("older-right", kind)]


async def test_a_reset_is_announced_for_those_whose_standing_it_changes_and_a_second_one_for_nobody(
    receiver: Receiver,
) -> None:
    async with in_this_process(receiver) as (world, client):
        with world.changing() as session:
            pause(session, "employee")
        world.reset()
        assert await announced(client) == [("employee", "token-claims-change")]

        world.reset()
        assert await announced(client) == []
