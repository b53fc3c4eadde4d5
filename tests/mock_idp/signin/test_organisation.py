"""Which organisation: when ACM asks, when it need not, and what the answer leads to."""

import base64
import json

from tests.mock_idp.signin.mock_server import MockServer, Visitor


def hint(**keys: str) -> str:
    return base64.b64encode(json.dumps(keys).encode()).decode()


def identified(mock: MockServer, person: str, client_id: str = "acm-asks", **more: str) -> tuple[Visitor, str]:
    visitor = mock.visitor()
    start = visitor.begin(client_id, **more)
    visitor.get(f"{start}/eid?card={person}")
    visitor.post(f"{start}/eid", card=person, pin="1234")
    return visitor, start


def test_a_person_with_two_organisations_chooses(mock: MockServer) -> None:
    visitor, start = identified(mock, "two-organisations")
    assert visitor.heading == "Choose an organisation"
    assert "for which organisation exactly you want to work" in visitor.text
    assert "1999.999.151" in visitor.text
    assert "1999.999.052" in visitor.text
    visitor.post(f"{start}/organisation", organisation="1999999151")
    assert visitor.has_a_code


def test_the_last_choice_comes_first_and_is_marked(mock: MockServer) -> None:
    visitor, start = identified(mock, "two-organisations")
    visitor.post(f"{start}/organisation", organisation="1999999052")
    visitor, _ = identified(mock, "two-organisations")
    assert (
        visitor.text.index("your last choice") < visitor.text.index("1999.999.052") < visitor.text.index("1999.999.151")
    )


def test_a_person_with_one_organisation_is_not_asked(mock: MockServer) -> None:
    visitor, _ = identified(mock, "legal-representative")
    assert visitor.has_a_code


def test_a_person_without_organisation_is_not_asked(mock: MockServer) -> None:
    visitor, _ = identified(mock, "citizen")
    assert visitor.has_a_code


def test_nobody_is_asked_where_the_client_asks_itself(mock: MockServer) -> None:
    visitor, _ = identified(mock, "two-organisations", "asks-itself")
    assert visitor.has_a_code


def test_a_hinted_organisation_of_the_person_skips_the_question(mock: MockServer) -> None:
    visitor, _ = identified(mock, "two-organisations", login_hint=hint(cap_hint="EA", code_hint="1999999151"))
    assert visitor.has_a_code


def test_a_hinted_organisation_of_someone_else_does_not(mock: MockServer) -> None:
    visitor, _ = identified(mock, "two-organisations", login_hint=hint(cap_hint="EA", code_hint="1999999943"))
    assert visitor.heading == "Choose an organisation"


def test_a_citizen_is_offered_unless_the_hint_asks_for_enterprises(mock: MockServer) -> None:
    visitor, start = identified(mock, "two-organisations")
    assert "Citizen" in visitor.text
    visitor.post(f"{start}/organisation", organisation="citizen")
    assert visitor.has_a_code
    visitor, start = identified(mock, "two-organisations", login_hint=hint(cap_hint="EA"))
    assert "Citizen" not in visitor.text
    visitor.post(f"{start}/organisation", organisation="citizen")
    assert "You can't sign in for that organisation" in visitor.text
    visitor, _ = identified(mock, "two-organisations", login_hint=hint(cap_hint="BUR"))
    assert visitor.has_a_code


def test_an_organisation_of_someone_else_is_refused(mock: MockServer) -> None:
    visitor, start = identified(mock, "two-organisations")
    visitor.post(f"{start}/organisation", organisation="1999999943")
    assert "You can't sign in for that organisation" in visitor.text
    assert not visitor.answer


def test_three_hundred_organisations_can_be_searched(mock: MockServer) -> None:
    visitor, start = identified(mock, "many-organisations")
    assert "the first 40 are shown" in visitor.text
    visitor.get(f"{start}/organisation?q=bakkerij+zonneveld")
    assert "Bakkerij Zonneveld BV" in visitor.text
    assert "Slagerij" not in visitor.text
    visitor.get(f"{start}/organisation?q=1999.600")
    assert "No organisation fits" not in visitor.text
    visitor.get(f"{start}/organisation?q=no+such+name")
    assert "No organisation fits" in visitor.text


def test_the_organisation_page_is_closed_to_those_who_have_proven_nothing(mock: MockServer) -> None:
    visitor = mock.visitor()
    start = visitor.begin("acm-asks")
    visitor.get(f"{start}/organisation")
    assert visitor.heading == "Choose how to sign in"
    visitor.post(f"{start}/organisation", token=visitor.token, organisation="1999999151")
    assert not visitor.answer


def test_a_session_that_ended_meanwhile_does_not_become_a_sign_in_without_a_method(mock: MockServer) -> None:
    visitor, start = identified(mock, "two-organisations")
    visitor.post(f"{start}/organisation", organisation="1999999151")
    start = visitor.begin("acm-asks")
    assert visitor.heading == "Choose an organisation"
    token = visitor.token
    visitor.answer = {}
    visitor.get("/op/v1/logout")
    visitor.post(f"{start}/organisation", token=token, organisation="1999999151")
    assert not visitor.answer
