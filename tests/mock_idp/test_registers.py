"""IDM and KBO as a gateway asks them; every answer is held against the published OpenAPI description."""

from collections.abc import Mapping
from typing import cast

import httpx2
import pytest
import yaml
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from mock_idp.pages import HERE
from tests.mock_idp.planted import planted
from tests.mock_idp.provider import Mock

TOKEN = {"Authorization": "Bearer demo-register-token"}
EMPLOYEE = "90651800257"
BAKERY = "1999999943"


@pytest.fixture(scope="module")
def description() -> dict[str, object]:
    return cast(dict[str, object], yaml.safe_load((HERE / "registers" / "openapi.yaml").read_text(encoding="utf-8")))


class Registers:
    """Asks, and checks each answer against the schema of its path and status."""

    def __init__(self, acm: Mock, description: dict[str, object]) -> None:
        self._acm = acm
        self._description = description

    def ask(self, path: str, number: str, headers: Mapping[str, str] = TOKEN) -> httpx2.Response:
        body = {"national_number": number}
        return self._checked(path, "post", self._acm.direct.post(self._acm.origin + path, json=body, headers=headers))

    def look_up(self, path: str, number: str, headers: Mapping[str, str] = TOKEN) -> httpx2.Response:
        address = self._acm.origin + path.replace("{number}", number)
        return self._checked(path, "get", self._acm.direct.get(address, headers=headers))

    def _checked(self, path: str, method: str, answer: httpx2.Response) -> httpx2.Response:
        media = answer.headers["content-type"]
        schema = self._schema(path, method, str(answer.status_code), media)
        validator = OAS31Validator(schema)
        assert list(validator.iter_errors(answer.json())) == []
        return answer

    def _schema(self, path: str, method: str, status: str, media: str) -> Mapping[str, object]:
        found: object = self._description
        for step in ("paths", path, method, "responses", status):
            found = cast(Mapping[str, object], found)[step]
        response = cast(dict[str, object], found)
        if "$ref" in response:
            components = cast(dict[str, dict[str, dict[str, object]]], self._description["components"])
            response = components["responses"][str(response["$ref"]).rpartition("/")[2]]
        content = cast(dict[str, dict[str, object]], response["content"])
        # The whole description comes along, so that its own references resolve.
        return {**cast(dict[str, object], content[media]["schema"]), "components": self._description["components"]}


@pytest.fixture
def registers(acm: Mock, description: dict[str, object]) -> Registers:
    return Registers(acm, description)


def test_the_description_is_valid_openapi_and_served(acm: Mock, description: dict[str, object]) -> None:
    validate(description)

    assert yaml.safe_load(acm.get("/openapi.yaml").text) == description


def test_idm_tells_relations_and_rights_with_their_raw_dates(registers: Registers) -> None:
    answer = registers.ask("/idm/v1/person-rights", "75710207990").json()

    (relation,) = answer["relations"]
    (right,) = relation["rights"]
    assert (relation["organisation"], relation["status"]) == (BAKERY, "active")
    assert right["name"] == "VLAIO Inkom Gebruiker Nieuw"
    assert right["until"] < relation["until"]


def test_idm_knows_pending_and_paused(registers: Registers) -> None:
    pending = registers.ask("/idm/v1/person-rights", "03702119647").json()
    paused = registers.ask("/idm/v1/person-rights", "88640209309").json()

    assert (pending["person"]["status"], pending["relations"][0]["status"]) == ("pending", "pending")
    assert paused["relations"][0]["status"] == "paused"


def test_idm_does_not_know_nobody(registers: Registers) -> None:
    assert registers.ask("/idm/v1/person-rights", "77612021565").json() == {
        "person": None,
        "relations": [],
        "administers": [],
    }


def test_idm_names_the_administrators_of_an_organisation(registers: Registers) -> None:
    answer = registers.look_up("/idm/v1/organisations/{number}/administrators", BAKERY).json()

    assert {"given_name": "Lieve", "family_name": "Sleutelmans"} in answer["administrators"]


def test_kbo_finds_only_functions_that_the_person_holds(registers: Registers) -> None:
    director = registers.ask("/kbo/v1/person-functions", "82672100108").json()["functions"]
    of_a_company = registers.ask("/kbo/v1/person-functions", "73651415060").json()["functions"]

    assert {function["code"] for function in director} == {"10006", "20090"}
    assert of_a_company == []


