"""The catcher and its mailbox, over real SMTP and real HTTP, as another program and a visitor meet them."""

import re
import smtplib
from collections.abc import Iterator
from datetime import timedelta

import httpx2
import pytest

from mock_idp.mail import mailbox
from mock_idp.mail.catcher import LARGEST_MESSAGE, MOST_RECIPIENTS
from mock_idp.mail.settings import MailSettings
from tests.mock_idp.mail.scene import SOON, TODAY
from tests.mock_idp.mail.served import mail, running_mock, until
from tests.mock_idp.provider import Mock

OWN_PAGE = {"sec-fetch-site": "same-origin"}


@pytest.fixture(scope="module")
def started() -> Iterator[tuple[Mock, int]]:
    """Without the nightly job: these tests say themselves what is sent."""
    with running_mock(MailSettings(at=None)) as running:
        yield running


@pytest.fixture
def mock(started: tuple[Mock, int]) -> Mock:
    assert started[0].post("/mock/reset", {}).status_code == 200
    return started[0]


@pytest.fixture
def smtp(started: tuple[Mock, int]) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", started[1], timeout=10) as connection:
        yield connection


def page(mock: Mock, path: str = "/postvak") -> str:
    answer = mock.direct.get(f"{mock.origin}{path}", headers={"accept-language": "nl"})
    assert answer.status_code == 200, answer.text
    return answer.text


def count(mock: Mock, recipient: str = "") -> int:
    return int(mock.direct.get(f"{mock.origin}/mock/mail", params={"recipient": recipient}).json()["count"])


# ------------------------------------------------------------------------------------------------ the catcher


def test_any_program_can_deliver_and_the_mailbox_shows_it(mock: Mock, smtp: smtplib.SMTP) -> None:
    smtp.send_message(mail("Zoë's bericht"))

    (listed,) = mock.get("/mock/mail").json()["messages"]
    one = mock.get(f"/mock/mail/{listed['id']}").json()

    assert (listed["sender"], listed["recipients"]) == ("app@voorbeeld.test", ["jan@voorbeeld.test"])
    assert listed["received_on"] == mock.clock.today().isoformat()
    assert one["subject"] == "Zoë's bericht"
    assert one["text"] == "Zie https://voorbeeld.test/pad.\n"
    assert "Zoë&#39;s bericht" in page(mock)


def test_it_never_relays_it_keeps_what_is_meant_for_anybody(mock: Mock, smtp: smtplib.SMTP) -> None:
    smtp.sendmail("a@elders.test", ["b@ergens.test", "c@nergens.test"], "Subject: x\r\n\r\ny")

    assert mock.get("/mock/mail").json()["messages"][0]["recipients"] == ["b@ergens.test", "c@nergens.test"]


def test_a_message_that_is_too_large_is_refused(mock: Mock, smtp: smtplib.SMTP) -> None:
    with pytest.raises(smtplib.SMTPException):
        smtp.sendmail("a@elders.test", ["b@ergens.test"], "Subject: x\r\n\r\n" + ("y" * 70 + "\r\n") * 20_000)

    assert LARGEST_MESSAGE < 72 * 20_000
    assert count(mock) == 0


def test_too_many_recipients_are_told_to_come_back(mock: Mock, smtp: smtplib.SMTP) -> None:
    everybody = [f"person{at}@voorbeeld.test" for at in range(MOST_RECIPIENTS + 5)]

    refused = smtp.sendmail("a@elders.test", everybody, "Subject: x\r\n\r\ny")

    assert len(refused) == 5
    assert {code for code, _ in refused.values()} == {452}


def test_the_oldest_go_when_there_are_too_many(mock: Mock, smtp: smtplib.SMTP, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "MOST_MESSAGES", 3)
    for at in range(5):
        smtp.send_message(mail(f"bericht {at}"))

    assert [one["subject"] for one in mock.get("/mock/mail").json()["messages"]] == [
        "bericht 4",
        "bericht 3",
        "bericht 2",
    ]


def test_an_address_in_other_letters_is_kept_and_found(mock: Mock, smtp: smtplib.SMTP) -> None:
    smtp.ehlo()
    smtp.mail("a@elders.test", ["SMTPUTF8"])
    smtp.rcpt("zoë@voorbeeld.test")
    smtp.data(b"Subject: x\r\n\r\ny")

    assert count(mock, "zoë") == 1
    assert count(mock, "anna") == 0


