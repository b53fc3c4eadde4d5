"""Part D2 of the acceptance list on raw sockets: lengths, codings, chunks. The cases are in `cases/framing`."""

from __future__ import annotations

import pytest

from tests.security.cases import framing
from tests.security.cases.form import Case
from tests.security.gateway import Gateway
from tests.security.judging import assert_refused


def name_of(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", framing.BOTH, ids=name_of)
async def test_d18_v20_length_and_coding_together_are_refused(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)


@pytest.mark.parametrize("case", framing.LENGTHS, ids=name_of)
async def test_d19_v23_a_length_that_is_not_one_number_is_refused(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)


@pytest.mark.parametrize("case", framing.CODINGS, ids=name_of)
async def test_d20_a_coding_that_is_not_plainly_chunked_is_refused(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)


@pytest.mark.parametrize("case", [*framing.CHUNKS, *framing.CHUNK_FLOODS], ids=name_of)
async def test_d22_v25_a_bad_chunk_ends_the_request_and_its_half_is_never_whole(gateway: Gateway, case: Case) -> None:
    await assert_refused(gateway, case)
