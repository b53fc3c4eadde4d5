from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.adapters.oidc.roles import claimed_roles, parse_role
from broker.domain.claims import ClaimedRole

NAME = "vlaio_inkom_rol"


def role(right: str, context: str | None, *organisations: str) -> ClaimedRole:
    return ClaimedRole(right=right, context=context, organisations=organisations)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            "DVMetadataVlaanderenGebruiker-hoofdeditor:OVO002949",
            ("DVMetadataVlaanderenGebruiker", "hoofdeditor", "OVO002949"),
        ),
        (
            "DienstenchequesErkendeOnderneming-50042:0456765432",
            ("DienstenchequesErkendeOnderneming", "50042", "0456765432"),
        ),
        ("SubsidiepuntGebruiker:0426994097", ("SubsidiepuntGebruiker", None, "0426994097")),
        ("LoketGebruiker:OrgX, OrgY, OrgZ", ("LoketGebruiker", None, "OrgX", "OrgY", "OrgZ")),
        ("LoketGebruiker:OrgX,OrgY", ("LoketGebruiker", None, "OrgX", "OrgY")),
        (
            "VLAIO Inkom Gebruiker Nieuw-Dienstverlener kmo-portefeuille:1999999844",
            ("VLAIO Inkom Gebruiker Nieuw", "Dienstverlener kmo-portefeuille", "1999999844"),
        ),
        ("Recht-context: met dubbelpunt:1999999844", ("Recht", "context: met dubbelpunt", "1999999844")),
    ],
)
def test_values_seen_at_acm_are_read(value: str, expected: tuple[str | None, ...]) -> None:
    found = parse_role(value)
    assert found is not None
    assert (found.right, found.context, *found.organisations) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        ":",
        "Right",
        "Right-Context",
        "Right:",
        "Right: ",
        ":1999999844",
        "-Context:1",
        "Right-:1",
        "Right:1,",
        "Right:1,,2",
        "Right:1\n",
    ],
)
def test_a_malformed_value_is_no_role(value: str) -> None:
    assert parse_role(value) is None


@given(st.text(max_size=60))
def test_any_text_is_a_role_with_all_its_parts_or_none(value: str) -> None:
    parsed = parse_role(value)
    assert parsed is None or (
        parsed.right and parsed.context != "" and parsed.organisations and all(parsed.organisations)
    )


@pytest.mark.parametrize("claim", ["vlaio_inkom_rol_3d", "vlaio_inkom_rol_3D", "VLAIO_Inkom_rol_2d", "vlaio_inkom_rol"])
def test_every_spelling_of_the_claim_is_read(claim: str) -> None:
    roles, malformed = claimed_roles({claim: ["R-C:1"]}, name=NAME)
    assert (roles, malformed) == ((role("R", "C", "1"),), 0)


@pytest.mark.parametrize(
    "claim", ["vlaio_inkom_rol_3de", "vlaio_inkom_rol_4d", "x_vlaio_inkom_rol_3d", "vlaio_inkom_rolls"]
)
def test_a_claim_of_another_name_is_not_read(claim: str) -> None:
    assert claimed_roles({claim: ["R-C:1"]}, name=NAME) == ((), 0)


def test_both_spellings_at_once_are_put_together() -> None:
    claims = {"vlaio_inkom_rol_3d": ["R-C:1"], "vlaio_inkom_rol_3D": ["R-C:1", "R-C:2"]}
    assert claimed_roles(claims, name=NAME) == ((role("R", "C", "1"), role("R", "C", "2")), 0)


def test_a_single_text_counts_as_a_list_of_one() -> None:
    assert claimed_roles({"vlaio_inkom_rol_3d": "R-C:1"}, name=NAME) == ((role("R", "C", "1"),), 0)


def test_malformed_values_are_counted_and_spare_the_others() -> None:
    values = [5, None, "nonsense", {"a": 1}, ["R-C:1"], "R-C:1"]
    assert claimed_roles({"vlaio_inkom_rol_3d": values}, name=NAME) == ((role("R", "C", "1"),), 5)


def test_an_endless_list_is_cut() -> None:
    roles, malformed = claimed_roles({"vlaio_inkom_rol_3d": ["R-C:1"] * 100_000}, name=NAME)
    assert (len(roles), malformed) == (1, 95_000)
