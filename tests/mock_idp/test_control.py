"""The strings for tests and demos: people, clients, clock, reset, health; and the mock's own pages."""

import re
from pathlib import Path

import pytest

from mock_idp.acm.clients import load_clients
from mock_idp.pages import HERE, site
from mock_idp.strict_yaml import FileProblemsError
from pagekit.kit import PageKit
from pagekit.untranslated import messages_in_python
from tests.mock_idp.planted import planted
from tests.mock_idp.provider import CALLBACK, Mock, Party

PAGES = ("/", "/people", "/faults", "/op/v1/logout", "/op/v1/logout?client_id=x", "/op/v1/auth")


def test_health_is_plain(acm: Mock) -> None:
    assert acm.get("/health").json()["status"] == "ok"


def test_the_cast_is_told_without_any_number_of_a_person(acm: Mock) -> None:
    answer = acm.get("/mock/people")

    people = {person["key"]: person for person in answer.json()["people"]}
    assert people["expires-soon"]["name"] == "Zoë D'Hondt-Müller"
    assert people["employee"]["acts_for"] == {"number": "1999999943", "name": "Voorbeeld Bakkerij BV"}
    assert people["citizen"]["acts_for"] is None
    assert people["service-provider"]["outcome"]["kmo-portefeuille"] == {
        "expect": "refused",
        "reason": "wrong-profile",
    }
    assert_no_national_number(acm, answer.text)


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_the_pages_speak_both_languages_and_hold_no_national_number(acm: Mock, path: str, language: str) -> None:
    answer = acm.direct.get(acm.origin + path, headers={"Accept-Language": language})

    assert f'<html lang="{language}"' in answer.text
    assert len(re.findall("<h1>", answer.text)) == 1
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert_no_national_number(acm, answer.text)
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", answer.text)


def assert_no_national_number(acm: Mock, text: str) -> None:
    digits = re.sub(r"[^0-9]+", "", text)
    world = planted(acm.clock.real_day())
    assert [person.key for person in world.people if person.national_number in digits] == []


def test_every_link_of_the_start_page_leads_somewhere(acm: Mock) -> None:
    links = set(re.findall(r'href="(/[^"]*)"', acm.get("/").text))

    assert {"/people", "/faults", "/openapi.yaml"} <= links
    assert {link: acm.get(link).status_code for link in links} == dict.fromkeys(links, 200)


def test_no_dutch_is_missing() -> None:
    kit = PageKit(templates=HERE / "templates", locales=HERE / "locales", site=site())

    assert kit.missing("nl", sources=(HERE / "pages.py",)) == ()
    assert "legal representative" in tuple(messages_in_python((HERE / "pages.py",)))


def test_the_day_moves_and_comes_back_with_a_reset(acm: Mock) -> None:
    today = acm.get("/mock/clock").json()
    assert today["moved_by_days"] == 0

    moved = acm.post("/mock/clock", {"day": "2031-05-01"}).json()

    assert moved["day"] == "2031-05-01"
    assert moved["moved_by_days"] > 0
    assert acm.get("/mock/clock").json() == moved
    assert acm.post("/mock/reset", {}).json() == today


@pytest.mark.parametrize("body", [{}, {"day": "tomorrow"}, {"day": 1}, {"date": "2031-05-01"}, []], ids=str)
def test_a_day_that_is_none_is_refused(acm: Mock, body: object) -> None:
    assert acm.post("/mock/clock", body).status_code == 400
    assert acm.get("/mock/clock").json()["moved_by_days"] == 0


def test_a_reset_signs_everybody_out_and_keeps_the_clients(acm: Mock, party: Party) -> None:
    acm.register("stays")
    token = party.tokens()["access_token"]

    acm.post("/mock/reset", {})

    assert party.userinfo(token).status_code == 401
    assert "/signin/" in party.ask(client_id="stays").headers["location"]


def test_a_client_is_registered_and_answered_without_its_secret(acm: Mock) -> None:
    answer = acm.post(
        "/mock/clients",
        {
            "client_id": "new",
            "name": "Nieuw",
            "redirect_uris": [CALLBACK],
            "client_secret": "hush",
            "scopes": ["openid"],
        },
    )

    assert answer.status_code == 201
    assert answer.json()["organisation_choice"] == "acm"
    assert "hush" not in answer.text


@pytest.mark.parametrize(
    ("client", "complaint"),
    [
        ({}, "'client_id' is missing"),
        ({"client_id": "x", "colour": "red"}, "'colour' is not a key here"),
        ({"client_id": "x", "redirect_uris": ["ftp://x/"]}, "is not an http(s) address"),
        ({"client_id": "x", "redirect_uris": ["https://x/#y"]}, "without a fragment"),
        ({"client_id": "x", "redirect_uris": "https://x/"}, "a list is needed here"),
        ({"client_id": "x", "organisation_choice": "both"}, "'both' is not one of acm, gateway"),
        ({"client_id": "x", "methods": ["guess"]}, "'guess' is not one of"),
        ({"client_id": "x", "jwks": {"keys": [{}]}}, "not a key set"),
        ({"client_id": "x", "jwks": 5}, "not a key set"),
        ({"client_id": "x", "acr_always": "yes"}, "true or false is needed here"),
        ([], "keys with values are needed here"),
    ],
    ids=str,
)
def test_a_client_with_a_mistake_is_refused_with_its_line(acm: Mock, client: object, complaint: str) -> None:
    answer = acm.post("/mock/clients", client)

    assert answer.status_code == 400
    assert complaint in answer.json()["error"]
    assert answer.json()["error"].startswith("request-body:1:")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff"])
def test_a_client_that_is_no_json_is_refused(acm: Mock, body: bytes) -> None:
    assert acm.direct.post(f"{acm.origin}/mock/clients", content=body).status_code == 400


def test_all_mistakes_in_a_file_of_clients_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "clients.yaml"
    path.write_text(
        "clients:\n  - {client_id: a}\n  - {client_id: a}\n  - {client_id: b, jwks_file: gone.json}\n", encoding="utf-8"
    )

    with pytest.raises(FileProblemsError) as caught:
        load_clients(path)

    assert [line.split(": ", 1)[1][:25] for line in str(caught.value).splitlines()] == [
        "client 'a' is given twice",
        "the file of keys cannot b",
    ]
