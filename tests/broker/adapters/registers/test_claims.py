"""Claims in the place of registers: recorded claims, from the verified token to the decision of the real policy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.adapters.oidc.person import signed_in
from broker.adapters.oidc.settings import ACM_ACR, ClaimNames
from broker.adapters.oidc.tokens import VerifiedClaims
from broker.adapters.policy_files import load
from broker.adapters.registers.claims import ClaimedRegisters
from broker.config import Claims
from broker.domain.decide import Cause, Decision, decide
from broker.domain.numbers import EnterpriseNumber
from broker.domain.people import Organisation, PersonRecord
from broker.domain.session import Identity
from broker.facts import facts_about
from broker.ports import Mismatch, SignInRefused
from tests.broker.adapters.examples import BAKERY, TRAINING, SetClock, identity
from tests.broker.adapters.registers.recordings import recorded_claims
from tests.project.places import ROOT

SIGNED_IN = datetime.fromtimestamp(1_795_512_600, UTC)
RIGHT = "VLAIOInkomGebruikerNieuw"
(POLICY,) = load(ROOT / "policies", applications=("kmo-portefeuille", "ecologiepremie-plus", "coronamaatregelen"))


def person(recording: str = "claims-employee", userinfo: dict[str, Any] | None = None, **changes: Any) -> Identity:
    """Whoever the claims are about, as the sign-in makes them."""
    claims = VerifiedClaims(recorded_claims(recording, **changes))
    signed = signed_in(
        claims, userinfo or {}, subject=claims["sub"], acr=ACM_ACR, names=ClaimNames(), keeps_claims=True
    )
    return signed.identity


def registers(clock: SetClock | None = None, table: Claims | None = None) -> ClaimedRegisters:
    table = table or Claims()
    return ClaimedRegisters(rights=table.rights, profiles=table.profiles, clock=clock or SetClock(SIGNED_IN))


async def decided(who: Identity, *, table: Claims | None = None) -> Decision | None:
    """The decision for the organisation that the person can act for; None when there is none."""
    claimed = registers(table=table)
    record = await claimed.person(who)
    if not record.organisations:
        return None
    (only,) = record.organisations
    enterprise = await claimed.enterprise(only.number)
    day = SIGNED_IN.date()
    facts = facts_about(
        only.number,
        record,
        enterprise,
        registered=True,
        method=who.method,
        assurance=who.assurance,
        authenticated_at=who.auth_time,
        day=day,
    )
    return decide(POLICY, application="kmo-portefeuille", facts=facts, day=day, now=SIGNED_IN)


async def allowed(recording: str = "claims-employee", **changes: Any) -> bool:
    decision = await decided(person(recording, **changes))
    return decision is not None and decision.allowed


async def test_a_legal_representative_gets_in_by_what_acm_says() -> None:
    decision = await decided(person("claims-representative"))
    assert decision is not None
    assert (decision.allowed, decision.reason) == (True, "legal-representative")


async def test_an_employee_with_the_right_and_the_profile_gets_in() -> None:
    decision = await decided(person("claims-employee"))
    assert decision is not None
    assert (decision.allowed, decision.reason) == (True, "inkom-user")


async def test_a_service_provider_lacks_the_profile() -> None:
    decision = await decided(person("claims-service-provider"))
    assert decision is not None
    assert (decision.allowed, decision.cause) == (False, Cause.WRONG_PROFILE)


async def test_the_organisation_is_the_one_chosen_at_acm_by_its_name() -> None:
    record = await registers().person(person())
    assert record.organisations == (Organisation(number=BAKERY, name="Voorbeeld Bakkerij BV"),)
    nameless = await registers().person(person(vo_orgnaam=None))
    assert nameless.organisations == (Organisation(number=BAKERY, name=BAKERY.dotted),)


@pytest.mark.parametrize(
    "roles",
    [
        [f"{RIGHT}-Gebruiker:1999999844, 1999999943"],
        [f"{RIGHT}-Gebruiker:1999999844,1999999943"],
        [f"{RIGHT}-DienstverlenerKmoPortefeuille:1999999943", f"{RIGHT}-Gebruiker:1999999943"],
        [f"{RIGHT.lower()}-GEBRUIKER:1999999943"],
        [f"{RIGHT}-Gebruiker:1999.999.943"],
        f"{RIGHT}-Gebruiker:1999999943",
    ],
)
async def test_the_right_is_found_in_every_way_that_acm_may_write_it(roles: object) -> None:
    assert await allowed(vlaio_inkom_rol_3d=roles)
    assert await allowed(vlaio_inkom_rol_3d=None, vlaio_inkom_rol_3D=roles)


MUST_BE_REFUSED: dict[str, dict[str, object]] = {
    "right elsewhere": {"vlaio_inkom_rol_3d": [f"{RIGHT}-Gebruiker:1999999844"]},
    "two dimensions, no profile": {"vlaio_inkom_rol_3d": [f"{RIGHT}:1999999943"]},
    "another profile": {"vlaio_inkom_rol_3d": [f"{RIGHT}-Lezer:1999999943"]},
    "a profile that only begins like it": {"vlaio_inkom_rol_3d": [f"{RIGHT}-GebruikerX:1999999943"]},
    "the older right": {"vlaio_inkom_rol_3d": ["VLAIOInkomGebruiker-Gebruiker:1999999943"]},
    "a right that only begins like it": {"vlaio_inkom_rol_3d": [f"{RIGHT}s-Gebruiker:1999999943"]},
    "the right's own name": {"vlaio_inkom_rol_3d": ["VLAIO Inkom Gebruiker Nieuw-Gebruiker:1999999943"]},
    "no organisation in the role": {"vlaio_inkom_rol_3d": [f"{RIGHT}-Gebruiker"]},
    "wrong check digits in the role": {"vlaio_inkom_rol_3d": [f"{RIGHT}-Gebruiker:1999999900"]},
    "rubbish": {"vlaio_inkom_rol_3d": ["::::", "", 7, None, {"a": 1}, "-:,"]},
    "another application's claim": {
        "vlaio_inkom_rol_3d": None,
        "mijntoepassing_rol_3d": [f"{RIGHT}-Gebruiker:1999999943"],
    },
    "the claim mijntoepassing": {"vlaio_inkom_rol_3d": None, "mijntoepassing": [f"{RIGHT}-Gebruiker:1999999943"]},
    "no roles": {"vlaio_inkom_rol_3d": None},
    "acting for another organisation": {"vo_orgcode": "1999999844"},
    "a citizen": {"vo_doelgroepcode": "BUR", "vo_orgcode": None, "vo_orgnaam": None},
    "a citizen with an organisation": {"vo_doelgroepcode": "BUR"},
    "no organisation chosen": {"vo_orgcode": None},
    "a blank organisation": {"vo_orgcode": " "},
    "wrong check digits": {"vo_orgcode": "1999999900"},
    "an OVO code": {"vo_orgcode": "OVO002949"},
    "a list of organisations": {"vo_orgcode": ["1999999943"]},
    "no acr": {"acr": None},
    "an acr that is only a password": {"acr": "urn:be:vlaanderen:authmech:csampassword"},
    "an acr that nobody knows": {"acr": "urn:be:vlaanderen:authmech:eid2"},
}


@pytest.mark.parametrize("changes", MUST_BE_REFUSED.values(), ids=MUST_BE_REFUSED)
async def test_an_employee_with_other_claims_is_refused(changes: dict[str, object]) -> None:
    assert not await allowed("claims-employee", **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"wv_orgcode": "1999999844"},
        {"wv_orgcode": None},
        {"wv_orgcode": " "},
        {"wv_orgcode": ["1999999943"]},
        {"wv_orgcode": "1999999900"},
        {"vo_orgcode": "1999999844"},
        {"vo_orgcode": None},
        {"vo_orgcode": " "},
        {"vo_doelgroepcode": "BUR"},
        {"acr": None},
    ],
    ids=str,
)
async def test_a_representative_with_other_claims_is_refused(changes: dict[str, object]) -> None:
    assert not await allowed("claims-representative", **changes)


async def test_a_right_of_another_organisation_is_the_reason_that_is_given() -> None:
    decision = await decided(person(vlaio_inkom_rol_3d=[f"{RIGHT}-Gebruiker:1999999844"]))
    assert decision is not None
    assert decision.cause is Cause.RIGHT_ELSEWHERE


@pytest.mark.parametrize("giver", ["1999999844", "1999999943", " ", 0, ["1999999844"]])
def test_whoever_signs_in_with_a_mandate_is_refused(giver: object) -> None:
    with pytest.raises(SignInRefused) as refusal:
        person("claims-representative", ssm_mandaatgever=giver)
    assert refusal.value.mismatch is Mismatch.ON_BEHALF_OF_ANOTHER
    with pytest.raises(SignInRefused):
        person("claims-representative", {"ssm_mandaatgever": giver})


def test_the_national_number_is_still_needed() -> None:
    with pytest.raises(SignInRefused) as refusal:
        person(rrn=None)
    assert refusal.value.mismatch is Mismatch.NO_NATIONAL_NUMBER


def test_without_an_end_of_the_token_nothing_is_believed() -> None:
    with pytest.raises(SignInRefused, match="exp"):
        person(exp=None)


async def test_claims_are_worth_nothing_from_the_end_of_their_token() -> None:
    clock = SetClock(SIGNED_IN)
    who = person()
    clock.move(timedelta(seconds=3599))
    assert (await registers(clock).person(who)).rights
    clock.move(timedelta(seconds=1))
    assert await registers(clock).person(who) == PersonRecord()


async def test_whoever_signed_in_while_registers_were_asked_has_no_claims() -> None:
    assert await registers().person(identity()) == PersonRecord()


def test_no_claims_are_kept_where_registers_are_asked() -> None:
    claims = VerifiedClaims(recorded_claims("claims-employee", ssm_mandaatgever="1999999844"))
    signed = signed_in(claims, {}, subject="s", acr=ACM_ACR, names=ClaimNames())
    assert signed.identity.claimed is None


async def test_an_older_right_counts_once_it_is_in_the_table() -> None:
    table = Claims(rights={"VLAIOInkomGebruiker": "VLAIO Inkom Gebruiker"})
    older = person(vlaio_inkom_rol_3d=["VLAIOInkomGebruiker-Gebruiker:1999999943"])
    decision = await decided(older, table=table)
    assert decision is not None
    assert decision.allowed
    newer = await decided(person(), table=table)
    assert newer is not None
    assert not newer.allowed


async def test_nobody_else_is_known() -> None:
    contacts = await registers().contacts(TRAINING, day=SIGNED_IN.date())
    assert (contacts.known, contacts.representatives, contacts.administrators) == (False, (), ())


@given(st.text(max_size=40).filter(lambda code: code.casefold() != RIGHT.casefold()))
async def test_no_code_but_those_of_the_table_gives_a_right(code: str) -> None:
    record = await registers().person(person(vlaio_inkom_rol_3d=[f"{code}-Gebruiker:1999999943"]))
    named = {role.casefold() for role in (code.partition("-")[0].strip(),)}
    assert not record.rights or named == {RIGHT.casefold()}


@given(st.lists(st.sampled_from(["1999999943", "1999999844", "1999999900", "OVO002949", ""]), min_size=1))
async def test_a_right_is_given_in_the_organisations_that_the_role_names_and_in_no_other(codes: list[str]) -> None:
    record = await registers().person(person(vlaio_inkom_rol_3d=[f"{RIGHT}-Gebruiker:{','.join(codes)}"]))
    given_in = {right.organisation for right in record.rights}
    good = {EnterpriseNumber(code) for code in codes if code in {"1999999943", "1999999844"}}
    assert given_in == (good if "" not in codes else set())
