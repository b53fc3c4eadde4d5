"""Whose a kept form is: the same person, acting for the same organisation."""

from dataclasses import replace

from broker.domain.parked import Owner
from tests.broker.domain.world import OTHER_ENTERPRISE, acting, facts, identity, session


def test_a_form_is_its_senders() -> None:
    mine = session(facts())
    assert Owner.of(mine).is_person_of(mine)
    assert Owner.of(mine).acts_in(mine)


def test_neither_another_person_nor_one_of_the_same_name_elsewhere_may_send_it() -> None:
    mine = session(facts())
    for other in (identity(subject="somebody-else"), identity(issuer="https://elsewhere.example/op")):
        theirs = replace(mine, identity=other)
        assert not Owner.of(mine).is_person_of(theirs)
        assert not Owner.of(mine).acts_in(theirs)


def test_it_is_not_sent_for_another_organisation_nor_for_none() -> None:
    mine = session(facts())
    elsewhere = acting(facts(organisation=OTHER_ENTERPRISE))
    assert not Owner.of(mine).acts_in(replace(mine, acting=elsewhere))
    assert not Owner.of(mine).acts_in(replace(mine, acting=None))


def test_one_that_was_sent_before_an_organisation_was_chosen_goes_along_with_the_choice() -> None:
    before = session()
    assert Owner.of(before).acts_in(replace(before, acting=acting(facts())))
