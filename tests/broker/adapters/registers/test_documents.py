from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.adapters.registers.documents import read_administrators, read_enterprise, read_person
from broker.adapters.wire import NotUnderstood
from broker.domain.people import Organisation, PersonRecord, RelationStatus
from broker.domain.validity import Period
from tests.broker.adapters.examples import BAKERY, TRAINING

DAY = date(2026, 11, 24)
RIGHT = {"name": "VLAIO Inkom Gebruiker Nieuw", "profiles": ["Gebruiker"], "from": "2024-01-01", "until": "2028-01-01"}
RELATION: dict[str, Any] = {
    "organisation": BAKERY.digits,
    "organisation_name": "Voorbeeld Bakkerij BV",
    "category": "Vaste Medewerker",
    "status": "active",
    "from": "2018-06-26",
    "until": "2028-06-26",
    "rights": [RIGHT],
}
FUNCTION = {
    "organisation": TRAINING.digits,
    "organisation_name": "Voorbeeld Opleidingen NV",
    "code": "10002",
    "label": "Bestuurder",
    "from": "2020-01-01",
    "until": "9999-12-31",
}
PERSON = {"given_name": "An", "family_name": "Testers", "status": "active"}
ENTERPRISE: dict[str, Any] = {
    "number": BAKERY.digits,
    "name": "Voorbeeld Bakkerij BV",
    "status": "active",
    "ceased_on": None,
    "functions": [
        {
            "code": "10006",
            "label": "Zaakvoerder",
            "holder": "natural-person",
            "holder_name": "Zoë Zaak",
            "from": "2020-01-01",
            "until": "9999-12-31",
        }
    ],
}


def rights(*relations: object, person: object = PERSON, administers: tuple[object, ...] = ()) -> dict[str, object]:
    return {"person": person, "relations": [*relations], "administers": [*administers]}


def record(*relations: object, functions: tuple[object, ...] = (), **further: Any) -> PersonRecord:
    return read_person(rights(*relations, **further), {"functions": [*functions]})


def test_a_right_comes_with_its_relation_organisation_and_days() -> None:
    (right,) = record(RELATION).rights
    assert (right.organisation, right.name, right.profiles) == (BAKERY, RIGHT["name"], ("Gebruiker",))
    assert right.period == Period(begins=date(2024, 1, 1), until=date(2028, 1, 1))
    assert right.relation is not None
    assert right.relation.status is RelationStatus.ACTIVE
    assert right.relation.period == Period(begins=date(2018, 6, 26), until=date(2028, 6, 26))


def test_a_function_without_end_has_none() -> None:
    (function,) = record(functions=(FUNCTION,)).functions
    assert (function.organisation, function.code, function.represents) == (TRAINING, "10002", True)
    assert function.period == Period(begins=date(2020, 1, 1), until=None)


def test_a_short_code_is_filled_up() -> None:
    (function,) = record(functions=({**FUNCTION, "code": "4"},)).functions
    assert (function.code, function.represents) == ("00004", False)


def test_organisations_of_all_three_sources_are_merged_and_sorted_by_name() -> None:
    administered = {"organisation": "1999999052", "organisation_name": "aardappelhandel"}
    found = record(RELATION, RELATION, functions=(FUNCTION,), administers=(administered, administered))
    assert [one.name for one in found.organisations] == [
        "aardappelhandel",
        "Voorbeeld Bakkerij BV",
        "Voorbeeld Opleidingen NV",
    ]
    assert [number.digits for number in found.administers] == ["1999999052"]


def test_a_name_is_taken_from_whoever_knows_it_and_else_is_the_number() -> None:
    nameless = {**FUNCTION, "organisation": BAKERY.digits, "organisation_name": ""}
    assert record(RELATION, functions=(nameless,)).organisations == (
        Organisation(number=BAKERY, name="Voorbeeld Bakkerij BV"),
    )
    assert record(functions=(nameless,)).organisations == (Organisation(number=BAKERY, name="1999.999.943"),)


def test_a_relation_without_rights_still_names_its_organisation() -> None:
    found = record({**RELATION, "rights": []})
    assert (found.rights, len(found.organisations)) == ((), 1)


@pytest.mark.parametrize(
    ("person", "relation", "expected"),
    [
        ("active", "active", RelationStatus.ACTIVE),
        ("active", "paused", RelationStatus.PAUSED),
        ("active", "pending", RelationStatus.PENDING),
        ("pending", "active", RelationStatus.PENDING),
        ("pending", "paused", RelationStatus.PAUSED),
    ],
)
def test_a_person_who_is_not_activated_has_no_active_relation(
    person: str, relation: str, expected: RelationStatus
) -> None:
    (right,) = record({**RELATION, "status": relation}, person={**PERSON, "status": person}).rights
    assert right.relation is not None
    assert right.relation.status is expected


def test_somebody_unknown_has_an_empty_record() -> None:
    assert record(person=None) == PersonRecord()


def test_rights_without_a_person_are_nobody_s() -> None:
    assert record(RELATION, person=None).rights == ()


WRONG: list[Any] = [
    None,
    "text",
    {},
    {**RELATION, "organisation": "1999999944"},
    {**RELATION, "organisation": 1999999943},
    {**RELATION, "organisation": "1999.999.943"},
    {**RELATION, "status": "enthusiastic"},
    {**RELATION, "from": "26/06/2018"},
    {**RELATION, "from": None},
    {**RELATION, "until": "2028-02-30"},
    {name: value for name, value in RELATION.items() if name != "status"},
    {name: value for name, value in RELATION.items() if name != "until"},
]


