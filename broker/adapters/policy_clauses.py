"""The clauses of a policy file as domain conditions: exactly one per clause, and roads only under `allow`.

Every rule that is broken is noted in the document at its line; what a clause is then worth does not matter, as a
document with problems gives no policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from broker.adapters.durations import HOW, length_of
from broker.adapters.given_facts import texts
from broker.adapters.policy_form import ClauseForm, OrganisationForm, RightForm, SignInForm
from broker.documents import Document
from broker.domain.demand import NOTHING, Demand, Prompt
from broker.domain.people import Assurance, SignInMethod
from broker.domain.policy import (
    AssuranceAtLeast,
    Condition,
    HoldsRight,
    IsLegalRepresentative,
    MethodIsOneOf,
    Opening,
    OrganisationIs,
    Requirement,
    SignedInWithin,
)

CONDITIONS = ("method", "assurance", "signed_in_within", "organisation", "legal_representative", "right")
ROADS = ("legal_representative", "right")
# Less than this passes while people choose an organisation: they would be asked again before they arrive.
_SHORTEST = timedelta(minutes=1)
_ACR = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,255}", re.ASCII)


def requirements(document: Document, clauses: tuple[ClauseForm, ...]) -> Iterator[Requirement]:
    """Yield the clauses of `require`, in order."""
    for index, clause in enumerate(clauses, start=1):
        condition = _condition(document, f"require[{index}]", clause)
        if condition is not None:
            yield Requirement(id=clause.id, condition=condition)


def openings(document: Document, clauses: tuple[ClauseForm, ...]) -> Iterator[Opening]:
    """Yield the clauses of `allow`, in order."""
    for index, clause in enumerate(clauses, start=1):
        at = f"allow[{index}]"
        condition = _condition(document, at, clause)
        match condition:
            case IsLegalRepresentative() | HoldsRight():
                yield Opening(id=clause.id, condition=condition)
            case MethodIsOneOf() | AssuranceAtLeast() | SignedInWithin() | OrganisationIs():
                (stated,) = _stated(clause)
                document.wrong_at(
                    f"{at}.{stated}", f"cannot open anything; only {' and '.join(ROADS)} can, move it to require"
                )


def sign_in(document: Document, form: SignInForm | None) -> Demand:
    """Return how the provider is asked for the applications of a policy."""
    if form is None:
        return NOTHING
    prompt = (form.prompt,) if isinstance(form.prompt, str) else form.prompt
    values = texts(form.acr_values)
    for value in values:
        if _ACR.fullmatch(value) is None:
            document.wrong_at(
                "sign_in.acr_values", f"{value!r} is no acr value: visible ASCII without spaces or quotes"
            )
    age = None if form.max_age is None else _length(document, "sign_in.max_age", form.max_age)
    if not prompt and not values and age is None:
        document.wrong_at("sign_in", "asks for nothing; name prompt, acr_values or max_age, or remove it")
    return Demand(
        prompt=tuple(one for one in Prompt if one.value in prompt),
        acr_values=tuple(dict.fromkeys(values)),
        max_age=None if age is None else int(age.total_seconds()),
    )


def _length(document: Document, at: str, written: str) -> timedelta:
    length = length_of(written)
    if length is None:
        document.wrong_at(at, HOW)
    elif length < _SHORTEST:
        document.wrong_at(at, "is shorter than a sign-in takes; the shortest is 1m")
    return length or _SHORTEST


def _stated(clause: ClauseForm) -> list[str]:
    return [name for name in CONDITIONS if getattr(clause, name) is not None]


def _condition(document: Document, at: str, clause: ClauseForm) -> Condition | None:
    stated = _stated(clause)
    if len(stated) != 1:
        has = f"it has {' and '.join(stated)}" if stated else "it has none"
        document.wrong_at(at, f"clause {clause.id} needs exactly one condition of {', '.join(CONDITIONS)}; {has}")
        return None
    if clause.method is not None:
        return _method(document, f"{at}.method", clause.method)
    if clause.assurance is not None:
        return AssuranceAtLeast(level=Assurance[clause.assurance.upper()])
    if clause.signed_in_within is not None:
        return SignedInWithin(limit=_length(document, f"{at}.signed_in_within", clause.signed_in_within))
    if clause.organisation is not None:
        return _organisation(document, f"{at}.organisation", clause.organisation)
    if clause.right is not None:
        return _right(document, f"{at}.right", clause.right)
    if not clause.legal_representative:
        document.wrong_at(f"{at}.legal_representative", "only true means something; remove the clause or write true")
    return IsLegalRepresentative()


def _method(document: Document, at: str, methods: tuple[str, ...]) -> MethodIsOneOf:
    if not methods:
        document.wrong_at(at, "name at least one method, or nobody can pass")
    return MethodIsOneOf(methods=frozenset(SignInMethod(method) for method in methods))


def _organisation(document: Document, at: str, form: OrganisationForm) -> OrganisationIs:
    if {form.active, form.registered} not in ({True}, {True, None}):
        document.wrong_at(at, "only true means something; write {active: true, registered: true}, or one of them")
    return OrganisationIs(active=form.active is True, registered=form.registered is True)


def _right(document: Document, at: str, form: RightForm) -> HoldsRight:
    profiles = texts(form.profile)
    if not profiles or not all(profiles):
        document.wrong_at(f"{at}.profile", "name at least one profile, or nobody can pass")
    return HoldsRight(name=form.name, predecessors=texts(form.predecessors), profiles=profiles)
