"""People who were added while the mock runs: in every list, with a search once there are many, and without a phone."""

from collections.abc import Mapping

import pytest

from mock_idp.signin.people import TestPerson, list_of
from mock_idp.world.facts import PersonStatus
from mock_idp.world.tables import PersonRow
from tests.mock_idp.signin.mock_server import MockServer, Visitor

TOLD: Mapping[str, str] = {"nl": "Toegevoegd.", "en": "Added."}
LISTS = ("{start}/itsme", "/phone")


def add(mock: MockServer, count: int, *, activated: tuple[str, ...] = (), phone: str = "", **more: object) -> None:
    with mock.world.changing() as session:
        for at in range(count):
            session.add(
                PersonRow(
                    key=f"added-{at}",
                    national_number=f"0{at:02d}",
                    given_name="Toegevoegde",
                    family_name=f"Nummer {at}",
                    phone=phone,
                    activated=list(activated),
                    in_cast=True,
                    in_registers=False,
                    status=PersonStatus.PENDING.value,
                    **{"story": dict(TOLD), **more},
                )
            )


def begun(mock: MockServer) -> tuple[Visitor, str]:
    visitor = mock.visitor()
    return visitor, visitor.begin()


@pytest.mark.parametrize("path", LISTS)
def test_a_long_list_has_a_search_and_a_short_one_has_none(mock: MockServer, path: str) -> None:
    visitor, start = begun(mock)
    visitor.get(path.format(start=start))
    assert 'role="search"' not in visitor.page

    add(mock, 31)
    visitor.get(path.format(start=start) + "?q=nummer 30")

    assert visitor.page.count('<li class="choice') == 1
    assert "Toegevoegde Nummer 30" in visitor.text


@pytest.mark.parametrize("path", LISTS)
def test_a_search_that_finds_nobody_leads_back_to_everybody(mock: MockServer, path: str) -> None:
    add(mock, 31)
    visitor, start = begun(mock)

    visitor.get(path.format(start=start) + "?q=<b>niemand")

    assert "Nobody fits what you typed" in visitor.text
    assert "<b>niemand" not in visitor.page
    assert "Show everybody" in visitor.text


def test_the_search_looks_at_names_keys_and_stories() -> None:
    everybody = tuple(
        TestPerson(key=f"key-{at}", name=f"Naam {at}", story=TOLD, phone="", has_app=False, has_sms=False)
        for at in range(31)
    )

    assert list_of(everybody, "").searchable
    assert not list_of(everybody[:30], "").searchable
    assert [person.key for person in list_of(everybody, " NAAM added 30 ").people] == ["key-30"]
    assert list_of(everybody, "key-4").people == (everybody[4],)


def test_somebody_without_a_phone_number_has_a_phone_all_the_same(mock: MockServer) -> None:
    add(mock, 1)
    visitor = mock.visitor()

    visitor.get("/phone/added-0")

    assert visitor.status == 200
    assert "This phone has no number yet" in visitor.text


def test_somebody_without_a_story_is_shown_without_one(mock: MockServer) -> None:
    add(mock, 1, story={})
    visitor, start = begun(mock)

    for path in (f"{start}/eid", f"{start}/itsme", "/phone"):
        visitor.get(path)
        assert visitor.status == 200
        assert "Toegevoegde Nummer 0" in visitor.text


def test_somebody_without_a_number_is_not_found_by_an_empty_one(mock: MockServer) -> None:
    add(mock, 1)
    visitor, start = begun(mock)

    visitor.get(f"{start}/itsme")
    visitor.post(f"{start}/itsme", phone="")

    assert "No itsme account is known" in visitor.text


def test_sms_that_was_activated_without_a_number_is_not_offered(mock: MockServer) -> None:
    add(mock, 1, activated=("sms",))
    mock.clock.reset()
    visitor, start = begun(mock)

    visitor.get(f"{start}/sms")

    assert "Toegevoegde" not in visitor.text


def test_somebody_without_a_number_activates_sms_with_that_of_a_test_phone(mock: MockServer) -> None:
    add(mock, 1)
    visitor, start = begun(mock)

    visitor.get(f"{start}/activate/sms?card=added-0")
    visitor.post(f"{start}/activate/sms", card="added-0", pin="1234")
    assert "You have none of your own yet" in visitor.text
    visitor.post(f"{start}/activate/sms/connect", phone="0470 00 00 02")

    assert "A message with a code went to" in visitor.text


def test_somebody_who_was_added_signs_in_with_a_request_on_the_phone(mock: MockServer) -> None:
    add(mock, 1)
    visitor, start = begun(mock)

    visitor.get(f"{start}/itsme")
    visitor.post(f"{start}/itsme", user="added-0")

    phone = mock.visitor()
    phone.get("/phone/added-0")
    assert "asks you to sign in" in phone.text