@pytest.mark.parametrize("row", WRONG)
def test_a_wrong_relation_lets_nobody_in_and_spares_the_others(row: object, caplog: pytest.LogCaptureFixture) -> None:
    good = {**RELATION, "organisation": TRAINING.digits, "organisation_name": "Opleidingen"}
    found = record(row, good)
    assert [right.organisation for right in found.rights] == [TRAINING]
    assert "1 malformed rows" in caplog.text
    assert "19999999" not in caplog.text


@pytest.mark.parametrize(
    "row", [None, {}, {**RIGHT, "profiles": "Gebruiker"}, {**RIGHT, "name": 5}, {**RIGHT, "until": "soon"}]
)
def test_a_wrong_right_spares_the_others_of_its_relation(row: object) -> None:
    assert len(record({**RELATION, "rights": [row, RIGHT]}).rights) == 1


@pytest.mark.parametrize(
    "row",
    [None, {}, {**FUNCTION, "organisation": "1"}, {**FUNCTION, "code": "1000B"}, {**FUNCTION, "code": 10002},
     {**FUNCTION, "code": "100020"}, {**FUNCTION, "from": "yesterday"}],
)  # fmt: skip
def test_a_wrong_function_represents_nobody_and_spares_the_others(row: object) -> None:
    assert len(record(functions=(row, FUNCTION)).functions) == 1


def test_fields_that_were_added_since_do_not_matter() -> None:
    found = record(
        {**RELATION, "phone": "+32", "rights": [{**RIGHT, "reason": "x"}]}, functions=({**FUNCTION, "x": 1},)
    )
    assert (len(found.rights), len(found.functions)) == (1, 1)


@pytest.mark.parametrize(
    ("idm", "kbo"),
    [
        (None, {"functions": []}),
        ([], {"functions": []}),
        ({}, {"functions": []}),
        ({"person": None, "relations": {}, "administers": []}, {"functions": []}),
        ({"person": "An", "relations": [], "administers": []}, {"functions": []}),
        ({"person": {"status": "merry"}, "relations": [], "administers": []}, {"functions": []}),
        (rights(), None),
        (rights(), {"functions": None}),
        (rights(), {}),
    ],
)
def test_a_document_that_is_wrong_as_a_whole_is_not_understood(idm: object, kbo: object) -> None:
    with pytest.raises(NotUnderstood):
        read_person(idm, kbo)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=4), st.lists(JSON, max_size=4), st.lists(JSON, max_size=4))
def test_rows_of_any_kind_give_no_right_and_no_error(
    relations: list[object], administers: list[object], functions: list[object]
) -> None:
    found = read_person(rights(*relations, administers=tuple(administers)), {"functions": functions})
    assert (found.rights, found.functions, found.administers) == ((), (), ())


def holder(**changes: object) -> dict[str, Any]:
    return {**ENTERPRISE["functions"][0], **changes}


def with_functions(*functions: object) -> dict[str, Any]:
    return {**ENTERPRISE, "functions": [*functions]}


def test_an_enterprise_has_number_name_status_and_somebody_who_represents_it() -> None:
    enterprise = read_enterprise(ENTERPRISE).on(DAY)
    assert enterprise.organisation == Organisation(number=BAKERY, name="Voorbeeld Bakkerij BV")
    assert (enterprise.active, enterprise.ceased_on, enterprise.has_representative) == (True, None, True)


def test_an_enterprise_that_ceased_says_when() -> None:
    ceased = read_enterprise({**ENTERPRISE, "status": "ceased", "ceased_on": "2026-01-31"}).on(DAY)
    assert (ceased.active, ceased.ceased_on) == (False, date(2026, 1, 31))


@pytest.mark.parametrize(
    ("function", "represented"),
    [
        (holder(), True),
        (holder(holder="enterprise", holder_name="Holding NV"), True),
        (holder(code="10021"), False),
        (holder(code="20090"), False),
        (holder(code="43210"), False),
        (holder(until="2026-11-24"), True),
        (holder(until="2026-11-23"), False),
        (holder(**{"from": "2026-11-25"}), False),
        (holder(holder="ghost"), False),
        (None, False),
    ],
)
def test_an_enterprise_is_represented_by_functions_in_force_that_represent(
    function: object, *, represented: bool
) -> None:
    assert read_enterprise(with_functions(function)).on(DAY).has_representative is represented


def test_representatives_are_named_once_in_order_and_only_in_their_time() -> None:
    functions = (
        holder(),
        holder(code="10002"),
        holder(holder="enterprise", holder_name="Holding  NV\n"),
        holder(code="10021", holder_name="Rik Revisor"),
        holder(until="2026-11-23", holder_name="Vroeger Iemand"),
    )
    assert read_enterprise(with_functions(*functions)).representatives_on(DAY) == ("Holding NV", "Zoë Zaak")


@pytest.mark.parametrize(
    "changes",
    [{"number": "1999999944"}, {"status": "dormant"}, {"ceased_on": "once"}, {"functions": None}, {"name": 5}],
)
def test_an_enterprise_that_is_wrong_is_not_understood(changes: dict[str, Any]) -> None:
    with pytest.raises(NotUnderstood):
        read_enterprise({**ENTERPRISE, **changes})


def test_administrators_are_named_once_in_order() -> None:
    rows = [
        {"given_name": "Lieve", "family_name": "Sleutelmans"},
        {"given_name": "Elke", "family_name": "Tweewerf"},
        {"given_name": "Elke", "family_name": "Tweewerf"},
        {"given_name": " ", "family_name": ""},
        {"given_name": 5},
    ]
    assert read_administrators({"administrators": rows}) == ("Elke Tweewerf", "Lieve Sleutelmans")


def test_administrators_that_are_no_list_are_not_understood() -> None:
    with pytest.raises(NotUnderstood):
        read_administrators({"administrators": {}})
