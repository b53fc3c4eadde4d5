"""A sign-in belongs to one browser, its forms to its own pages, and it ends when it ends."""

import re

from tests.mock_idp.signin.mock_server import MockServer, Visitor


def with_pin(visitor: Visitor, start: str, person: str = "employee") -> None:
    visitor.get(f"{start}/eid?card={person}")
    visitor.post(f"{start}/eid", card=person, pin="1234")


def test_another_browser_cannot_go_on_with_a_sign_in(mock: MockServer) -> None:
    start = mock.visitor().begin()
    thief = mock.visitor()
    thief.begin()  # has a browser cookie of its own
    thief.get(start)
    assert thief.status == 403
    assert "another browser" in thief.heading
    thief.post(f"{start}/eid", token="00", card="employee", pin="1234")
    assert thief.status == 403
    assert not thief.answer


def test_a_form_without_the_token_does_nothing(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.post(f"{start}/eid", token="00", card="employee", pin="1234")
    assert visitor.status == 403
    assert not visitor.answer
    with_pin(visitor, start)
    assert visitor.has_a_code


def test_the_token_of_another_sign_in_of_the_same_browser_does_nothing(mock: MockServer) -> None:
    visitor = mock.visitor()
    visitor.begin()
    other = visitor.token
    start = visitor.begin()
    visitor.post(f"{start}/cancel", token=other)
    assert visitor.status == 403


def test_a_form_of_another_phone_does_nothing(mock: MockServer) -> None:
    visitor, phone = mock.visitor(), mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/itsme")
    visitor.post(f"{start}/itsme", user="employee")
    phone.get("/phone/employee")
    request = re.search(r'name="request" value="([^"]+)"', phone.page)
    assert request
    phone.get("/phone/auditor")
    phone.post("/phone/employee", token="00", request=request[1], code="12345", do="confirm")
    assert "too old" in phone.text
    phone.get("/phone/auditor")
    visitor.get(f"{start}/itsme/wait")
    assert visitor.heading == "Confirm on your phone"


def test_two_tabs_of_one_browser_both_finish(mock: MockServer) -> None:
    visitor = mock.visitor()
    first, second = visitor.begin(), visitor.begin()
    assert first != second
    with_pin(visitor, second)
    assert visitor.has_a_code
    code = visitor.answer["code"]
    with_pin(visitor, first, "auditor")
    assert visitor.has_a_code
    assert visitor.answer["code"] != code


def test_the_same_sign_in_in_two_tabs_finishes_once(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/eid?card=employee")
    token = visitor.token
    visitor.post(f"{start}/eid", card="employee", pin="1234")
    assert visitor.has_a_code
    visitor.post(f"{start}/eid", token=token, card="employee", pin="1234")
    assert visitor.status == 410
    assert "Back to Proefdienst to start again" in visitor.text


def test_a_sign_in_that_took_too_long_says_where_to_start_again(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    mock.clock.forward(minutes=31)
    visitor.get(start)
    assert visitor.status == 410
    assert f'href="{mock.client_home}/"' in visitor.page


def test_a_sign_in_that_never_was_reveals_nothing(mock: MockServer) -> None:
    visitor = mock.visitor()
    visitor.get("/signin/never-was")
    assert visitor.status == 410
    assert "Proefdienst" not in visitor.text


def test_another_browser_is_not_told_whose_sign_in_it_was(mock: MockServer) -> None:
    start = mock.visitor().begin()
    mock.clock.forward(minutes=31)
    other = mock.visitor()
    other.get(start)
    assert "Proefdienst" not in other.text


def test_a_code_form_sent_twice_still_ends_well(mock: MockServer) -> None:
    """A double click: the browser drops the first answer and shows the second."""
    visitor = mock.visitor()
    start = visitor.begin("acm-asks")
    visitor.get(f"{start}/app?user=two-organisations")
    token = visitor.token
    phone = mock.visitor()
    phone.get("/phone/two-organisations")
    found = re.search(r'class="big-code">([\d ]+)<', phone.page)
    assert found
    for _ in range(2):
        visitor.post(f"{start}/app", token=token, user="two-organisations", code=found[1])
        assert visitor.heading == "Choose an organisation"


def test_a_reset_of_the_world_forgets_sign_ins_and_blocks(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/eid?card=employee")
    token = visitor.token
    for _ in range(3):
        visitor.post(f"{start}/eid", token=token, card="employee", pin="9999")
    mock.world.reset()
    start = visitor.begin()
    with_pin(visitor, start)
    assert visitor.has_a_code


def test_cookies_are_kept_from_scripts_and_from_other_sites_posts(mock: MockServer) -> None:
    visitor = mock.visitor()
    answer = visitor.client.get(mock.address(), follow_redirects=True)
    cookies = answer.headers.get_list("set-cookie")
    assert cookies
    assert all("httponly" in cookie.lower() and "samesite=lax" in cookie.lower() for cookie in cookies)


def test_pages_allow_nothing_from_elsewhere_and_forms_only_lead_back(mock: MockServer) -> None:
    visitor = mock.visitor()
    answer = visitor.client.get(mock.address(), follow_redirects=True)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert f"form-action 'self' {mock.client_home};" in policy
    assert answer.headers["cache-control"] == "no-store"


def test_no_page_shows_a_national_number(mock: MockServer) -> None:
    numbers = [person.national_number for person in mock.world.current.people]
    visitor = mock.visitor()
    start = visitor.begin()
    for path in ("/eid", "/itsme", "/app", "/sms", "/federal-token"):
        visitor.get(start + path)
        digits = re.sub(r"[.\- ]", "", visitor.page)
        assert not [number for number in numbers if number in digits]
