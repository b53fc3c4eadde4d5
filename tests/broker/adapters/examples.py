"""The cast of the adapters' tests: one person, her session, her attempt to sign in, and a clock that is set by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

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
from broker.domain.session import Acting, Identity, Session, SignInAttempt
from broker.domain.validity import Period, brussels_day

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
BAKERY = EnterpriseNumber("1999999943")
TRAINING = EnterpriseNumber("1999999844")
AN = NationalNumber("82672100108")
STATE = "a-state-of-at-least-128-random-bits-in-real-life"


class SetClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = NOW) -> None:
        self.instant = now

    def now(self) -> datetime:
        return self.instant

    def today(self) -> date:
        return brussels_day(self.instant)

    def move(self, by: timedelta) -> None:
        self.instant += by


def identity(**changes: object) -> Identity:
    values: dict[str, object] = {
        "issuer": "https://acm.example/op",
        "subject": "2365621db15c6e2846ca71a1f2774e79fa28c487",
        "national_number": AN,
        "given_name": "Éloïse",
        "family_name": "Testerszoon",
        "method": SignInMethod.EID,
        "assurance": Assurance.HIGH,
        "authenticated_at": NOW,
        "acm_session": "d7oS9Cxr4wEhoRiGK5n32Q",
    }
    return Identity(**{**values, **changes})  # type: ignore[arg-type]  # the changes are the test's own


def acting() -> Acting:
    relation = WorkingRelation(
        organisation=BAKERY,
        status=RelationStatus.ACTIVE,
        period=Period(begins=date(2024, 1, 1), until=date(2034, 1, 1)),
    )
    right = UserRight(
        organisation=BAKERY,
        name="VLAIO Inkom Gebruiker Nieuw",
        profiles=("Gebruiker",),
        period=Period(begins=date(2024, 1, 1), until=date(2028, 1, 1)),
        relation=relation,
    )
    function = KboFunction(organisation=BAKERY, code="10002", period=Period(begins=date(2020, 1, 1), until=None))
    facts = Facts(
        organisation=BAKERY,
        active=True,
        registered=True,
        method=SignInMethod.EID,
        assurance=Assurance.HIGH,
        functions=(function,),
        rights=(right,),
    )
    return Acting(organisation=Organisation(number=BAKERY, name="Voorbeeld Bakkerij BV"), facts=facts, read_at=NOW)


def session(**changes: object) -> Session:
    values: dict[str, object] = {
        "reference": "S-7Q2F",
        "identity": identity(),
        "began_at": NOW,
        "form_token": "form-token-of-the-session",
        "acting": acting(),
    }
    return Session(**{**values, **changes})  # type: ignore[arg-type]  # the changes are the test's own


def attempt(**changes: object) -> SignInAttempt:
    values: dict[str, object] = {
        "state": STATE,
        "nonce": "a-nonce-of-at-least-128-random-bits",
        "code_verifier": "v" * 64,
        "return_to": "/kmo-portefeuille/",
        "language": "nl",
        "began_at": NOW,
    }
    return SignInAttempt(**{**values, **changes})  # type: ignore[arg-type]  # the changes are the test's own
