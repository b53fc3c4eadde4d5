"""The provider changes its keys, as a good one does and as a bad one does: statement B25."""

import pytest
from joserfc import jwt
from joserfc.errors import JoseError

from mock_idp.acm.keys import KEPT_AFTER_RETIREMENT, Turn
from tests.mock_idp.provider import Mock, Party, unverified
from tests.mock_idp.statements import Seen
from tests.project.places import read

ALGS = ["RS256", "ES256"]


def turn(acm: Mock, mode: str, **more: str) -> None:
    answer = acm.post("/mock/keys", {"mode": mode, **more})
    assert answer.status_code == 200, answer.text


def kids(acm: Mock, *, alg: str, use: str | None = None) -> list[str]:
    rows = acm.get("/mock/keys").json()["keys"]
    return [row["kid"] for row in rows if row["alg"] == alg and use in (None, row["use"])]


def published(acm: Mock) -> set[str]:
    return {str(key.kid) for key in acm.keys().keys}


def kid_of(token: str) -> str:
    return str(unverified(token)[0]["kid"])


def is_good(acm: Mock, token: str, *, alg: str) -> bool:
    try:
        jwt.decode(token, acm.keys(), algorithms=[alg])
    except (JoseError, ValueError):
        return False
    return True


@pytest.fixture(params=ALGS)
def alg(request: pytest.FixtureRequest, acm: Mock) -> str:
    wanted: str = request.param
    acm.register("demo-client", id_token_alg=wanted)
    return wanted


def test_b25_a_new_key_is_published_before_its_first_use_and_the_old_one_after_its_last(
    acm: Mock, party: Party, alg: str, seen: Seen
) -> None:
    old = party.tokens()["id_token"]
    turn(acm, "announce", alg=alg)
    (announced,) = kids(acm, alg=alg, use="announced")
    between = party.tokens()["id_token"]
    assert announced in published(acm)
    assert kid_of(between) == kid_of(old)

    turn(acm, "rotate", alg=alg)

    new = party.tokens()["id_token"]
    assert kid_of(new) == announced
    assert is_good(acm, old, alg=alg)
    assert is_good(acm, new, alg=alg)
    expires_at = int(str(unverified(between)[1]["exp"]))
    acm.clock.forward(seconds=expires_at - acm.clock.seconds() + 1)
    assert kid_of(old) in published(acm)
    acm.clock.forward(seconds=KEPT_AFTER_RETIREMENT.total_seconds())
    assert kid_of(old) not in published(acm)
    seen(f"{alg}: announced kid in the set before it signs; the old one until all it signed has expired")


def test_b25_a_key_can_change_just_before_signing(acm: Mock, party: Party, alg: str, seen: Seen) -> None:
    before = published(acm)
    turn(acm, "just-before-signing", alg=alg)
    assert published(acm) == before

    first, second = party.tokens()["id_token"], party.tokens()["id_token"]

    assert kid_of(first) not in before
    assert is_good(acm, first, alg=alg)
    assert kid_of(second) == kid_of(first)
    seen(f"{alg}: just before signing, a kid that no earlier set had")


def test_b25_the_same_kid_can_hide_a_new_key(acm: Mock, party: Party, alg: str, seen: Seen) -> None:
    old = party.tokens()["id_token"]
    turn(acm, "same-kid-new-key", alg=alg)

    new = party.tokens()["id_token"]

    assert kid_of(new) == kid_of(old)
    assert is_good(acm, new, alg=alg)
    assert not is_good(acm, old, alg=alg)
    seen(f"{alg}: same kid, another key")


def test_b25_old_keys_can_be_dropped_at_once(acm: Mock, party: Party, alg: str, seen: Seen) -> None:
    old = party.tokens()["id_token"]
    turn(acm, "rotate", alg=alg)
    assert is_good(acm, old, alg=alg)

    turn(acm, "drop-old", alg=alg)

    assert kid_of(old) not in published(acm)
    assert is_good(acm, party.tokens()["id_token"], alg=alg)
    seen(f"{alg}: dropped, the old kid is gone at once")


def test_one_algorithm_can_change_without_the_other(acm: Mock) -> None:
    before = {alg: kids(acm, alg=alg, use="signing") for alg in ALGS}

    turn(acm, "rotate", alg="ES256")

    assert kids(acm, alg="RS256", use="signing") == before["RS256"]
    assert kids(acm, alg="ES256", use="signing") != before["ES256"]
    turn(acm, "rotate")
    assert kids(acm, alg="RS256", use="signing") != before["RS256"]


def test_an_announced_key_is_not_announced_twice_and_forgotten_by_a_reset(acm: Mock) -> None:
    turn(acm, "announce")
    announced = kids(acm, alg="RS256", use="announced")
    turn(acm, "announce")
    assert kids(acm, alg="RS256", use="announced") == announced

    acm.post("/mock/reset", {})

    assert kids(acm, alg="RS256", use="announced") == []


def test_a_reset_disarms_a_change_that_waits_for_a_signature(acm: Mock, party: Party) -> None:
    before = published(acm)
    turn(acm, "just-before-signing")
    acm.post("/mock/reset", {})

    assert kid_of(party.tokens()["id_token"]) in before


def test_no_private_part_of_a_key_is_told(acm: Mock) -> None:
    rows = acm.get("/mock/keys").json()["keys"]

    assert {name for row in rows for name in row} <= {"kid", "alg", "use", "published_until"}


@pytest.mark.parametrize(
    "body", [{}, {"mode": "shuffle"}, {"mode": "rotate", "alg": "HS256"}, {"mode": "rotate", "kid": "x"}, []], ids=str
)
def test_a_turn_that_makes_no_sense_is_refused(acm: Mock, body: object) -> None:
    answer = acm.post("/mock/keys", body)

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_every_turn_is_known_by_the_page_for_other_teams() -> None:
    page = read("docs/developers/mock-government.md")

    assert all(f"`{mode}`" in page for mode in Turn)
