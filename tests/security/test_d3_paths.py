"""Part D3 of the acceptance list on raw sockets: `public` is open to the visitor, `admin` is not."""

from __future__ import annotations

import pytest

from tests.security.cases import paths
from tests.security.cases.form import Case, Good, head
from tests.security.gateway import Gateway
from tests.security.judging import assert_accepted, assert_refused, path_of


def of(number: str) -> pytest.MarkDecorator:
    """The cases of one statement."""
    cases = [case for case in paths.REFUSED if number in case.statements]
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


@of("D37")
async def test_d37_v17_v26_dot_segments_are_refused(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)


@of("D38")
async def test_d38_empty_segments_and_blanks_are_refused(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)


@of("D39")
async def test_d39_path_parameters_are_refused(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)


@of("D40")
async def test_d40_backslashes_are_refused(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)


@of("D41")
async def test_d41_control_characters_and_8_bit_octets_are_refused(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)


@of("D42")
async def test_d42_what_is_not_utf_8_in_its_shortest_form_is_refused(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)


@of("D45")
async def test_d45_fragments_are_refused(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)


@of("D26")
async def test_d26_characters_that_no_path_may_hold_are_refused(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)


@pytest.mark.parametrize(("statement", "target", "path"), paths.SENT_AS_THEY_CAME)
async def test_d43_to_d46_d30_v17_v26_v31_what_is_decided_is_byte_for_byte_what_is_sent(
    gateway: Gateway, statement: str, target: bytes, path: bytes
) -> None:
    sent = ((b"GET", target, b""),)
    case = Good(
        name=repr(target), statements=frozenset((statement,)), raw=head(target=target), sent=sent, statuses=(200,)
    )
    await assert_accepted(gateway, case)
    # The audit record was about the path in its one spelling, which is written down in the table.
    assert path_of(target) == path


@pytest.mark.parametrize(("statement", "target", "status"), paths.NOT_LET_IN)
async def test_d38_d44_to_d46_no_spelling_of_another_path_is_let_in(
    gateway: Gateway, statement: str, target: bytes, status: int
) -> None:
    numbers = frozenset((statement,))
    await assert_accepted(
        gateway, Good(name=repr(target), statements=numbers, raw=head(target=target), sent=(), statuses=(status,))
    )
