"""Activating app and SMS: identity first, then the secret or the phone, then proof that it works."""

import base64
import re

from mock_idp.signin.totp import code_for, step_at
from tests.mock_idp.signin.mock_server import EID, ITSME, MockServer, Visitor


def to_the_secret(visitor: Visitor, start: str, person: str = "nobody") -> bytes:
    visitor.get(f"{start}/activate/app?card={person}")
    visitor.post(f"{start}/activate/app", card=person, pin="1234")
    found = re.search(r'class="code secret">([A-Z2-7 ]+)<', visitor.page)
    assert found, visitor.text
    return base64.b32decode(found[1].replace(" ", ""))


def now_code(mock: MockServer, secret: bytes) -> str:
    return code_for(secret, step_at(mock.clock.seconds()))


def test_an_activated_app_signs_in_at_once_and_at_the_next_visit(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    secret = to_the_secret(visitor, start)
    visitor.post(f"{start}/activate/app/connect", code=now_code(mock, secret))
    assert "Activated" in visitor.heading
    visitor.post(f"{start}/activate/app/done")
    assert visitor.has_a_code
    mock.clock.forward(seconds=60)
    later = mock.visitor()
    start = later.begin()
    later.get(f"{start}/app?user=nobody")
    later.post(f"{start}/app", user="nobody", code=now_code(mock, secret))
    assert later.has_a_code


def test_the_code_that_confirmed_the_activation_does_not_sign_in_again(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    secret = to_the_secret(visitor, start)
    code = now_code(mock, secret)
    visitor.post(f"{start}/activate/app/connect", code=code)
    visitor.get(f"{start}/app?user=nobody")
    visitor.post(f"{start}/app", user="nobody", code=code)
    assert "used already" in visitor.text


def test_a_new_app_ends_the_old_one_but_only_once_confirmed(mock: MockServer) -> None:
    visitor, phone = mock.visitor(), mock.visitor()
    start = visitor.begin()
    secret = to_the_secret(visitor, start, "employee")
    assert "had activated an app before" in visitor.text
    phone.get("/phone/employee")
    assert phone.page.count('class="big-code"') == 2
    visitor.post(f"{start}/activate/app/connect", code=now_code(mock, secret))
    phone.get("/phone/employee")
    assert phone.page.count('class="big-code"') == 1


def test_the_page_shows_the_secret_as_qr_code_and_as_text(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    to_the_secret(visitor, start)
    assert 'src="data:image/svg+xml' in visitor.page
    assert 'href="otpauth://totp/' in visitor.page


def test_no_activation_without_the_pin_of_the_card(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/activate/app?card=nobody")
    visitor.post(f"{start}/activate/app", card="nobody", pin="0000")
    assert "You have 2 tries left" in visitor.text
    for path in ("connect", "done"):
        visitor.get(f"{start}/activate/app/{path}")
        assert "insert your eID" in visitor.heading
        visitor.post(f"{start}/activate/app/{path}", token=visitor.token, code="123456")
        assert not visitor.answer


def test_activation_is_not_done_before_the_code_is_confirmed(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    to_the_secret(visitor, start)
    token = visitor.token
    visitor.get(f"{start}/activate/app/done")
    assert "insert your eID" in visitor.heading
    visitor.post(f"{start}/activate/app/done", token=token)
    assert not visitor.answer
    visitor.post(f"{start}/activate/app/connect", token=token, code="x")
    assert "not right" in visitor.text


def test_wrong_codes_at_activation_count_and_block(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    to_the_secret(visitor, start)
    token = visitor.token
    for _ in range(5):
        visitor.post(f"{start}/activate/app/connect", token=token, code="x")
    assert visitor.status == 429


def test_an_activated_phone_signs_in_at_once_and_gets_codes_later(mock: MockServer) -> None:
    visitor, phone = mock.visitor(), mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/activate/sms?card=nobody")
    visitor.post(f"{start}/activate/sms", card="nobody", pin="1234")
    visitor.post(f"{start}/activate/sms/connect", phone="0470 00 00 01")
    phone.get("/phone/legal-representative")
    found = re.search(r'class="message-code">(\d+)<', phone.page)
    assert found
    visitor.post(f"{start}/activate/sms/confirm", code="x")
    assert "not right" in visitor.text
    visitor.post(f"{start}/activate/sms/confirm", code=found[1])
    assert "Activated" in visitor.heading
    visitor.post(f"{start}/activate/sms/done")
    assert visitor.has_a_code
    later = mock.visitor()
    start = later.begin()
    later.get(f"{start}/sms")
    later.post(f"{start}/sms", user="nobody")
    assert later.heading == "Type the code of the text message"


def test_a_number_that_no_test_phone_has_is_refused(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/activate/sms?card=nobody")
    visitor.post(f"{start}/activate/sms", card="nobody", pin="1234")
    for typed in ("0499 99 99 99", "02 553 17 00", "call me", ""):
        visitor.post(f"{start}/activate/sms/connect", phone=typed)
        assert "no test phone with that number" in visitor.text


def test_an_activation_code_by_sms_lasts_five_minutes(mock: MockServer) -> None:
    visitor, phone = mock.visitor(), mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/activate/sms?card=nobody")
    visitor.post(f"{start}/activate/sms", card="nobody", pin="1234")
    visitor.post(f"{start}/activate/sms/connect", phone="0470 00 00 01")
    phone.get("/phone/legal-representative")
    found = re.search(r'class="message-code">(\d+)<', phone.page)
    assert found
    mock.clock.forward(minutes=5, seconds=1)
    visitor.post(f"{start}/activate/sms/confirm", code=found[1])
    assert "older than five minutes" in visitor.text
    visitor.get(f"{start}/activate/sms/done")
    assert "insert your eID" in visitor.heading


def test_sms_activation_is_not_done_without_its_steps(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    for path in ("connect", "confirm", "done"):
        visitor.get(f"{start}/activate/sms/{path}")
        assert "insert your eID" in visitor.heading
        visitor.post(f"{start}/activate/sms/{path}", token=visitor.token, phone="0470 00 00 01", code="123456")
        assert not visitor.answer


def test_what_was_activated_does_not_sign_in_where_a_safer_way_is_asked(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin(acr=f"{EID} {ITSME}")
    secret = to_the_secret(visitor, start)
    visitor.post(f"{start}/activate/app/connect", code=now_code(mock, secret))
    assert "does not accept it" in visitor.text
    visitor.post(f"{start}/activate/app/done")
    assert visitor.heading == "Choose how to sign in"
    assert not visitor.answer
