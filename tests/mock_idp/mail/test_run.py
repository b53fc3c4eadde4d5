"""The job over real SMTP: once a day whatever happens, and nobody misses a mail by somebody else's trouble."""

import asyncio
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP
from sqlalchemy import select

from mock_idp.mail import run as run_module
from mock_idp.mail.ledger import STALE_AFTER, Ledger, ReminderStatus
from mock_idp.mail.office import Interrupted, NoMailServer
from mock_idp.mail.settings import Security
from mock_idp.world.tables import FunctionRow, PersonRow
from tests.mock_idp.mail.scene import PASSWORD, SOON, TODAY, USER, Scene, authority_in, hang_up, postman, scene_in

# aiosmtpd uses what it calls deprecated itself, and does not see that a connection was encrypted from the start.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Session.login_data is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning"),
]


async def test_whose_right_ends_is_told_and_nobody_else(scene: Scene) -> None:
    async with postman() as post:
        report = await scene.office(post.server).run()

    assert post.recipients == sorted([SOON, TODAY])
    assert (report.due, report.sent, report.is_complete) == (2, 2, True)


async def test_the_job_that_runs_five_times_sends_one_mail_a_day(scene: Scene) -> None:
    async with postman() as post:
        reports = [await scene.office(post.server).run() for _ in range(5)]

    assert post.recipients == sorted([SOON, TODAY])
    assert [report.already for report in reports] == [0, 2, 2, 2, 2]


async def test_five_jobs_at_once_send_one_mail_a_day(scene: Scene) -> None:
    async with postman() as post:
        reports = await asyncio.gather(*(scene.office(post.server).run() for _ in range(5)))

    assert post.recipients == sorted([SOON, TODAY])
    assert sum(report.sent for report in reports) == 2


async def test_after_a_restart_nothing_is_sent_again(tmp_path: Path) -> None:
    async with postman() as post:
        await scene_in(tmp_path).office(post.server).run()
        report = await scene_in(tmp_path).office(post.server).run()

    assert report.already == 2
    assert len(post.delivered) == 2


async def test_the_next_day_they_are_told_again_until_the_right_has_ended(scene: Scene) -> None:
    async with postman() as post:
        office = scene.office(post.server)
        for _ in range(12):
            await office.run()
            scene.clock.move_to(scene.clock.today() + timedelta(days=1))

    assert post.recipients.count(TODAY) == 1
    assert post.recipients.count(SOON) == 10


async def test_who_was_extended_is_told_no_more(scene: Scene) -> None:
    async with postman() as post:
        office = scene.office(post.server)
        await office.run()
        with scene.relation_of("expires-soon") as relation:
            relation.rights[0].last += timedelta(days=365)
        scene.clock.move_to(scene.clock.today() + timedelta(days=1))
        await office.run()

    assert post.recipients.count(SOON) == 1


async def test_who_came_to_represent_the_organisation_is_told_no_more(scene: Scene) -> None:
    async with postman() as post:
        with scene.relation_of("expires-soon") as relation:
            person = relation.person_id
        with scene.world.changing() as session:
            wanted = select(FunctionRow).where(FunctionRow.organisation == "1999999943", FunctionRow.code == "10006")
            function = session.scalars(wanted).one()
            function.person_id = person
        await scene.office(post.server).run()

    assert post.recipients == [TODAY]


async def test_several_rights_are_one_mail_to_every_address_of_theirs(scene: Scene) -> None:
    with scene.relation_of("right-elsewhere") as relation:
        relation.email = "elke@bakkerij.test"
        number = relation.person_id
    with scene.world.changing() as session:
        person = session.get(PersonRow, number)
        assert person is not None
        bakery, carpentry = person.relations
        carpentry.email = "elke@schrijnwerkerij.test"
        bakery.last = scene.clock.today() + timedelta(days=3)
        carpentry.rights[0].last = scene.clock.today() + timedelta(days=3)
        right = carpentry.rights[0]
        bakery.rights = [
            type(right)(name="Voorbeeld Subsidieloket", profiles=["Lezer"], first=right.first, last=date(2099, 1, 1))
        ]
    async with postman() as post:
        await scene.office(post.server).run()

    (addresses,) = [addresses for addresses, _ in post.delivered if len(addresses) == 2]
    assert set(addresses) == {"elke@bakkerij.test", "elke@schrijnwerkerij.test"}
    (message,) = [one for one in post.messages() if "elke@" in one["To"]]
    assert "2 van je gebruikersrechten" in message["Subject"]


