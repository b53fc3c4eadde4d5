"""What flows through the whole chain: large bodies, event streams, WebSockets; and what ends them, or never passes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import httpx2
import pytest
from websockets.exceptions import InvalidStatus

from broker.demo.options import free_port
from tests.e2e.chain import Chain, Visitor
from tests.e2e.open_streams import (
    APP,
    SOON,
    assert_ended,
    assert_still_open,
    cookies_of,
    open_streams,
    signed_in,
    socket_of,
)
from tests.e2e.second_gateway import second_gateway

CARPENTRY = "1999999052"
MEGABYTE = 1024 * 1024


@pytest.fixture
def employee(chain: Chain) -> Iterator[Visitor]:
    with signed_in(chain, "employee") as visitor:
        yield visitor


# ----------------------------------------------------------------------------------------------------- large bodies
def test_twenty_megabytes_go_up_unchanged(employee: Visitor) -> None:
    body = hashlib.shake_256(b"a large body").digest(20 * MEGABYTE)
    answer = employee.client.post(
        f"{employee.chain.gateway}{APP}/api/echo", content=body, headers={"accept": "application/json"}
    )
    assert answer.json()["body"] == {"length": 20 * MEGABYTE, "sha256": hashlib.sha256(body).hexdigest()}


def test_twenty_megabytes_of_unknown_length_go_up_unchanged(employee: Visitor) -> None:
    block, digest = hashlib.shake_256(b"a block").digest(64 * 1024), hashlib.sha256()

    def blocks() -> Iterator[bytes]:
        for _ in range(20 * MEGABYTE // len(block)):
            digest.update(block)
            yield block

    answer = employee.client.post(f"{employee.chain.gateway}{APP}/api/echo", content=blocks())
    assert answer.json()["body"] == {"length": 20 * MEGABYTE, "sha256": digest.hexdigest()}


@pytest.mark.parametrize("form", ["", "?chunked=1"])
def test_fifty_megabytes_come_down_unchanged(employee: Visitor, form: str) -> None:
    wanted = hashlib.sha256(bytes(range(256)) * (50 * MEGABYTE // 256)).hexdigest()
    digest, length = hashlib.sha256(), 0
    with employee.client.stream("GET", f"{employee.chain.gateway}{APP}/api/download/{50 * MEGABYTE}{form}") as answer:
        for block in answer.iter_raw():
            digest.update(block)
            length += len(block)
    assert (length, digest.hexdigest()) == (50 * MEGABYTE, wanted)


# ---------------------------------------------------------------------------------------- event streams and WebSockets
def test_events_arrive_one_by_one_as_they_are_sent(employee: Visitor) -> None:
    """The stream never ends, so whatever arrives was not held back until the end."""
    with employee.client.stream("GET", f"{employee.chain.gateway}{APP}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        received, blocks = b"", answer.iter_raw()
        while received.count(b"\n\n") < 3:
            received += next(blocks)
    assert received.startswith(b"".join(b'id: %d\ndata: {"count": %d}\n\n' % (n, n) for n in (1, 2, 3)))


def test_a_websocket_says_who_and_returns_text_and_bytes(employee: Visitor) -> None:
    with socket_of(employee) as socket:
        assert json.loads(socket.recv(SOON)) == {
            "name": "Britt Proefman",
            "organisation": "1999999943",
            "role": "user",
        }
        for message in ("goeiedag", "é" * 70_000, b"\x00\xff", ""):
            socket.send(message)
            assert socket.recv(SOON) == message


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost", "http://localhost:1"])
def test_a_page_of_another_site_opens_no_websocket(employee: Visitor, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused, socket_of(employee, origin=origin):
        pass
    assert refused.value.response.status_code == 403


def test_nobody_opens_a_websocket_without_a_session(visitor: Visitor) -> None:
    with pytest.raises(InvalidStatus) as refused, socket_of(visitor):
        pass
    assert refused.value.response.status_code == 401


def test_nobody_opens_a_websocket_who_may_not_enter(chain: Chain) -> None:
    with chain.visitor() as visitor:
        assert visitor.open("expired-right").status_code == 403
        with pytest.raises(InvalidStatus) as refused, socket_of(visitor):
            pass
        assert refused.value.response.status_code == 403


# ------------------------------------------------------------------------------------------------- what ends a stream
def test_signing_out_ends_open_streams_and_leaves_those_of_others(chain: Chain, employee: Visitor) -> None:
    with (
        signed_in(chain, "legal-representative") as other,
        open_streams(employee) as (socket, events),
        open_streams(other) as (other_socket, other_events),
    ):
        employee.follow(employee.post("/_inkom/logout", form_token=employee.form_token()))
        assert_ended(socket, events)
        assert_still_open(other_socket, other_events)


def test_switching_the_organisation_ends_open_streams_of_the_former_one(chain: Chain) -> None:
    with signed_in(chain, "two-organisations") as visitor, open_streams(visitor) as (socket, events):
        assert visitor.choose(CARPENTRY).status_code == 200
        assert_ended(socket, events)
        with socket_of(visitor) as anew:
            assert json.loads(anew.recv(SOON))["organisation"] == CARPENTRY


def test_a_right_that_is_over_at_midnight_ends_open_streams_and_leaves_those_of_others(
    chain: Chain, employee: Visitor
) -> None:
    today = date.fromisoformat(httpx2.get(f"{chain.mock}/mock/clock", trust_env=False).json()["day"])
    with (
        signed_in(chain, "expires-today") as visitor,
        open_streams(visitor) as (socket, events),
        open_streams(employee) as (other_socket, other_events),
    ):
        chain.tell_mock("/mock/clock", day=(today + timedelta(days=1)).isoformat())
        assert_ended(socket, events)
        assert_still_open(other_socket, other_events)
        refused = visitor.get(f"{APP}/", headers={"accept": "application/json"})
        assert (refused.status_code, refused.json()["cause"]) == (403, "right-expired")


# ---------------------------------------------------------------------------------------------- what reaches a backend
SPELLINGS = (
    ("X-Inkom-Person", "somebody-else"),
    ("x-inkom-organisation", "1999999844"),
    ("X-INKOM-ROLE", "legal-representative"),
    ("X_Inkom_Right", "everything"),
    ("X-Inkom_Profile", "everything"),
    ("x_inkom-assurance", "forged"),
    ("X-Inkom-National-Number", "12345678901"),
    ("X-Inkom-Assertion", "forged"),
    ("X-Inkom-Unheard-Of", "forged"),
    ("X.Inkom.Person", "forged"),
)


@pytest.mark.parametrize(("name", "value"), SPELLINGS)
def test_what_a_client_sends_under_the_gateways_names_never_arrives(employee: Visitor, name: str, value: str) -> None:
    answer = employee.get(f"{APP}/api/headers", headers={name: value, "accept": "application/json"})
    assert answer.status_code == 200
    headers = answer.json()["headers"]
    assert value not in [received for _, received in headers]
    alike = [received for received, _ in headers if "inkom" in received.replace("_", "-").replace(".", "-")]
    assert len(alike) == len(set(alike))
    assert "x-inkom-national-number" not in alike
    assert answer.json()["verified"]["name"] == "Britt Proefman"


def test_a_client_cannot_have_the_gateways_headers_dropped_as_hop_by_hop(employee: Visitor) -> None:
    """RFC 9110, section 7.6.1: what `Connection` names is removed, and anybody may name what a backend relies on."""
    named = "close, x-inkom-assertion, x-inkom-person, x-inkom-organisation"
    answer = employee.get(f"{APP}/api/headers", headers={"connection": named, "accept": "application/json"})
    assert answer.status_code == 200
    names = {name for name, _ in answer.json()["headers"]}
    assert names >= {"x-inkom-assertion", "x-inkom-person", "x-inkom-organisation"}


def test_the_gateways_cookies_stay_with_the_gateway_and_others_pass(employee: Visitor) -> None:
    own = {cookie.name for cookie in employee.client.cookies.jar if cookie.name.startswith("inkom")}
    assert own
    cookie = f"{cookies_of(employee)}; basket=7; inkomen=8"
    headers = employee.get(f"{APP}/api/headers", headers={"cookie": cookie}).json()["headers"]
    received = "; ".join(value for name, value in headers if name == "cookie")
    assert "basket=7" in received
    assert "inkomen=8" in received
    assert not any(f"{name}=" in received for name in own)


def test_a_backend_can_set_its_own_cookies_but_none_of_the_gateways(employee: Visitor) -> None:
    session = next(cookie.name for cookie in employee.client.cookies.jar if cookie.name == "inkom-localhost")
    answer = employee.get(f"{APP}/api/set-cookie?{session}=stolen&basket=7")
    assert [value.partition("=")[0] for value in answer.headers.get_list("set-cookie")] == ["basket"]
    assert employee.get(f"{APP}/").status_code == 200


# ----------------------------------------------------------------------------------------------- a backend that is away
def test_a_backend_that_is_away_is_a_page_for_people_and_a_problem_document_for_programs(
    chain: Chain, employee: Visitor, tmp_path: Path
) -> None:
    away = {"INKOM_APPLICATIONS_KMO_PORTEFEUILLE_UPSTREAM": f"http://localhost:{free_port()}"}
    with second_gateway(chain, log=tmp_path / "gateway.log", environment=away) as address:
        page = employee.get(f"{address}{APP}/")
        assert (page.status_code, page.headers["content-type"]) == (502, "text/html; charset=utf-8")
        assert "The application does not answer at the moment." in page.text
        document = employee.get(f"{address}{APP}/", headers={"accept": "application/json"})
        assert (document.status_code, document.headers["content-type"]) == (502, "application/problem+json")
        assert document.json()["reason"] == "application"
        assert document.json()["reference"]