def test_kbo_shows_who_holds_a_function_and_for_whom(registers: Registers) -> None:
    functions = registers.look_up("/kbo/v1/enterprises/{number}", "1999999250").json()["functions"]

    assert [(function["holder"], function["holder_name"]) for function in functions] == [
        ("enterprise", "Denkbeeld Holding NV"),
        ("natural-person-for-enterprise", "Guido Metser"),
    ]


def test_kbo_tells_address_begin_and_establishment_units(registers: Registers) -> None:
    bakery = registers.look_up("/kbo/v1/enterprises/{number}", BAKERY).json()
    holding = registers.look_up("/kbo/v1/enterprises/{number}", "1999999349").json()

    assert (bakery["address"], len(bakery["began_on"])) == ("Voorbeeldplein 12, 9000 Gent", 10)
    assert [unit["number"] for unit in bakery["establishment_units"]] == ["2999900192", "2999900291", "2999900390"]
    assert bakery["establishment_units"][2]["until"] < bakery["establishment_units"][1]["until"] == "9999-12-31"
    assert holding["establishment_units"] == []


def test_an_enterprise_ceases_on_the_mocks_own_day(acm: Mock, registers: Registers) -> None:
    path = "/kbo/v1/enterprises/{number}"
    ceased = registers.look_up(path, "1999999448").json()
    assert (ceased["status"], ceased["functions"][0]["holder_name"]) == ("ceased", "Stijn Voorbij")

    acm.post("/mock/clock", {"day": "2020-01-01"})

    before = registers.look_up(path, "1999999448").json()
    assert (before["status"], before["ceased_on"]) == ("active", None)


def test_every_enterprise_and_every_person_fits_the_description(acm: Mock, registers: Registers) -> None:
    world = planted(acm.clock.real_day())
    for number in [one.number for one in world.enterprises][:12]:
        registers.look_up("/kbo/v1/enterprises/{number}", number)
    for person in world.people:
        registers.ask("/idm/v1/person-rights", person.national_number)
        registers.ask("/kbo/v1/person-functions", person.national_number)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer guess"}, {"Authorization": "Basic x"}], ids=str)
def test_without_the_right_token_nothing_is_told(registers: Registers, headers: dict[str, str]) -> None:
    answer = registers.ask("/idm/v1/person-rights", EMPLOYEE, headers)

    assert answer.status_code == 401
    assert "Bearer" in answer.headers["www-authenticate"]
    assert registers.look_up("/kbo/v1/enterprises/{number}", BAKERY, headers).status_code == 401


@pytest.mark.parametrize("number", ["90651800258", "90.65.18-002.57", "9065180025", ""])
def test_a_number_that_is_none_is_refused_without_repeating_it(registers: Registers, number: str) -> None:
    answer = registers.ask("/kbo/v1/person-functions", number)

    assert answer.status_code == 422
    assert not number or number not in answer.text


@pytest.mark.parametrize("body", [b"", b"rubbish", b"[]", b'{"national_number": 5}', b"[" * 9000], ids=lambda b: b[:9])
def test_a_question_that_is_none_is_refused(acm: Mock, body: bytes) -> None:
    answer = acm.direct.post(f"{acm.origin}/idm/v1/person-rights", content=body, headers=TOKEN)

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


@pytest.mark.parametrize("number", ["1999999300", "0123456749", "19999999", "1999999944"])
def test_an_enterprise_that_is_not_there_is_404(registers: Registers, number: str) -> None:
    assert registers.look_up("/kbo/v1/enterprises/{number}", number).status_code == 404
    assert registers.look_up("/idm/v1/organisations/{number}/administrators", number).status_code == 404


@pytest.mark.parametrize(
    ("fault", "path"), [("idm-down", "/idm/v1/person-rights"), ("kbo-429", "/kbo/v1/person-functions")]
)
def test_a_register_that_is_down_says_when_to_come_back(acm: Mock, registers: Registers, fault: str, path: str) -> None:
    acm.arm(fault)

    answer = registers.ask(path, EMPLOYEE)

    assert answer.status_code in (429, 503)
    assert answer.headers["retry-after"] == "1"
