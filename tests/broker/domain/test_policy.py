"""A policy value refuses to be one that nobody could pass or whose reasons could be confused."""

from dataclasses import replace

import pytest

from broker.domain.people import Assurance
from broker.domain.policy import AssuranceAtLeast, IsLegalRepresentative, Opening, Requirement
from tests.broker.domain.world import POLICY


def test_a_policy_without_an_opening_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one opening"):
        replace(POLICY, allow=())


@pytest.mark.parametrize("id_", ["sign-in-method", "inkom-user"])
def test_two_clauses_with_one_id_are_refused(id_: str) -> None:
    with pytest.raises(ValueError, match="id of its own"):
        replace(POLICY, allow=(*POLICY.allow, Opening(id=id_, condition=IsLegalRepresentative())))
    level = Requirement(id=id_, condition=AssuranceAtLeast(level=Assurance.HIGH))
    with pytest.raises(ValueError, match="id of its own"):
        replace(POLICY, require=(*POLICY.require, level))
