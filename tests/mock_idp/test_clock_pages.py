"""*Verplaats de klok* and *Begin opnieuw*, and who may send their forms and pull the strings beside them."""

import re
from datetime import timedelta

import httpx2
import pytest

from mock_idp.pages import HERE, site
from pagekit.kit import PageKit
from tests.mock_idp.provider import Mock, Party

CLOCK, RESET = "/mock/klok", "/mock/opnieuw"


def send(acm: Mock, path: str, headers: dict[str, str] | None = None, **fields: str) -> httpx2.Response:
    own = {"origin": acm.origin} if headers is None else headers
    return acm.direct.post(f"{acm.origin}{path}", data=fields or {"go": "yes"}, headers=own)


def test_the_page_tells_the_next_days_and_why(acm: Mock) -> None:
    page = acm.direct.get(f"{acm.origin}{CLOCK}", headers={"accept-language": "en"}).text
    tomorrow = acm.clock.real_day() + timedelta(days=1)

    assert "That is the real day." in page
    assert f"{tomorrow:%d}".lstrip("0") in page
    assert "Last day of the right of" in page
    assert "Hondt-Müller" in page
    assert "in 200 organisations" in page
    assert "Drukkerij Voorbij BV</bdi> ceases" in page


def test_a_button_moves_the_clock_and_another_brings_it_back(acm: Mock) -> None:
    day = acm.clock.real_day() + timedelta(days=9)

    answer = send(acm, CLOCK, to=day.isoformat())

    assert answer.status_code == 303
    assert "De klok is verplaatst" in acm.get(answer.headers["location"]).text
    assert acm.get("/mock/clock").json() == {"day": day.isoformat(), "moved_by_days": 9}
    send(acm, CLOCK, to="real")
    assert acm.get("/mock/clock").json()["moved_by_days"] == 0


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y"])
def test_a_typed_day_moves_the_clock(acm: Mock, form: str) -> None:
    day = acm.clock.real_day() + timedelta(days=400)

    assert send(acm, CLOCK, day=f" {day.strftime(form)} ").status_code == 303

    assert acm.get("/mock/clock").json()["moved_by_days"] == 400


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("", "Dit is geen dag"),
        ("morgen", "Dit is geen dag"),
        ("2028-06-26", "Dit is geen dag"),
        ("26/06/28", "Dit is geen dag"),
        ("26/13/2028", "Dit is geen dag"),
        ("30/02/2028", "Die dag bestaat niet"),
        ("31/12/1899", "hoogstens honderd jaar"),
        ("01/01/10000", "hoogstens honderd jaar"),
        ("<b>", "Dit is geen dag"),
    ],
)
def test_what_is_no_day_is_told_and_moves_nothing(acm: Mock, typed: str, complaint: str) -> None:
    answer = send(acm, CLOCK, day=typed)

    assert answer.status_code == 400
    assert complaint in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "<b>" not in answer.text
    assert acm.get("/mock/clock").json()["moved_by_days"] == 0


@pytest.mark.parametrize("to", ["tomorrow", "1500-01-01", "9999-12-31"])
def test_a_forged_button_moves_nothing(acm: Mock, to: str) -> None:
    assert send(acm, CLOCK, to=to).status_code == 400
    assert acm.post("/mock/clock", {"day": to}).status_code == 400
    assert acm.get("/mock/clock").json()["moved_by_days"] == 0


def test_begin_again_says_what_is_lost_and_does_it_after_confirmation(acm: Mock, party: Party) -> None:
    send(acm, CLOCK, to=(acm.clock.real_day() + timedelta(days=5)).isoformat())
    token = party.tokens()["access_token"]
    page = acm.get(RESET).text
    assert "Wat er verloren gaat" in page
    assert "De verplaatste dag" in page
    assert party.userinfo(token).status_code == 200

    answer = send(acm, RESET)

    assert answer.status_code == 303
    assert "De wereld is weer zoals in het begin" in acm.get(answer.headers["location"]).text
    assert acm.get("/mock/clock").json()["moved_by_days"] == 0
    assert party.userinfo(token).status_code == 401


@pytest.mark.parametrize("path", [CLOCK, RESET])
def test_a_form_without_a_word_about_its_page_changes_nothing(acm: Mock, path: str) -> None:
    acm.post("/mock/clock", {"day": "2031-05-01"})

    answer = send(acm, path, {}, to="real")

    assert answer.status_code == 403
    assert "Er is niets veranderd" in answer.text
    assert acm.get("/mock/clock").json()["day"] == "2031-05-01"


@pytest.mark.parametrize("path", ["/mock/clock", "/mock/reset", "/mock/next-login", "/mock/signals", CLOCK, RESET])
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
    ],
    ids=str,
)
def test_a_page_of_another_site_pulls_no_strings(acm: Mock, path: str, headers: dict[str, str]) -> None:
    acm.post("/mock/clock", {"day": "2031-05-01"})

    answer = acm.direct.post(acm.origin + path, content='{"day": "2032-01-01"}', headers=headers)

    assert answer.status_code == 403
    assert acm.get("/mock/clock").json()["day"] == "2031-05-01"


def test_the_day_is_told_as_links_and_dates_that_exist(acm: Mock) -> None:
    page = acm.get(CLOCK).text
    values = re.findall(r'name="to" value="([^"]+)"', page)

    assert len(values) > 10
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", value) for value in values)


def test_no_dutch_is_missing_in_the_python_of_these_pages() -> None:
    kit = PageKit(templates=HERE / "templates", locales=HERE / "locales", site=site())

    assert kit.missing("nl", sources=(HERE / "world_pages.py", HERE / "moved_day.py")) == ()


def test_many_happenings_of_one_day_are_counted_and_rights_come_first(acm: Mock) -> None:
    page = acm.direct.get(f"{acm.origin}{CLOCK}", headers={"accept-language": "en"}).text

    assert re.search(r"and \d+ more", page)
    first_card = page.split("<h3", 2)[1]
    assert first_card.index("right of") < first_card.index("working relation of")
