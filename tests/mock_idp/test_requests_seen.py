"""What was asked of the mock can be counted."""

from tests.mock_idp.provider import Party


def seen(party: Party) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = party.mock.get("/mock/requests").json()["requests"]
    return counts


def test_each_endpoint_is_counted_by_status_and_a_reset_begins_anew(party: Party) -> None:
    party.mock.post("/mock/reset", {})
    party.mock.get("/op/v1/keys")
    party.mock.get("/op/v1/keys")
    party.mock.get("/op/v1/userinfo")
    party.mock.get("/kbo/v1/enterprises/1999999943")
    party.mock.get("/people")

    assert seen(party) == {
        "GET /kbo/v1/enterprises/{number}": {"401": 1},
        "GET /op/v1/keys": {"200": 2},
        "GET /op/v1/userinfo": {"401": 1},
    }
    party.mock.post("/mock/reset", {})
    assert seen(party) == {}


def test_nothing_of_a_person_is_kept(party: Party) -> None:
    party.sign_in()
    text = party.mock.get("/mock/requests").text
    assert "code=" not in text
    assert "state" not in text