async def test_no_mail_holds_a_national_number(scene: Scene) -> None:
    async with postman() as post:
        await scene.office(post.server).run()

    for message in post.messages():
        text = message.as_string()
        assert not re.search(r"\b\d{2}\.?\d{2}\.?\d{2}-?\d{3}[.-]?\d{2}\b", text)
        for person in scene.world.current.people:
            assert person.national_number not in text


async def test_someone_without_an_address_is_reported_and_does_not_stop_the_others(scene: Scene) -> None:
    with scene.relation_of("expires-soon") as relation:
        relation.email = ""
    async with postman() as post:
        office = scene.office(post.server)
        report = await office.run()
        with scene.relation_of("expires-soon") as relation:
            relation.email = "late@voorbeeld.test"
        await office.run()

    assert (report.due, report.sent, report.without_address) == (2, 1, 1)
    assert post.recipients == ["expires-today@voorbeeld.test", "late@voorbeeld.test"]


async def test_without_any_server_it_says_so(scene: Scene) -> None:
    with pytest.raises(NoMailServer):
        await scene.office(None).run()


# ------------------------------------------------------------------------------------------------ servers in trouble


async def test_a_refused_connection_leaves_all_mail_for_the_next_run(scene: Scene) -> None:
    async with postman() as post:
        closed = replace(post.server, port=1)
        report = await scene.office(closed).run()
        assert report.waiting == 2
        assert not report.is_complete
        assert set(scene.reminders().values()) == {ReminderStatus.WAITING}
        report = await scene.office(post.server).run()

    assert report.sent == 2


async def test_a_server_that_says_later_gets_it_later(scene: Scene) -> None:
    async with postman() as post:
        answers = ["451 4.3.0 Later"]
        post.at_data = lambda server: answers.pop() if answers else None
        office = scene.office(post.server)
        first = await office.run()
        second = await office.run()

    assert (first.sent, first.waiting) == (1, 1)
    assert (second.sent, second.already) == (1, 1)
    assert post.recipients == sorted([SOON, TODAY])


@pytest.mark.parametrize("where", ["at_rcpt", "at_data"])
async def test_a_mail_that_is_refused_for_good_is_not_tried_again_that_day(scene: Scene, where: str) -> None:
    async with postman() as post:
        if where == "at_rcpt":
            post.at_rcpt = lambda address: "550 5.1.1 Nobody here" if address == SOON else None
        else:
            answers = ["554 5.6.0 Not like this"]
            post.at_data = lambda server: answers.pop() if answers else None
        office = scene.office(post.server)
        first = await office.run()
        second = await office.run()

    assert (first.sent, first.failed) == (1, 1)
    assert (second.sent, second.failed, second.already) == (0, 1, 1)
    assert len(post.delivered) == 1


async def test_one_address_of_two_is_enough(scene: Scene) -> None:
    with scene.relation_of("right-elsewhere") as relation:
        person = relation.person_id
    with scene.world.changing() as session:
        row = session.get(PersonRow, person)
        assert row is not None
        bakery, carpentry = row.relations
        carpentry.last = bakery.last = scene.clock.today()
        right = carpentry.rights[0]
        bakery.rights = [type(right)(name=right.name, profiles=["Lezer"], first=right.first, last=right.last)]
        bakery.email, carpentry.email = "gone@voorbeeld.test", "elke@voorbeeld.test"
    async with postman() as post:
        post.at_rcpt = lambda address: "550 5.1.1 Nobody here" if address.startswith("gone") else None
        report = await scene.office(post.server).run()

    assert (report.sent, report.failed, report.refused_addresses) == (3, 0, 1)


async def test_a_server_that_dies_midway_is_tried_again_later(scene: Scene) -> None:
    async with postman() as post:

        def die(server: SMTP) -> str | None:
            hang_up(server)
            return "250 nobody hears this"

        post.at_data = die
        office = scene.office(post.server)
        broken = await office.run()
        post.at_data = lambda server: None
        mended = await office.run()

    assert (broken.sent, broken.waiting) == (0, 2)
    assert mended.sent == 2


async def test_a_server_that_dies_at_every_message_stops_the_run(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "WORKERS", 1)
    monkeypatch.setattr(run_module, "MOST_LOST_IN_A_ROW", 1)
    async with postman() as post:
        post.at_data = lambda server: "421 4.3.2 Closing"
        report = await scene.office(post.server).run()

    assert report.stopped == "421 4.3.2 Closing"
    assert report.waiting == 1


async def test_a_connection_that_the_server_closed_meanwhile_is_opened_anew(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "WORKERS", 1)
    async with postman() as post:

        def close_afterwards(server: SMTP) -> None:
            asyncio.get_running_loop().call_later(0.01, hang_up, server)

        post.at_data = close_afterwards
        office = scene.office(post.server)
        reports = [await office.run(), await office.run()]

    assert sum(report.sent for report in reports) == 2
    assert post.recipients == sorted([SOON, TODAY])