# ------------------------------------------------------------------------------------------------ its pages


def test_an_empty_mailbox_says_so(mock: Mock) -> None:
    assert "Nog geen mail" in page(mock)


def test_mail_is_searched_by_any_part_of_an_address_and_signs_are_taken_as_they_are(
    mock: Mock, smtp: smtplib.SMTP
) -> None:
    smtp.send_message(mail("een", to="Jan@Voorbeeld.test"))
    smtp.send_message(mail("twee", to="an_na@voorbeeld.test"))

    assert "een</bdi>" in page(mock, "/postvak?q=jan%40")
    assert "twee</bdi>" not in page(mock, "/postvak?q=jan%40")
    assert count(mock, "n_n") == 1
    assert count(mock, "a_n") == 0
    assert "Geen mail aan een adres met" in page(mock, "/postvak?q=%25")


def test_many_messages_are_paged_and_a_page_beyond_the_last_is_the_last(mock: Mock, smtp: smtplib.SMTP) -> None:
    for at in range(30):
        smtp.send_message(mail(f"bericht {at}", to="jan@voorbeeld.test"))

    first, second = page(mock, "/postvak?q=jan"), page(mock, "/postvak?q=jan&page=99")

    assert first.count('<a href="/postvak/') == 25
    assert "/postvak?q=jan&amp;page=2" in first
    assert "bericht 29</bdi>" in first
    assert second.count('<a href="/postvak/') == 5
    assert "bericht 0</bdi>" in second
    assert page(mock, "/postvak?page=x").count('<a href="/postvak/') == 25


def test_html_of_a_message_is_shut_in(mock: Mock, smtp: smtplib.SMTP) -> None:
    smtp.send_message(mail("<script>alert(1)</script>", html="<p>hallo</p><img src='http://spy.test/x.png'>"))
    number = mock.get("/mock/mail").json()["messages"][0]["id"]

    outside = mock.get(f"/postvak/{number}")
    inside = mock.get(f"/postvak/{number}/html")

    assert "<script>alert" not in outside.text
    assert "spy.test" not in outside.text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in outside.text
    assert "frame-src 'self'" in outside.headers["content-security-policy"]
    policy = inside.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "img-src data:" in policy
    assert "frame-ancestors 'self'" in policy
    assert "set-cookie" not in inside.headers


def test_addresses_in_the_text_are_links_and_nothing_else_is(mock: Mock, smtp: smtplib.SMTP) -> None:
    message = mail()
    message.set_content("Zie https://voorbeeld.test/a?b=<i>&c en javascript:alert(1)\n")
    smtp.send_message(message)
    number = mock.get("/mock/mail").json()["messages"][0]["id"]

    text = page(mock, f"/postvak/{number}").partition('class="panel mail-text"')[2].partition("</div>")[0]

    assert 'href="https://voorbeeld.test/a?b="' in text
    assert "<i>" not in text
    assert 'href="javascript' not in text


def test_the_file_is_the_message_as_it_came(mock: Mock, smtp: smtplib.SMTP) -> None:
    smtp.sendmail("a@elders.test", ["b@ergens.test"], b"Subject: x\r\n\r\ncaf\xe9\r\n")
    number = mock.get("/mock/mail").json()["messages"][0]["id"]

    answer = mock.get(f"/postvak/{number}/bericht.eml")

    assert answer.content.endswith(b"Subject: x\r\n\r\ncaf\xe9\r\n")
    assert answer.headers["content-type"] == "message/rfc822"
    assert answer.headers["content-disposition"] == f'attachment; filename="bericht-{number}.eml"'


@pytest.mark.parametrize("path", ["/999", "/999/html", "/999/bericht.eml", f"/{10**30}"])
def test_a_message_that_is_not_there_is_not_found(mock: Mock, path: str) -> None:
    assert mock.get(f"/postvak{path}").status_code == 404


def test_scripts_are_told_so_too(mock: Mock) -> None:
    assert mock.get("/mock/mail/999").status_code == 404
    assert mock.get(f"/mock/mail/{10**30}").status_code == 404


