"""All faults that can be armed, from the modules that bring them about."""

from __future__ import annotations

from mock_idp import broken_answers
from mock_idp.acm import (
    backchannel,
    callback_faults,
    endpoint_faults,
    id_token_fault_list,
    logout,
    protection_faults,
)
from mock_idp.faults import Fault, Stage


def all_faults() -> tuple[Fault, ...]:
    return (
        *callback_faults.catalogue(),
        *id_token_fault_list.catalogue(),
        *endpoint_faults.catalogue(),
        *protection_faults.catalogue(),
        *logout.catalogue(),
        *backchannel.catalogue(),
        *broken_answers.catalogue(Stage.IDM, "idm", statements=("D83",)),
        *broken_answers.catalogue(Stage.KBO, "kbo", statements=("D83",)),
    )
