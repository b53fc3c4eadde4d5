"""The page with the five methods: what is marked, what can't be chosen and why, help, and the way out."""

import re

import pytest

from mock_idp.acm.methods import Method
from mock_idp.signin.choice import cards_for
from tests.mock_idp.signin.mock_server import EID, ITSME, MockServer


def test_the_five_methods_stand_on_the_page_in_the_order_of_the_guide(mock: MockServer) -> None:
    visitor = mock.visitor("nl")
    visitor.begin()
    assert visitor.heading == "Kies manier van aanmelden"
    names = ("eID en aangesloten kaartlezer", "mobiele app", "itsme®", "via SMS", "Federaal token")
    places = [visitor.text.index(name) for name in names]
    assert places == sorted(places)
    assert visitor.text.count("Eerste gebruik? Manier van aanmelden eerst activeren") == 2
    assert visitor.text.count("Meer info") >= 5
    assert "gemakkelijkste keuze" in visitor.text
    assert "uw laatste keuze" not in visitor.text
    assert "U meldt zich aan bij Proefdienst" in visitor.text


def test_methods_below_the_asked_level_are_shown_with_the_reason_and_lead_nowhere(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin(acr=f"{EID} {ITSME}")
    assert visitor.text.count("Not selectable: this service asks for a safer way to sign in.") == 3
    assert f'href="{start}/eid"' in visitor.page
    assert f'href="{start}/app"' not in visitor.page
    visitor.get(f"{start}/app?user=employee")
    assert visitor.heading == "Choose how to sign in"
    visitor.post(f"{start}/app", user="employee", code="123456")
    assert visitor.heading == "Choose how to sign in"


def test_a_stronger_method_that_is_not_accepted_says_so_in_other_words() -> None:
    cards = {card.method: card for card in cards_for((Method.APP,), last=None)}
    assert cards[Method.EID].refusal == "Not selectable: this service does not accept this way to sign in."
    assert cards[Method.FEDERAL_TOKEN].refusal == "Not selectable: this service asks for a safer way to sign in."
    assert cards[Method.APP].refusal is None


def test_the_last_choice_is_remembered_by_the_browser(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/eid?card=employee")
    visitor.post(f"{start}/eid", card="employee", pin="1234")
    visitor.begin(prompt="login")
    assert re.search(r"your last choice\s*</span>\s*<span class=\"choice-title\">eID", visitor.page)


def test_a_nonsense_cookie_marks_nothing() -> None:
    assert not any(card.is_last for card in cards_for(tuple(Method), last="carrier-pigeon"))


def test_when_nothing_can_be_chosen_the_page_says_so_and_offers_the_way_back(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin(acr="urn:be:vlaanderen:authmech:tlsclient")
    assert visitor.heading == "You can't sign in here in any of these ways"
    visitor.post(f"{start}/cancel")
    assert visitor.answer["error"] == "access_denied"


def test_cancelling_returns_the_standard_error_with_state(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/eid?card=employee")
    visitor.post(f"{start}/cancel")
    assert visitor.answer["error"] == "access_denied"
    assert visitor.answer["state"] == "the-state"
    visitor.get(start)
    assert visitor.status == 410


def test_help_says_whom_to_call(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin()
    visitor.get(f"{start}/help")
    assert "1700" in visitor.text


@pytest.mark.parametrize(
    ("language", "heading"), [("nl", "Kies manier van aanmelden"), ("en", "Choose how to sign in")]
)
def test_a_language_that_was_clicked_stays(mock: MockServer, language: str, heading: str) -> None:
    visitor = mock.visitor("en" if language == "nl" else "nl")
    start = visitor.begin()
    visitor.get(f"{start}?lang={language}")
    visitor.get(start)
    assert visitor.heading == heading
