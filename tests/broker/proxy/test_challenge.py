"""A backend's challenge (RFC 9470): what is one, and when it sends a person to sign in again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.adapters.oidc.settings import ACM_ACR
from broker.domain.admission import Forward, SignIn, admit
from broker.domain.demand import Asked, Demand
from broker.domain.people import Assurance
from broker.domain.policy import Policy
from broker.domain.session import Session
from broker.ports import Passage
from broker.proxy.challenge import Challenge, Challenges, StepUpAsked, challenge_in
from tests.broker.adapters.examples import SetClock
from tests.broker.domain.world import DAY, NOON, POLICY, facts, function, identity, session

ERROR = 'error="insufficient_user_authentication"'
MEANS = "urn:be:vlaanderen:authmech:"
EID, SMS = MEANS + "eid", MEANS + "csamsms"


def read(*fields: str, status: int = 401) -> Challenge | None:
    return challenge_in(status, [(b"WWW-Authenticate", field.encode("latin-1")) for field in fields])


@pytest.mark.parametrize(
    ("field", "acr_values", "max_age"),
    [
        (f'Bearer {ERROR}, acr_values="a b", max_age="5"', ("a", "b"), 5),
        (f"bearer {ERROR} , acr_values = a ,max_age=5", ("a",), 5),
        (f'Bearer realm="x, y", scope=z, {ERROR}, max_age=0', (), 0),
        (f'Basic realm="x", Bearer {ERROR}, max_age=5', (), 5),
        (f"Negotiate, Bearer {ERROR}, max_age=5", (), 5),
        (f"Negotiate YWJj==, Bearer {ERROR}, max_age=5, Basic realm=x", (), 5),
        (f'DPoP algs="ES256", {ERROR}, acr_values="a a"', ("a",), None),
        (f'Bearer error_description="say \\"now\\"", {ERROR}, max_age=5', (), 5),
    ],
)
def test_a_challenge_is_found_among_others(field: str, acr_values: tuple[str, ...], max_age: int | None) -> None:
    assert read(field) == Challenge(acr_values=acr_values, max_age=max_age)
    assert read('Bearer realm="other"', field) == Challenge(acr_values=acr_values, max_age=max_age)


@pytest.mark.parametrize(
    "field",
    [
        "",
        "Bearer",
        f"Bearer {ERROR}",
        f'Bearer {ERROR}, acr_values=" "',
        f"Bearer {ERROR}, max_age=-1",
        f"Bearer {ERROR}, max_age=1e3",
        f"Bearer {ERROR}, max_age=5, max_age=6",
        f"Basic {ERROR}, max_age=5",
        f"{ERROR}, max_age=5",
        f'Bearer {ERROR}, acr_values="a',
        f"Bearer {ERROR}, max_age=5;",
        'Bearer error="invalid_token", max_age=5',
        f"Bearer {ERROR}, max_age=5, x=" + "y" * 5000,
    ],
)
def test_what_is_not_plainly_a_challenge_is_none(field: str) -> None:
    assert read(field) is None


def test_only_a_401_challenges() -> None:
    assert read(f"Bearer {ERROR}, max_age=5", status=403) is None
    assert challenge_in(401, [(b"content-type", b"text/html")]) is None


@given(st.text(max_size=200))
def test_no_field_breaks_the_reader(text: str) -> None:
    challenge_in(401, [(b"www-authenticate", text.encode("utf-8", "replace"))])


def asked(field: str, *, policy: Policy = POLICY, now: datetime = NOON, **changes: Any) -> Demand | None:
    """What a challenge sends somebody with who signed in with itsme at NOON; None when it does not."""
    known = replace(identity(acr=MEANS + "itsme", auth_time=NOON), **changes.pop("identity", {}))
    about = facts(functions=(function(),))
    of: Session = session(about, identity=known, **changes)
    outcome = admit(of, application="kmo-portefeuille", policy=POLICY, day=DAY, now=now)
    assert isinstance(outcome, Forward)
    passage = Passage(application="kmo-portefeuille", outcome=outcome, session=of, cookie="c", target=b"/")
    inspect = Challenges(acr_at=lambda _: ACM_ACR, clock=SetClock(now)).inspector(passage, policy)
    try:
        inspect(401, [(b"www-authenticate", f"Bearer {ERROR}, {field}".encode())])
    except StepUpAsked as stepping:
        return stepping.outcome.demand
    return None


LOW = {"assurance": Assurance.LOW, "acr": MEANS + "csamtoken"}


def test_somebody_below_is_sent_with_what_the_backend_asks() -> None:
    assert asked(f'acr_values="{EID}"', identity=LOW) == Demand(acr_values=(EID,))
    assert asked("max_age=60", now=NOON + timedelta(seconds=61)) == Demand(max_age=60)


def test_a_level_may_be_asked_for_by_its_word() -> None:
    assert asked("acr_values=high", identity=LOW) == Demand(acr_values=(EID, MEANS + "itsme"))
    assert asked("acr_values=high") is None
    assert asked("acr_values=low", identity=LOW) is None


def test_somebody_who_is_all_that_is_asked_for_is_not_sent() -> None:
    assert asked(f'acr_values="{EID}"') is None  # itsme is worth as much
    assert asked(f'acr_values="{SMS}", max_age=60', now=NOON + timedelta(seconds=60)) is None


def test_a_level_that_was_lowered_counts_as_what_it_is_now() -> None:
    assert asked(f'acr_values="{MEANS}itsme"', identity={"assurance": Assurance.LOW}) is not None


def test_a_sign_in_of_an_unknown_moment_is_too_old() -> None:
    assert asked("max_age=60", identity={"auth_time": None}) == Demand(max_age=60)


def test_values_that_nobody_knows_send_nobody_unless_the_policy_names_them() -> None:
    assert asked('acr_values="urn:special"', identity=LOW) is None
    naming = replace(POLICY, sign_in=Demand(acr_values=("urn:special",)))
    assert asked('acr_values="urn:special"', policy=naming) == Demand(acr_values=("urn:special",))


def test_a_demand_that_the_policy_contradicts_sends_nobody() -> None:
    naming = replace(POLICY, sign_in=Demand(acr_values=(SMS,)))
    assert asked(f'acr_values="{EID}"', policy=naming, identity=LOW) is None


def test_whoever_has_just_come_back_is_not_sent_again() -> None:
    errand = Asked(demand=Demand(max_age=0), at=NOON)
    assert asked("max_age=0", now=NOON + timedelta(seconds=1), asked=errand) is None
    assert asked("max_age=0", now=NOON + timedelta(minutes=3), asked=errand) == Demand(max_age=0)


def test_an_answer_about_nobody_challenges_nobody() -> None:
    passage = Passage(application="kmo-portefeuille", outcome=SignIn(), session=None, cookie=None, target=b"/")
    inspect = Challenges(acr_at=lambda _: ACM_ACR, clock=SetClock(NOON)).inspector(passage, POLICY)
    inspect(401, [(b"www-authenticate", f"Bearer {ERROR}, max_age=5".encode())])
    inspect(200, [])
