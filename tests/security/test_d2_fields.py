"""Part D2 of the acceptance list on raw sockets: lines, hosts, methods, versions. The cases are in `cases/fields`."""

from __future__ import annotations

import pytest

from tests.security.cases import fields
from tests.security.cases.form import Case
from tests.security.gateway import Gateway
from tests.security.judging import assert_refused
from tests.security.test_d2_framing import name_of


@pytest.mark.parametrize("case", fields.EXPECTATIONS, ids=name_of)
async def test_d25_an_unknown_expectation_is_refused(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)


@pytest.mark.parametrize("case", fields.LINES, ids=name_of)
async def test_d26_v23_a_line_that_is_no_line_of_http_is_refused(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)


@pytest.mark.parametrize("case", fields.HOSTS, ids=name_of)
async def test_d27_v21_v30_anything_but_one_good_host_is_refused(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)


@pytest.mark.parametrize("case", fields.FOREIGN_HOSTS, ids=name_of)
async def test_d28_a_host_that_is_not_configured_is_misdirected_and_led_nowhere(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)


@pytest.mark.parametrize("case", fields.ABSOLUTE, ids=name_of)
async def test_d30_v22_a_target_that_names_another_place_than_the_host_is_refused(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)


@pytest.mark.parametrize("case", fields.METHODS, ids=name_of)
async def test_d31_v21_v23_other_methods_and_versions_are_refused(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)


@pytest.mark.parametrize("case", [*fields.UPGRADES, *fields.WEBSOCKET_VERSIONS], ids=name_of)
async def test_d33_a_bad_upgrade_never_switches(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)


@pytest.mark.parametrize("case", [*fields.FIELDS_TOO_MANY, *fields.TARGETS_TOO_LONG], ids=name_of)
async def test_v29_floods_of_fields_and_long_targets_are_cut(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)