async def test_the_sender_that_a_server_refuses_is_no_fault_of_the_recipients(scene: Scene) -> None:
    async with postman() as post:
        post.at_mail = lambda address: "550 5.7.1 You may not send here"
        report = await scene.office(post.server).run()

    assert (report.failed, report.waiting) == (0, 2)


# ------------------------------------------------------------------------------------------------ claims


async def test_a_job_that_died_after_its_claim_loses_no_mail(scene: Scene) -> None:
    day = scene.clock.today()
    ledger = Ledger(scene.world, scene.clock, domain="voorbeeld.test")
    person = _number_of(scene, "expires-soon")
    claim = ledger.claim(person, day)
    assert claim is not None
    async with postman() as post:
        office = scene.office(post.server)
        while_fresh = await office.run()
        scene.clock.forward(seconds=STALE_AFTER.total_seconds() + 1)
        taken_over = await office.run(day)

    assert (while_fresh.sent, while_fresh.busy, while_fresh.is_complete) == (1, 1, False)
    assert (taken_over.sent, taken_over.already) == (1, 1)
    (message,) = [one for one in post.messages() if SOON in one["To"]]
    assert message["Message-ID"] == claim.message_id


async def test_who_was_robbed_of_a_claim_settles_nothing(scene: Scene) -> None:
    day = scene.clock.today()
    ledger = Ledger(scene.world, scene.clock, domain="voorbeeld.test")
    person = _number_of(scene, "expires-soon")
    late = ledger.claim(person, day)
    scene.clock.forward(seconds=STALE_AFTER.total_seconds() + 1)
    thief = ledger.claim(person, day)
    assert late is not None
    assert thief is not None

    ledger.settle(late, ReminderStatus.FAILED)
    assert ledger.status(person, day) is ReminderStatus.CLAIMED
    ledger.settle(thief, ReminderStatus.SENT)
    assert ledger.status(person, day) is ReminderStatus.SENT


async def test_a_run_that_is_interrupted_leaves_its_mail_for_the_next_one(scene: Scene) -> None:
    async with postman() as post:
        post.open.clear()
        office = scene.office(post.server)
        running = asyncio.create_task(office.run())
        await post.reached.wait()
        office.reset()
        with pytest.raises(Interrupted):
            await running
        assert ReminderStatus.CLAIMED not in scene.reminders().values()
        post.open.set()
        report = await office.run()

    assert report.sent == 2
    assert post.recipients == sorted([SOON, TODAY])


async def test_somebody_who_no_longer_exists_is_not_claimed(scene: Scene) -> None:
    assert Ledger(scene.world, scene.clock, domain="voorbeeld.test").claim(10**6, scene.clock.today()) is None


def _number_of(scene: Scene, key: str) -> int:
    with scene.relation_of(key) as relation:
        return relation.person_id


# ------------------------------------------------------------------------------------------------ encryption, password


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
async def test_encrypted_and_with_a_password_it_goes_to_any_server(
    scene: Scene, tmp_path: Path, security: Security
) -> None:
    authority, context = authority_in(tmp_path)
    tls, starttls = (context, None) if security is Security.TLS else (None, context)
    async with postman(tls=tls, starttls=starttls, needs_password=True) as post:
        server = replace(post.server, security=security, ca_file=authority, user=USER, password=PASSWORD)
        report = await scene.office(server).run()

    assert report.sent == 2
    assert PASSWORD not in repr(server)


async def test_a_certificate_of_an_unknown_authority_is_refused(scene: Scene, tmp_path: Path) -> None:
    _, context = authority_in(tmp_path)
    async with postman(starttls=context) as post:
        report = await scene.office(replace(post.server, security=Security.STARTTLS)).run()

    assert (report.sent, report.waiting) == (0, 2)
    assert post.delivered == []


async def test_a_server_without_starttls_gets_nothing_unencrypted(scene: Scene) -> None:
    async with postman() as post:
        report = await scene.office(replace(post.server, security=Security.STARTTLS)).run()

    assert (report.sent, report.waiting) == (0, 2)
    assert post.delivered == []


async def test_a_wrong_password_leaves_all_mail_for_later(scene: Scene, tmp_path: Path) -> None:
    authority, context = authority_in(tmp_path)
    async with postman(starttls=context, needs_password=True) as post:
        server = replace(post.server, security=Security.STARTTLS, ca_file=authority, user=USER, password="wrong")
        report = await scene.office(server).run()

    assert (report.sent, report.waiting, report.failed) == (0, 2, 0)
    assert "wrong" not in report.summary()
