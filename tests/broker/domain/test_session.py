"""Sessions: their absolute end, and that another organisation leaves nothing of the former one."""

from dataclasses import replace
from datetime import timedelta

from broker.domain.claims import Claimed
from broker.domain.people import Assurance
from broker.domain.session import SessionLimits
from tests.broker.domain.world import NOON, OTHER_ENTERPRISE, acting, facts, identity, right, session


def test_a_name_is_given_and_family_name() -> None:
    assert identity().name == "Éloïse De Smet"
    assert identity(family_name="").name == "Éloïse"


def test_switching_organisation_leaves_nothing_of_the_former_one() -> None:
    before = session(facts(rights=(right(),)))
    after = before.acting_for(acting(facts(organisation=OTHER_ENTERPRISE), name="Ander"))
    assert after.acting is not None
    assert after.acting.organisation.number == OTHER_ENTERPRISE
    assert "1999999943" not in repr(after)
    assert after.acting_for(None).acting is None


def test_the_absolute_lifetime_ends_on_the_second() -> None:
    lifetime = timedelta(hours=8)
    assert not session().ended(NOON + lifetime - timedelta(microseconds=1), absolute=lifetime)
    assert session().ended(NOON + lifetime, absolute=lifetime)


def test_claims_end_the_session_with_their_token() -> None:
    lifetime = timedelta(hours=8)
    claimed = Claimed(valid_until=NOON + timedelta(hours=1), organisation=None, represents=None, roles=())
    ending = replace(session(), identity=identity(claimed=claimed))
    assert ending.ends_at(absolute=lifetime) == claimed.valid_until
    assert not ending.ended(claimed.valid_until - timedelta(microseconds=1), absolute=lifetime)
    assert ending.ended(claimed.valid_until, absolute=lifetime)
    assert ending.ends_at(absolute=timedelta(minutes=5)) == NOON + timedelta(minutes=5)


def test_a_level_falls_in_the_session_and_in_its_facts_and_never_rises() -> None:
    high = replace(session(facts(assurance=Assurance.HIGH)), identity=identity(assurance=Assurance.HIGH))
    fallen = high.at_most(Assurance.LOW)
    assert fallen.acting is not None
    assert (fallen.identity.assurance, fallen.acting.facts.assurance) == (Assurance.LOW, Assurance.LOW)
    assert fallen.at_most(Assurance.SUBSTANTIAL) is fallen
    assert replace(high, acting=None).at_most(Assurance.LOW).acting is None
    unknown = replace(session(facts()), identity=identity(assurance=None))
    assert unknown.at_most(Assurance.LOW) is unknown


def test_a_session_shown_in_a_log_holds_no_national_number() -> None:
    assert "82672100108" not in repr(session(facts()))
    assert "672100" not in repr(session(facts()))


def test_a_session_is_fresh_enough_until_the_very_end_of_each_limit() -> None:
    moment = timedelta(microseconds=1)
    used = replace(session(), used_at=NOON)
    for limits in (SessionLimits(idle=timedelta(minutes=5)), SessionLimits(absolute=timedelta(minutes=5))):
        assert limits.allow(used, NOON + timedelta(minutes=5) - moment)
        assert not limits.allow(used, NOON + timedelta(minutes=5))
        assert not limits.ask_nothing


def test_without_limits_every_session_will_do() -> None:
    assert SessionLimits().ask_nothing
    assert SessionLimits().allow(session(), NOON + timedelta(days=1))


def test_a_session_whose_last_use_is_not_known_is_not_fresh() -> None:
    assert session().used_at is None
    assert not SessionLimits(idle=timedelta(hours=1)).allow(session(), NOON)
