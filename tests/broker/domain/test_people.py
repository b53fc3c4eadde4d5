"""What the registers know: which function represents, when an enterprise may act, how sure a method is."""

from datetime import date

import pytest

from broker.domain.people import Assurance, Enterprise, Organisation, PersonRecord, SignInMethod
from tests.broker.domain.world import ENTERPRISE, OTHER_ENTERPRISE, function

ORGANISATION = Organisation(number=ENTERPRISE, name="Bakkerij")


@pytest.mark.parametrize(
    ("code", "represents"),
    [
        ("10002", True),
        ("10003", True),
        ("10005", True),
        ("10006", True),
        ("10007", True),
        ("10021", False),
        ("00004", False),
        ("20090", False),
        ("20202", False),
        ("43210", False),
        ("10002 ", False),
    ],
)
def test_only_functions_that_bind_the_enterprise_represent(code: str, represents: bool) -> None:
    assert function(code).represents is represents


@pytest.mark.parametrize(
    ("method", "level"),
    [
        (SignInMethod.EID, Assurance.HIGH),
        (SignInMethod.ITSME, Assurance.HIGH),
        (SignInMethod.APP, Assurance.SUBSTANTIAL),
        (SignInMethod.SMS, Assurance.SUBSTANTIAL),
        (SignInMethod.FEDERAL_TOKEN, Assurance.LOW),
    ],
)
def test_each_method_has_its_level(method: SignInMethod, level: Assurance) -> None:
    assert method.assurance is level
    assert level.word in {"low", "substantial", "high"}


def test_a_program_has_no_level_since_levels_are_of_people() -> None:
    assert SignInMethod.CLIENT_CREDENTIALS.assurance is None


def test_levels_are_ordered() -> None:
    assert Assurance.LOW < Assurance.SUBSTANTIAL < Assurance.HIGH


@pytest.mark.parametrize(
    ("active", "ceased_on", "acts"),
    [
        (True, None, True),
        (False, None, False),
        (True, date(2022, 6, 27), True),
        (True, date(2022, 6, 26), False),
        (True, date(2022, 6, 25), False),
    ],
)
def test_an_enterprise_that_ceases_on_a_day_no_longer_acts_on_it(
    active: bool, ceased_on: date | None, acts: bool
) -> None:
    enterprise = Enterprise(organisation=ORGANISATION, active=active, ceased_on=ceased_on)
    assert enterprise.active_on(date(2022, 6, 26)) is acts


def test_a_record_knows_the_organisations_of_its_person_only() -> None:
    record = PersonRecord(organisations=(ORGANISATION,))
    assert record.organisation(ENTERPRISE) == ORGANISATION
    assert record.organisation(OTHER_ENTERPRISE) is None
