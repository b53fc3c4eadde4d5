"""Each of the five methods walked over real HTTP: the good way, wrong codes, blocks, and codes that come too late."""

import re

import pytest

from mock_idp.acm.methods import Method
from tests.mock_idp.signin.mock_server import MockServer, Visitor


def code_on_phone(visitor: Visitor, person: str) -> str:
    """The app's code as the simulated phone shows it."""
    phone = visitor.mock.visitor()
    phone.get(f"/phone/{person}")
    return digits_in("big-code", phone.page)


def message_on_phone(visitor: Visitor, person: str) -> str:
    phone = visitor.mock.visitor()
    phone.get(f"/phone/{person}")
    return digits_in("message-code", phone.page)


def digits_in(css_class: str, page: str) -> str:
    found = re.search(rf'class="{css_class}">([\d ]+)<', page)
    assert found, f"no {css_class} on the page"
    return found[1].replace(" ", "")


def other_than(code: str) -> str:
    return str((int(code) + 1) % 1_000_000).zfill(6)


def value_beside(label: str, page: str) -> str:
    found = re.search(rf"<dt>{label}</dt><dd><code[^>]*>(.*?)</code>", page)
    assert found
    return found[1]


def card_number(visitor: Visitor, person: str, position: int) -> str:
    wallet = visitor.mock.visitor()
    wallet.get(f"/wallet/{person}")
    found = re.search(rf'place">{position}</span> <span class="paper-card-code">(\d+)<', wallet.page)
    assert found
    return found[1]


# ---------------------------------------------------------------- eID


