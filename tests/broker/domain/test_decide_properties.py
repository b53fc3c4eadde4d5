"""What holds for all facts: a refusal never turns into access by losing a fact, and an independent rule agrees."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from broker.domain.decide import Decision, Role, decide
from broker.domain.people import Assurance, Facts, KboFunction, RelationStatus, SignInMethod, UserRight, WorkingRelation
from broker.domain.policy import (
    AssuranceAtLeast,
    Condition,
    HoldsRight,
    IsLegalRepresentative,
    MethodIsOneOf,
    Opening,
    OrganisationIs,
    Policy,
    Requirement,
    Road,
    SignedInWithin,
)
from broker.domain.validity import Period
from tests.broker.domain.world import (
    DAY,
    ENTERPRISE,
    METHODS,
    NEW_RIGHT,
    NOON,
    OLD_RIGHT,
    OTHER_ENTERPRISE,
    POLICY,
    SERVICE_PROVIDER,
    USER,
    facts,
    function,
    right,
)

NEAR = st.dates(DAY - timedelta(days=3), DAY + timedelta(days=3))
PERIODS = st.builds(lambda begins, until: Period(begins=begins, until=until), NEAR, st.none() | NEAR)
ORGANISATIONS = st.sampled_from([ENTERPRISE, OTHER_ENTERPRISE])
RELATIONS = st.builds(
    WorkingRelation, organisation=ORGANISATIONS, status=st.sampled_from(RelationStatus), period=PERIODS
)
RIGHTS = st.builds(
    UserRight,
    organisation=ORGANISATIONS,
    name=st.sampled_from([NEW_RIGHT, OLD_RIGHT, "Ander recht"]),
    profiles=st.lists(st.sampled_from([USER, SERVICE_PROVIDER]), max_size=3).map(tuple),
    period=PERIODS,
    relation=st.none() | RELATIONS,
)
FUNCTIONS = st.builds(
    KboFunction,
    organisation=ORGANISATIONS,
    code=st.sampled_from(["10002", "10003", "10021", "20090", "43210"]),
    period=PERIODS,
)
FACTS = st.builds(
    Facts,
    organisation=st.just(ENTERPRISE),
    active=st.booleans(),
    registered=st.booleans(),
    method=st.none() | st.sampled_from(SignInMethod),
    assurance=st.none() | st.sampled_from(Assurance),
    functions=st.lists(FUNCTIONS, max_size=3).map(tuple),
    rights=st.lists(RIGHTS, max_size=3).map(tuple),
    administrator=st.booleans(),
    has_representative=st.booleans(),
    authenticated_at=st.none() | st.integers(-60, 3600).map(lambda seconds: NOON - timedelta(seconds=seconds)),
)
ROADS = st.just(IsLegalRepresentative()) | st.builds(
    HoldsRight,
    name=st.just(NEW_RIGHT),
    predecessors=st.sampled_from([(), (OLD_RIGHT,)]),
    profiles=st.sampled_from([(USER,), (SERVICE_PROVIDER,), (USER, SERVICE_PROVIDER)]),
)
CONDITIONS = (
    st.builds(MethodIsOneOf, methods=st.frozensets(st.sampled_from(SignInMethod)))
    | st.builds(AssuranceAtLeast, level=st.sampled_from(Assurance))
    | st.builds(SignedInWithin, limit=st.integers(60, 3600).map(lambda seconds: timedelta(seconds=seconds)))
    | st.builds(OrganisationIs, active=st.booleans(), registered=st.booleans())
    | ROADS
)


def _policy(require: list[Condition], allow: list[Road]) -> Policy:
    return replace(
        POLICY,
        require=tuple(Requirement(id=f"r{i}", condition=one) for i, one in enumerate(require)),
        allow=tuple(Opening(id=f"a{i}", condition=one) for i, one in enumerate(allow)),
    )


POLICIES = st.builds(_policy, st.lists(CONDITIONS, max_size=3), st.lists(ROADS, min_size=1, max_size=3))


def _decided(policy: Policy, about: Facts, *, now: datetime = NOON) -> Decision:
    return decide(policy, application="kmo-portefeuille", facts=about, day=DAY, now=now)


def _poorer(about: Facts) -> list[Facts]:
    """The facts with one thing less, in every way there is."""
    without_function = [
        replace(about, functions=about.functions[:i] + about.functions[i + 1 :]) for i in range(len(about.functions))
    ]
    fewer_rights: list[Facts] = []
    for i, one in enumerate(about.rights):
        before, after = about.rights[:i], about.rights[i + 1 :]
        fewer_rights.append(replace(about, rights=before + after))
        fewer_rights.append(replace(about, rights=(*before, replace(one, relation=None), *after)))
        for j in range(len(one.profiles)):
            fewer = replace(one, profiles=one.profiles[:j] + one.profiles[j + 1 :])
            fewer_rights.append(replace(about, rights=(*before, fewer, *after)))
    return [
        *without_function,
        *fewer_rights,
        replace(about, method=None),
        replace(about, assurance=None),
        replace(about, authenticated_at=None),
        replace(about, active=False),
        replace(about, registered=False),
        replace(about, administrator=False),
    ]


@given(POLICIES, FACTS)
def test_a_refusal_never_turns_into_access_by_losing_a_fact(policy: Policy, about: Facts) -> None:
    if _decided(policy, about).allowed:
        return
    assert not any(_decided(policy, less).allowed for less in _poorer(about))


@given(POLICIES, FACTS, st.integers(0, 7200))
def test_a_refusal_never_turns_into_access_by_waiting(policy: Policy, about: Facts, seconds: int) -> None:
    later = NOON + timedelta(seconds=seconds)
    assert _decided(policy, about).allowed or not _decided(policy, about, now=later).allowed


@given(POLICIES, FACTS)
def test_a_decision_holds_until_the_instant_that_it_names_and_no_longer(policy: Policy, about: Facts) -> None:
    decision = _decided(policy, about)
    until = decision.valid_until
    if until is None:
        assert _decided(policy, about, now=NOON + timedelta(hours=11)).allowed == decision.allowed
        return
    assert _decided(policy, about, now=until).allowed
    assert not _decided(policy, about, now=until + timedelta(microseconds=1)).allowed


@given(POLICIES, FACTS)
def test_a_decision_is_consistent_with_its_steps(policy: Policy, about: Facts) -> None:
    decision = _decided(policy, about)
    split = len(policy.require)
    requirements, openings = decision.steps[:split], decision.steps[split:]
    assert [step.clause for step in decision.steps] == [one.id for one in policy.require] + [
        one.id for one in policy.allow
    ]
    assert decision.allowed == (
        all(step.finding.holds for step in requirements) and any(step.finding.holds for step in openings)
    )
    assert decision.settled_by in decision.steps
    assert decision.settled_by.finding.holds == decision.allowed
    assert decision.cause is decision.settled_by.finding.cause
    assert (decision.role is not None) == decision.allowed


@given(FACTS)
def test_what_only_explains_never_decides(about: Facts) -> None:
    allowed = _decided(POLICY, about).allowed
    assert _decided(POLICY, replace(about, administrator=not about.administrator)).allowed == allowed
    assert _decided(POLICY, replace(about, has_representative=not about.has_representative)).allowed == allowed


@given(FACTS)
def test_facts_of_another_organisation_never_open(about: Facts) -> None:
    elsewhere = replace(
        about,
        functions=tuple(replace(one, organisation=OTHER_ENTERPRISE) for one in about.functions),
        rights=tuple(replace(one, organisation=OTHER_ENTERPRISE) for one in about.rights),
    )
    assert not _decided(POLICY, elsewhere).allowed


YESTERDAY, TOMORROW = DAY - timedelta(days=1), DAY + timedelta(days=1)
SPANS = ((YESTERDAY, TOMORROW), (DAY, DAY), (YESTERDAY, YESTERDAY), (TOMORROW, None), (YESTERDAY, None))


def test_an_independent_rule_agrees_on_every_combination() -> None:
    """The specification's section 3 once more, over plain values, against `decide`."""
    functions = [None, *product(("10002", "10021"), (True, False), SPANS)]
    relations = [None, *product(("active", "paused", "pending"), SPANS)]
    rights = [
        None,
        *product((NEW_RIGHT, OLD_RIGHT, "Ander"), ((), (USER,), (SERVICE_PROVIDER, USER)), (True, False), SPANS),
    ]
    for function_, right_, relation_ in product(functions, rights, relations):
        about = _facts(function_, right_, relation_)
        represents = function_ is not None and function_[0] == "10002" and function_[1] and _on(function_[2])
        uses = (
            right_ is not None
            and right_[0] in (NEW_RIGHT, OLD_RIGHT)
            and USER in right_[1]
            and right_[2]
            and _on(right_[3])
            and relation_ is not None
            and relation_[0] == "active"
            and _on(relation_[1])
        )
        decision = _decided(POLICY, about)
        assert decision.allowed == (represents or uses), about
        role = (Role.LEGAL_REPRESENTATIVE if represents else Role.USER) if decision.allowed else None
        assert decision.role is role