def test_the_mailbox_is_emptied_by_its_own_button_only(mock: Mock, smtp: smtplib.SMTP) -> None:
    smtp.send_message(mail())
    form = {"content-type": "application/x-www-form-urlencoded"}

    foreign = mock.direct.post(
        f"{mock.origin}/postvak/leegmaken", content="", headers={**form, "sec-fetch-site": "cross-site"}
    )
    assert (foreign.status_code, count(mock)) == (403, 1)
    own = mock.direct.post(f"{mock.origin}/postvak/leegmaken", content="", headers={**form, **OWN_PAGE})
    assert (own.status_code, own.headers["location"], count(mock)) == (303, "/postvak", 0)


def test_a_script_empties_it_too(mock: Mock, smtp: smtplib.SMTP) -> None:
    smtp.send_message(mail())

    assert mock.direct.delete(f"{mock.origin}/mock/mail").json() == {"removed": 1}


def test_a_reset_empties_it(mock: Mock, smtp: smtplib.SMTP) -> None:
    smtp.send_message(mail())
    mock.post("/mock/reset", {})

    assert count(mock) == 0


# ------------------------------------------------------------------------------------------------ the job of the mock


def test_the_run_on_request_fills_the_mailbox_once(mock: Mock) -> None:
    first, second = mock.post("/mock/mail/run", {}).json(), mock.post("/mock/mail/run", {}).json()

    assert (first["due"], first["sent"], second["sent"], second["already"]) == (2, 2, 0, 2)
    assert (count(mock, SOON), count(mock, TODAY)) == (1, 1)
    assert "2 mails waren die dag al verstuurd" in page(mock)


def test_the_button_sends_the_mail_of_the_day(mock: Mock) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}

    foreign = mock.direct.post(
        f"{mock.origin}/postvak/versturen", content="", headers={**form, "sec-fetch-site": "cross-site"}
    )
    assert (foreign.status_code, count(mock)) == (403, 0)
    answer = mock.direct.post(f"{mock.origin}/postvak/versturen", content="", headers={**form, **OWN_PAGE})
    assert (answer.status_code, count(mock)) == (303, 2)
    assert "2 mails nu verstuurd" in page(mock)


def test_after_a_reset_the_same_day_is_told_again(mock: Mock) -> None:
    mock.post("/mock/mail/run", {})
    mock.post("/mock/reset", {})

    assert mock.post("/mock/mail/run", {}).json()["sent"] == 2


def test_no_page_of_the_mailbox_holds_a_national_number(mock: Mock) -> None:
    mock.post("/mock/mail/run", {})
    for one in mock.get("/mock/mail").json()["messages"]:
        for path in (f"/postvak/{one['id']}", f"/postvak/{one['id']}/html", f"/mock/mail/{one['id']}"):
            assert not re.search(r"\b\d{2}[.]?\d{2}[.]?\d{2}-?\d{3}[.-]?\d{2}\b", mock.get(path).text)


def test_without_catcher_and_server_nothing_is_sent_and_the_page_says_so() -> None:
    with running_mock(MailSettings(), catches=False) as (mock, _):
        assert mock.post("/mock/mail/run", {}).status_code == 503
        assert "staat uit" in page(mock)
        refused = mock.direct.post(
            f"{mock.origin}/postvak/versturen",
            content="",
            headers={"content-type": "application/x-www-form-urlencoded", **OWN_PAGE},
        )
        assert refused.status_code == 503


def test_the_nightly_job_follows_the_clock_that_is_moved() -> None:
    with running_mock(MailSettings()) as (mock, port):
        later = mock.clock.today() + timedelta(days=2)
        mock.post("/mock/clock", {"day": later.isoformat()})
        until(lambda: later.isoformat() in _days_told(mock, SOON), "told")
        after = mock.clock.real_day() + timedelta(days=20)
        mock.post("/mock/clock", {"day": after.isoformat()})
        until(lambda: _last_round(mock) == after.strftime("%d/%m/%Y"), "run again")

        assert after.isoformat() not in _days_told(mock, SOON)
        assert f"localhost:{port}" in page(mock)


def _days_told(mock: Mock, recipient: str) -> set[str]:
    answer: httpx2.Response = mock.direct.get(f"{mock.origin}/mock/mail", params={"recipient": recipient})
    return {one["received_on"] for one in answer.json()["messages"]}


def _last_round(mock: Mock) -> str | None:
    found = re.search(r"Laatste ronde: <time[^>]*>([^<]+)", page(mock))
    return None if found is None else found[1]
