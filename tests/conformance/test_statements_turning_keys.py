"""A08, A22 and A23: the provider's keys turn. At a mock of their own, as no gateway of before has its keys then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx2
import pytest

from tests.conformance.browser import Browser
from tests.conformance.government import Government, mock_government
from tests.conformance.relying_party import Arrangement
from tests.conformance.statements import Statement


@pytest.fixture(scope="module")
def turning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Government]:
    with mock_government(tmp_path_factory.mktemp("turning")) as running:
        yield running


@pytest.fixture
def government(turning: Government) -> Government:
    turning.tell("/mock/reset", {})
    return turning


@pytest.fixture
def arrangement(arrangement: Arrangement, government: Government) -> Arrangement:
    """The one of all files, at this mock."""
    return replace(arrangement, government=government)


def test_a08_several_keys_need_a_name(arrangement: Arrangement, statement: Statement) -> None:
    with arrangement.relying_party("nameless-key") as fresh:
        statement.refused("A08: no `kid` and several keys is refused", fresh, "id-token-kid-absent-several-keys")


def test_a22_keys_that_turn_just_before_signing_are_fetched_once(
    arrangement: Arrangement, statement: Statement
) -> None:
    with arrangement.relying_party("turning-keys") as fresh:
        with Browser() as browser:
            assert fresh.sign_in(browser).status_code == httpx2.codes.OK
        before = fresh.asked()
        statement.accepted(
            "A22: a key turned just before signing: one refetch, signed in", fresh, "id-token-key-rotated"
        )
        assert (fresh.asked() - before)["v1/keys"] == 1


def test_a23_keys_that_turn_between_two_sign_ins_do_no_harm(
    arrangement: Arrangement, government: Government, statement: Statement
) -> None:
    with arrangement.relying_party("turned-keys") as fresh, arrangement.relying_party("turner") as other:
        with Browser() as browser:
            assert fresh.sign_in(browser).status_code == httpx2.codes.OK
        with Browser() as browser:
            other.arm("id-token-key-rotated")
            assert other.sign_in(browser).status_code == httpx2.codes.OK
        statement.accepted("A23: keys turned between two sign-ins: both succeed", fresh)
