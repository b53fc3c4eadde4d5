"""Small builders of domain values, so that a test names only what it is about. All numbers are nobody's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from broker.domain.numbers import EnterpriseNumber, NationalNumber
from broker.domain.people import (
    Assurance,
    Facts,
    KboFunction,
    Organisation,
    RelationStatus,
    SignInMethod,
    UserRight,
    WorkingRelation,
)
from broker.domain.policy import (
    HoldsRight,
    IsLegalRepresentative,
    MethodIsOneOf,
    Opening,
    OrganisationIs,
    Policy,
    Requirement,
)
from broker.domain.session import Acting, Identity, Session
from broker.domain.validity import Period

ENTERPRISE = EnterpriseNumber("1999999943")
OTHER_ENTERPRISE = EnterpriseNumber("1999999844")
PERSON = NationalNumber("82672100108")
NEW_RIGHT, OLD_RIGHT = "VLAIO Inkom Gebruiker Nieuw", "VLAIO Inkom Gebruiker"
USER, SERVICE_PROVIDER = "Gebruiker", "Dienstverlener kmo-portefeuille"
DAY = date(2022, 6, 26)
NOON = datetime(2022, 6, 26, 12, tzinfo=UTC)
METHODS = frozenset(SignInMethod) - {SignInMethod.CLIENT_CREDENTIALS}  # the five of people

POLICY = Policy(
    id="inkom",
    version="0123456789ab",
    title=(("nl", "Toegang"), ("en", "Access")),
    applications=("kmo-portefeuille", "ecologiepremie-plus"),
    require=(
        Requirement(id="sign-in-method", condition=MethodIsOneOf(methods=METHODS)),
        Requirement(id="organisation-active", condition=OrganisationIs(active=True, registered=True)),
    ),
    allow=(
        Opening(id="legal-representative", condition=IsLegalRepresentative()),
        Opening(id="inkom-user", condition=HoldsRight(name=NEW_RIGHT, predecessors=(OLD_RIGHT,), profiles=(USER,))),
    ),
)


def period(begins: str = "2018-06-26", until: str | None = "2022-06-26") -> Period:
    """A run of days, by default one whose last day is DAY."""
    return Period(begins=date.fromisoformat(begins), until=date.fromisoformat(until) if until else None)


def function(code: str = "10002", **changes: Any) -> KboFunction:
    """A function that holds on DAY."""
    return replace(KboFunction(organisation=ENTERPRISE, code=code, period=period(until=None)), **changes)


def relation(**changes: Any) -> WorkingRelation:
    """An active working relation that holds on DAY."""
    usual = WorkingRelation(organisation=ENTERPRISE, status=RelationStatus.ACTIVE, period=period(until="2028-06-26"))
    return replace(usual, **changes)


def right(**changes: Any) -> UserRight:
    """A right that opens on DAY."""
    usual = UserRight(organisation=ENTERPRISE, name=NEW_RIGHT, profiles=(USER,), period=period(), relation=relation())
    return replace(usual, **changes)


def facts(**changes: Any) -> Facts:
    """Somebody signed in for an enterprise in order, with neither function nor right."""
    usual = Facts(
        organisation=ENTERPRISE,
        active=True,
        registered=True,
        method=SignInMethod.ITSME,
        assurance=Assurance.HIGH,
    )
    return replace(usual, **changes)


def identity(**changes: Any) -> Identity:
    """Somebody who signed in at NOON."""
    usual = Identity(
        issuer="http://localhost:9000/op",
        subject="a" * 40,
        national_number=PERSON,
        given_name="Éloïse",
        family_name="De Smet",
        method=SignInMethod.ITSME,
        assurance=Assurance.HIGH,
        authenticated_at=NOON,
    )
    return replace(usual, **changes)


def acting(about: Facts, name: str = "Bakkerij Ünal & Zonen") -> Acting:
    """The organisation of the facts, chosen at NOON."""
    return Acting(organisation=Organisation(number=about.organisation, name=name), facts=about, read_at=NOON)


def session(about: Facts | None = None, **changes: Any) -> Session:
    """A session, acting for an organisation when facts about one are given."""
    usual = Session(
        reference="s-1",
        identity=identity(),
        began_at=NOON,
        form_token="token",
        acting=acting(about) if about is not None else None,
    )
    return replace(usual, **changes)
