"""The simulated phones and paper cards, and what is remembered between two requests."""

import re

from mock_idp.signin import kept
from mock_idp.signin.kept import Kept
from tests.mock_idp.signin.mock_server import MockServer


def test_every_test_person_has_a_phone_and_a_paper_card(mock: MockServer) -> None:
    visitor = mock.visitor()
    visitor.get("/phone")
    phones = re.findall(r'href="(/phone/[a-z-]+)"', visitor.page)
    assert len(phones) == len(mock.world.current.cast)
    for phone in phones:
        visitor.get(phone)
        assert visitor.status == 200
        visitor.get(phone.replace("phone", "wallet"))
        assert len(re.findall(r'class="paper-card-code">\d{6}<', visitor.page)) == 24


def test_nobody_else_has(mock: MockServer) -> None:
    visitor = mock.visitor()
    for address in ("/phone/no-such-person", "/wallet/no-such-person"):
        visitor.get(address)
        assert visitor.status == 404
        assert "no such test person" in visitor.heading
    visitor.post("/phone/no-such-person", code="12345")
    assert visitor.status == 404
    assert visitor.client.get("/phone/no-such-person/state").status_code == 404


def test_the_phone_s_state_changes_with_what_it_shows(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    before = visitor.client.get("/phone/citizen/state").json()
    visitor.get(f"{start}/sms")
    visitor.post(f"{start}/sms", user="citizen")
    assert visitor.client.get("/phone/citizen/state").json() != before


def test_a_request_that_was_refused_cannot_be_confirmed_afterwards(mock: MockServer) -> None:
    visitor, phone = mock.visitor(), mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/itsme")
    visitor.post(f"{start}/itsme", user="employee")
    phone.get("/phone/employee")
    found = re.search(r'name="request" value="([^"]+)"', phone.page)
    assert found
    token = phone.token
    phone.post("/phone/employee", token=token, request=found[1], do="refuse")
    phone.post("/phone/employee", token=token, request=found[1], do="confirm", code="12345")
    assert "answered already" in phone.text
    visitor.get(f"{start}/itsme/wait")
    assert "refused" in visitor.heading


def test_steps_of_a_method_cannot_be_skipped(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    token = visitor.token
    for path in ("/itsme/wait", "/sms/code", "/federal-token/code"):
        visitor.get(start + path)
        assert visitor.at == start + path.rsplit("/", 1)[0]
        visitor.post(start + path, token=token, code="123456")
        assert visitor.at == start + path.rsplit("/", 1)[0]
    visitor.post(f"{start}/eid", token=token, card="no-such-card", pin="1234")
    visitor.post(f"{start}/sms", token=token, user="nobody")
    assert not visitor.answer
    assert visitor.client.get(f"{start}/itsme/state").json() == {"state": "none"}


def test_the_oldest_sign_ins_are_forgotten_when_there_are_too_many() -> None:
    remembered: Kept[int] = Kept()
    for number in range(kept.AT_MOST + 1):
        remembered.put(str(number), number)
    assert remembered.get("0") is None
    assert remembered.get("1") == 1
    assert remembered.take("1") == 1
    assert remembered.take("1") is None
    assert len(remembered.values()) == kept.AT_MOST - 1
