"""Part D2 of the acceptance list on raw sockets: what is answered, and that the backend gets what was decided on."""

from __future__ import annotations

import pytest

from tests.security.cases import accepted
from tests.security.cases.form import Good
from tests.security.gateway import Gateway
from tests.security.judging import assert_accepted


def each(*cases: Good) -> pytest.MarkDecorator:
    """One test for each case."""
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


@each(*accepted.UNDERSCORES)
async def test_d21_underscore_names_are_no_framing_and_dropped(gateway: Gateway, case: Good) -> None:
    await assert_accepted(gateway, case)


@each(*accepted.BODIES)
async def test_d23_a_body_where_none_is_expected_is_never_a_request(gateway: Gateway, case: Good) -> None:
    await assert_accepted(gateway, case)


@each(*accepted.EARLY)
async def test_d24_a_body_behind_an_early_answer_is_never_a_request(gateway: Gateway, case: Good) -> None:
    await assert_accepted(gateway, case)


@each(*accepted.EXPECTING)
async def test_d25_a_body_that_did_not_wait_for_100_is_never_a_request(gateway: Gateway, case: Good) -> None:
    await assert_accepted(gateway, case)


@each(*accepted.HOSTS)
async def test_d29_other_spellings_of_the_host_change_no_verdict(gateway: Gateway, case: Good) -> None:
    await assert_accepted(gateway, case)


@each(*accepted.ABSOLUTE)
async def test_d30_an_absolute_target_of_the_same_host_is_judged_as_its_path(gateway: Gateway, case: Good) -> None:
    await assert_accepted(gateway, case)


@each(*accepted.UPGRADES)
async def test_d32_d33_v24_other_upgrades_are_ignored_and_not_forwarded(gateway: Gateway, case: Good) -> None:
    await assert_accepted(gateway, case)


@each(*accepted.METHODS)
async def test_d47_an_override_of_the_method_changes_nothing_and_is_dropped(gateway: Gateway, case: Good) -> None:
    await assert_accepted(gateway, case)


@each(*accepted.TRAILERS)
async def test_v19_trailers_are_dropped(gateway: Gateway, case: Good) -> None:
    await assert_accepted(gateway, case)


@each(*accepted.TOLERATED)
async def test_v23_what_is_tolerated_is_written_anew_without_doubt(gateway: Gateway, case: Good) -> None:
    await assert_accepted(gateway, case)