def test_eid_signs_in_with_card_and_pin(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/eid")
    assert visitor.heading == "Insert your eID"
    visitor.get(f"{start}/eid?card=employee")
    visitor.post(f"{start}/eid", card="employee", pin="1234")
    assert visitor.has_a_code


def test_cards_can_be_searched_by_name_and_story(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/eid?q=auditor")
    assert "?card=auditor" in visitor.page
    assert "?card=employee" not in visitor.page
    visitor.get(f"{start}/eid?q=no-such-card")
    assert "No card fits" in visitor.text


def test_the_third_wrong_pin_blocks_the_card_even_for_the_right_pin(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/eid?card=employee")
    visitor.post(f"{start}/eid", card="employee", pin="9999")
    assert "You have 2 tries left" in visitor.text
    assert 'aria-describedby="pin-hint pin-error"' in visitor.page
    visitor.post(f"{start}/eid", card="employee", pin="9999")
    assert "once more" in visitor.text
    token = visitor.token
    visitor.post(f"{start}/eid", card="employee", pin="9999")
    assert visitor.status == 429
    assert "2 minutes" in visitor.text
    visitor.post(f"{start}/eid", token=token, card="employee", pin="1234")
    assert visitor.status == 429
    assert not visitor.answer


def test_a_blocked_card_works_again_after_the_wait_and_others_all_along(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/eid?card=employee")
    token = visitor.token
    for _ in range(3):
        visitor.post(f"{start}/eid", token=token, card="employee", pin="9999")
    other = mock.visitor()
    other_start = other.begin()
    other.get(f"{other_start}/eid?card=auditor")
    other.post(f"{other_start}/eid", card="auditor", pin="1234")
    assert other.has_a_code
    mock.clock.forward(minutes=2, seconds=1)
    visitor.get(f"{start}/eid?card=employee")
    visitor.post(f"{start}/eid", card="employee", pin="1234")
    assert visitor.has_a_code


# ---------------------------------------------------------------- itsme


def test_itsme_goes_on_after_confirmation_on_the_phone(mock: MockServer) -> None:
    visitor, phone = mock.visitor(), mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/itsme")
    visitor.post(f"{start}/itsme", phone="0470 00 00 02")
    assert visitor.heading == "Confirm on your phone"
    visitor.post(f"{start}/itsme/wait")
    assert "not been confirmed" in visitor.text
    answer(phone, person="employee", code="12345")
    assert "Confirmed" in phone.text
    assert visitor.client.get(f"{start}/itsme/state").json() == {"state": "confirmed"}
    visitor.get(f"{start}/itsme/wait")
    visitor.post(f"{start}/itsme/wait")
    assert visitor.has_a_code


def answer(phone: Visitor, *, person: str, code: str = "", do: str = "confirm") -> None:
    """Answer the request on the phone. With another picture or number it would be another request."""
    phone.get(f"/phone/{person}")
    found = re.search(r'name="request" value="([^"]+)"', phone.page)
    phone.post(f"/phone/{person}", request=found[1] if found else "none", code=code, do=do)


def test_the_phone_shows_the_same_picture_and_number_as_the_page(mock: MockServer) -> None:
    visitor, phone = mock.visitor(), mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/itsme")
    visitor.post(f"{start}/itsme", user="employee")
    phone.get("/phone/employee")
    pattern = r'<img src="([^"]+)" width="96".*?compare-number">(\d\d)<'
    shown = re.search(pattern, visitor.page, flags=re.S)
    on_phone = re.search(pattern, phone.page, flags=re.S)
    assert shown
    assert on_phone
    assert shown.groups() == on_phone.groups()


def test_a_refused_itsme_request_says_so_and_can_be_sent_again(mock: MockServer) -> None:
    visitor, phone = mock.visitor(), mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/itsme")
    visitor.post(f"{start}/itsme", user="employee")
    answer(phone, person="employee", do="refuse")
    visitor.get(f"{start}/itsme/wait")
    assert visitor.heading == "The request was refused on the phone"
    visitor.post(f"{start}/itsme", user="employee")
    assert visitor.heading == "Confirm on your phone"


def test_an_itsme_request_expires_after_three_minutes(mock: MockServer) -> None:
    visitor, phone = mock.visitor(), mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/itsme")
    visitor.post(f"{start}/itsme", user="employee")
    phone.get("/phone/employee")
    mock.clock.forward(minutes=3, seconds=1)
    visitor.get(f"{start}/itsme/wait")
    assert visitor.heading == "The request was not answered in time"
    found = re.search(r'name="request" value="([^"]+)"', phone.page)
    assert found
    phone.post("/phone/employee", request=found[1], code="12345", do="confirm")
    assert "too late" in phone.text


def test_five_wrong_itsme_codes_refuse_the_request_and_block_itsme(mock: MockServer) -> None:
    visitor, phone = mock.visitor(), mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/itsme")
    visitor.post(f"{start}/itsme", user="employee")
    for _ in range(4):
        answer(phone, person="employee", code="00000")
        assert "not right" in phone.text
    answer(phone, person="employee", code="00000")
    assert "blocked" in phone.text
    visitor.get(f"{start}/itsme/wait")
    assert visitor.status == 429
    visitor.get(f"{start}/itsme")
    visitor.post(f"{start}/itsme", phone="+32470000002")
    assert visitor.status == 429


def test_an_unknown_phone_number_is_said_to_be_unknown(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/itsme")
    visitor.post(f"{start}/itsme", phone="0499 99 99 99")
    assert "No itsme account" in visitor.text
    assert "<title>Error:" in visitor.page


# ---------------------------------------------------------------- app


def test_the_app_s_code_signs_in(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/app")
    visitor.get(f"{start}/app?user=employee")
    visitor.post(f"{start}/app", user="employee", code=code_on_phone(visitor, "employee"))
    assert visitor.has_a_code


def test_a_code_that_signed_in_once_is_refused_the_second_time(mock: MockServer) -> None:
    first, second = mock.visitor(), mock.visitor()
    code = code_on_phone(first, "employee")
    start = first.begin()
    first.get(f"{start}/app?user=employee")
    first.post(f"{start}/app", user="employee", code=code)
    start = second.begin()
    second.get(f"{start}/app?user=employee")
    second.post(f"{start}/app", user="employee", code=code)
    assert "used already" in second.text
    mock.clock.forward(seconds=60)
    second.post(f"{start}/app", user="employee", code=code_on_phone(second, "employee"))
    assert second.has_a_code


def test_wrong_codes_count_for_the_person_over_all_sign_ins(mock: MockServer) -> None:
    wrong = other_than(code_on_phone(mock.visitor(), "employee"))
    for count in range(5):
        visitor = mock.visitor()
        start = visitor.begin()
        visitor.get(f"{start}/app?user=employee")
        visitor.post(f"{start}/app", user="employee", code=wrong)
        assert visitor.status == (429 if count == 4 else 200)


def test_the_second_block_is_longer(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    for minutes in ("2 minutes", "4 minutes"):
        visitor.get(f"{start}/app?user=employee")
        token = visitor.token
        for _ in range(5):
            visitor.post(f"{start}/app", token=token, user="employee", code="x")
        assert minutes in visitor.text
        mock.clock.forward(minutes=4, seconds=1)


def test_someone_without_an_app_is_not_offered_and_not_let_in(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/app")
    assert "?user=nobody" not in visitor.page
    visitor.get(f"{start}/app?user=nobody")
    assert "Who are you?" in visitor.text
    visitor.post(f"{start}/app", token=visitor.token, user="nobody", code="123456")
    assert not visitor.answer


# ---------------------------------------------------------------- SMS


def test_the_code_of_a_text_message_signs_in_once(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/sms")
    visitor.post(f"{start}/sms", user="employee")
    code, token = message_on_phone(visitor, "employee"), visitor.token
    visitor.post(f"{start}/sms/code", code=code)
    assert visitor.has_a_code
    again = mock.visitor()
    start = again.begin()
    again.get(f"{start}/sms")
    again.post(f"{start}/sms/code", code=code, token=again.token)
    assert not again.answer
    assert token != again.token


def test_a_code_of_a_text_message_lasts_five_minutes(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/sms")
    visitor.post(f"{start}/sms", user="employee")
    code = message_on_phone(visitor, "employee")
    mock.clock.forward(minutes=5, seconds=1)
    visitor.post(f"{start}/sms/code", code=code)
    assert "older than five minutes" in visitor.text
    assert not visitor.answer


def test_a_new_code_makes_the_old_one_worthless(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/sms")
    visitor.post(f"{start}/sms", user="employee")
    old = message_on_phone(visitor, "employee")
    visitor.post(f"{start}/sms", user="employee")
    assert "A new code has been sent" in visitor.text
    new = message_on_phone(visitor, "employee")
    if old != new:  # one time in a million they are the same
        visitor.post(f"{start}/sms/code", code=old)
        assert "not right" in visitor.text
    visitor.post(f"{start}/sms/code", code=new)
    assert visitor.has_a_code


def test_no_more_than_five_messages_go_to_one_phone_in_ten_minutes(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/sms")
    for _ in range(6):
        visitor.post(f"{start}/sms", user="employee")
    assert "No more messages" in visitor.text
    mock.clock.forward(minutes=10, seconds=1)
    visitor.post(f"{start}/sms", user="employee")
    assert "A new code has been sent" in visitor.text


def test_five_wrong_sms_codes_block_sms(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/sms")
    visitor.post(f"{start}/sms", user="employee")
    for _ in range(5):
        visitor.post(f"{start}/sms/code", code="x")
    assert visitor.status == 429
    visitor.get(f"{start}/sms")
    visitor.post(f"{start}/sms", user="employee")
    assert visitor.status == 429


# ---------------------------------------------------------------- federal token


def to_the_card(visitor: Visitor, person: str) -> tuple[str, int]:
    """Give user name and password; the position that is asked for is returned."""
    wallet = visitor.mock.visitor()
    wallet.get(f"/wallet/{person}")
    start = visitor.begin()
    visitor.get(f"{start}/federal-token")
    visitor.post(
        f"{start}/federal-token",
        user=value_beside("User name", wallet.page),
        password=value_beside("Password", wallet.page),
    )
    found = re.search(r"code (\d+) of your card", visitor.heading)
    assert found, visitor.text
    return start, int(found[1])


def test_the_federal_token_signs_in_with_password_and_card(mock: MockServer) -> None:
    visitor = mock.visitor()
    start, position = to_the_card(visitor, "employee")
    visitor.post(f"{start}/federal-token/code", code=card_number(visitor, "employee", position))
    assert visitor.has_a_code


def test_the_position_asked_for_stays_until_it_is_answered(mock: MockServer) -> None:
    visitor = mock.visitor()
    start, position = to_the_card(visitor, "employee")
    visitor.post(f"{start}/federal-token/code", code="x")
    assert f"code {position} of your card" in visitor.heading
    _, again = to_the_card(mock.visitor(), "employee")
    assert again == position


def test_wrong_passwords_and_wrong_card_codes_count_together(mock: MockServer) -> None:
    visitor = mock.visitor()
    start, _ = to_the_card(visitor, "employee")
    visitor.post(f"{start}/federal-token/code", code="x")
    visitor.get(f"{start}/federal-token")
    for _ in range(4):
        visitor.post(f"{start}/federal-token", user="employee", password="guess")
    assert visitor.status == 429


def test_an_unknown_user_name_and_a_wrong_password_read_the_same(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/federal-token")
    visitor.post(f"{start}/federal-token", user="no-such-user", password="x")
    assert "The user name or the password is not right." in visitor.text
    visitor.post(f"{start}/federal-token", user="employee", password="x")
    assert "The user name or the password is not right." in visitor.text


def test_the_page_says_that_the_level_of_the_federal_token_is_our_own(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/federal-token")
    assert "test environment's own: urn:be:vlaanderen:authmech:csamtoken" in visitor.text


# ---------------------------------------------------------------- all of them


@pytest.mark.parametrize("method", list(Method))
def test_each_method_has_a_page_of_its_own_in_both_languages(mock: MockServer, method: Method) -> None:
    for language in ("nl", "en"):
        visitor = mock.visitor(language)
        start = visitor.begin()
        visitor.get(f"{start}/{method.value}")
        assert visitor.status == 200
        assert f'<html lang="{language}"' in visitor.page
        assert "Proefdienst" in visitor.text