def test_the_independent_rule_agrees_on_what_must_hold_for_everybody() -> None:
    for method, active, registered, in_ in product((None, *SignInMethod), (True, False), (True, False), (True, False)):
        about = facts(method=method, active=active, registered=registered, functions=(function(),) if in_ else ())
        assert _decided(POLICY, about).allowed == (method in METHODS and active and registered and in_)


_Span = tuple[date, date | None]


def _on(span: _Span) -> bool:
    return span[0] <= DAY and (span[1] is None or span[1] >= DAY)


def _facts(
    held: tuple[str, bool, _Span] | None,
    given_: tuple[str, tuple[str, ...], bool, _Span] | None,
    related: tuple[str, _Span] | None,
) -> Facts:
    def where(here: bool) -> object:
        return ENTERPRISE if here else OTHER_ENTERPRISE

    def span(pair: _Span) -> Period:
        return Period(begins=pair[0], until=pair[1])

    relation = related and WorkingRelation(
        organisation=ENTERPRISE, status=RelationStatus(related[0]), period=span(related[1])
    )
    functions = (function(held[0], organisation=where(held[1]), period=span(held[2])),) if held else ()
    if given_ is None:
        return facts(functions=functions)
    name, profiles, here, days = given_
    one = right(name=name, profiles=profiles, organisation=where(here), period=span(days), relation=relation)
    return facts(functions=functions, rights=(one,))
