"""What a backend receives: ASCII only, about the decision's organisation only, a pseudonym of its own."""

from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.decide import Decision, decide
from broker.domain.identity_headers import IdentityHeaders, UnfitForHeaderError, identity_headers, pseudonym
from broker.domain.numbers import NationalNumber
from broker.domain.people import Facts
from broker.domain.session import Session
from tests.broker.domain.world import (
    DAY,
    NOON,
    OTHER_ENTERPRISE,
    PERSON,
    POLICY,
    SERVICE_PROVIDER,
    USER,
    acting,
    facts,
    function,
    identity,
    right,
    session,
)

KEY = b"k" * 32
REPRESENTATIVE = facts(functions=(function(),))


def decision(about: Facts, application: str = "kmo-portefeuille") -> Decision:
    return decide(POLICY, application=application, facts=about, day=DAY, now=NOON)


def headers(of: Session, about: Facts, **changes: Any) -> IdentityHeaders:
    usual: dict[str, Any] = {"record": "d-1", "key": KEY, "discloses_national_number": False}
    return identity_headers(of, decision(about), **usual | changes)


def test_a_representative_is_announced_without_right_or_profile() -> None:
    assert dict(headers(session(REPRESENTATIVE), REPRESENTATIVE).plain) == {
        "X-Inkom-Person": pseudonym(PERSON, application="kmo-portefeuille", key=KEY),
        "X-Inkom-Name": "%C3%89lo%C3%AFse%20De%20Smet",
        "X-Inkom-Organisation": "1999999943",
        "X-Inkom-Organisation-Name": "Bakkerij%20%C3%9Cnal%20%26%20Zonen",
        "X-Inkom-Role": "legal-representative",
        "X-Inkom-Assurance": "high",
        "X-Inkom-Decision": "d-1",
    }


def test_a_user_is_announced_with_the_right_and_the_profile_that_opened() -> None:
    user = facts(rights=(right(profiles=(SERVICE_PROVIDER, USER)),))
    sent = headers(session(user), user)
    assert dict(sent.plain)["X-Inkom-Right"] == "VLAIO%20Inkom%20Gebruiker%20Nieuw"
    assert dict(sent.plain)["X-Inkom-Profile"] == "Gebruiker"
    assert dict(sent.claims)["role"] == "user"


def test_the_claims_say_the_same_in_plain_text() -> None:
    sent = headers(session(REPRESENTATIVE), REPRESENTATIVE)
    assert [unquote(value) for _, value in sent.plain] == [value for _, value in sent.claims]
    assert dict(sent.claims)["sub"] == dict(sent.plain)["X-Inkom-Person"]


def test_an_unknown_level_gives_no_header() -> None:
    unknown = session(REPRESENTATIVE, identity=identity(assurance=None))
    assert "X-Inkom-Assurance" not in dict(headers(unknown, REPRESENTATIVE).plain)


def test_when_the_person_proved_who_they_are_is_told_in_seconds_and_only_when_it_is_known() -> None:
    known = session(REPRESENTATIVE, identity=identity(auth_time=NOON))
    assert dict(headers(known, REPRESENTATIVE).plain)["X-Inkom-Authenticated-At"] == str(int(NOON.timestamp()))
    assert "X-Inkom-Authenticated-At" not in dict(headers(session(REPRESENTATIVE), REPRESENTATIVE).plain)


def test_the_national_number_leaves_only_where_it_was_asked_for() -> None:
    of = session(REPRESENTATIVE)
    assert PERSON.digits not in repr(headers(of, REPRESENTATIVE))
    asked = headers(of, REPRESENTATIVE, discloses_national_number=True)
    assert dict(asked.plain)["X-Inkom-National-Number"] == PERSON.digits


@pytest.mark.parametrize(
    ("of", "about"),
    [
        (session(None), REPRESENTATIVE),
        (session(facts()), facts()),
        (session(REPRESENTATIVE), replace(REPRESENTATIVE, functions=(), rights=())),
        (
            session(REPRESENTATIVE),
            facts(organisation=OTHER_ENTERPRISE, functions=(function(organisation=OTHER_ENTERPRISE),)),
        ),
        (session(REPRESENTATIVE, acting=acting(facts(organisation=OTHER_ENTERPRISE))), REPRESENTATIVE),
    ],
)
def test_nothing_is_said_without_an_allowed_decision_about_the_session_s_organisation(
    of: Session, about: Facts
) -> None:
    with pytest.raises(ValueError, match="allowed decision about the session's organisation"):
        headers(of, about)


def test_a_value_that_is_too_long_is_refused_by_the_name_of_its_header() -> None:
    long = session(REPRESENTATIVE, identity=identity(family_name="é" * 5000))
    with pytest.raises(UnfitForHeaderError, match="X-Inkom-Name") as refused:
        headers(long, REPRESENTATIVE)
    assert "é" not in str(refused.value)


def test_half_a_character_becomes_a_question_mark() -> None:
    broken = session(REPRESENTATIVE, identity=identity(family_name="\ud800"))
    assert dict(headers(broken, REPRESENTATIVE).claims)["name"] == "Éloïse ?"


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_whatever_the_names_the_headers_are_visible_ascii_without_line_ends(
    given_: str, family: str, firm: str
) -> None:
    of = session(
        None, identity=identity(given_name=given_, family_name=family), acting=acting(REPRESENTATIVE, name=firm)
    )
    for name, value in headers(of, REPRESENTATIVE).plain:
        assert name.startswith("X-Inkom-")
        assert value
        assert all("!" <= character <= "~" for character in value)
    assert OTHER_ENTERPRISE.digits not in repr(headers(of, REPRESENTATIVE).claims)


def test_a_pseudonym_is_stable_for_an_application_and_unrelated_between_two() -> None:
    here = pseudonym(PERSON, application="kmo-portefeuille", key=KEY)
    assert here == pseudonym(PERSON, application="kmo-portefeuille", key=KEY)
    others = {
        pseudonym(PERSON, application="ecologiepremie-plus", key=KEY),
        pseudonym(PERSON, application="kmo-portefeuille", key=b"other" * 8),
        pseudonym(NationalNumber("90651800257"), application="kmo-portefeuille", key=KEY),
    }
    assert here not in others
    assert len(others) == 3
    assert len(here) == 22
    assert here.replace("-", "").replace("_", "").isalnum()
