"""What the mail says, and that nothing in a name can turn it into another mail."""

from datetime import UTC, date, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_idp.mail.due import Ending, Reminder
from mock_idp.mail.letters import Letters
from mock_idp.mail.office import LOCALES, TEMPLATES
from pagekit.kit import PageKit, Site

KIT = PageKit(templates=TEMPLATES, locales=LOCALES, site=Site(name="Mailbox"))
NIGHT = datetime(2026, 11, 24, 0, 7, tzinfo=UTC)


def ending(**changed: object) -> Ending:
    values: dict[str, object] = {
        "right_name": "VLAIO Inkom Gebruiker",
        "organisation": "1999999943",
        "organisation_name": "Voorbeeld Bakkerij BV",
        "last": date(2026, 12, 3),
        "with_relation": False,
        **changed,
    }
    return Ending(**values)  # type: ignore[arg-type]  # the tests say what they change


def letter(*endings: Ending, language: str = "nl", name: str = "Zoë D'Hondt-Müller") -> EmailMessage:
    """As it arrives: written out and read again."""
    letters = Letters(kit=KIT, origin="https://mock.test", sender="webidm3-mock@voorbeeld.test", language=language)
    reminder = Reminder(
        person_id=1,
        person_key="expires-soon",
        person_name=name,
        addresses=("zoe@voorbeeld.test",),
        endings=endings or (ending(),),
    )
    sent = letters.letter(reminder, message_id="<one@voorbeeld.test>", at=NIGHT)
    return message_from_bytes(sent.as_bytes(policy=SMTP), policy=default)


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body(preferencelist=(kind,))
    assert body is not None
    return str(body.get_content())


def test_it_says_who_sends_it_when_and_that_a_machine_does() -> None:
    message = letter()

    assert message["From"] == "Gebruikersbeheer <webidm3-mock@voorbeeld.test>"
    assert message["To"].addresses[0].display_name == "Zoë D'Hondt-Müller"
    assert message["To"].addresses[0].addr_spec == "zoe@voorbeeld.test"
    assert message["Date"] == "Tue, 24 Nov 2026 01:07:00 +0100"
    assert message["Message-ID"] == "<one@voorbeeld.test>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "nl"
    assert not [name for name in message if name.lower().startswith("list-")]


def test_both_forms_list_each_right_with_organisation_number_and_last_day() -> None:
    message = letter(ending(), ending(right_name="Voorbeeld Subsidieloket", with_relation=True))

    assert message["Subject"] == "Gebruikersbeheer: 2 van je gebruikersrechten lopen bijna af"
    for kind, quote in (("plain", '"'), ("html", "&#34;")):
        text = part(message, kind)
        told = f"{quote}VLAIO Inkom Gebruiker{quote} voor Voorbeeld Bakkerij BV (1999.999.943): laatste dag 03/12/2026"
        assert told in text
        assert "03/12/2026, samen met je werkrelatie" in text


def test_both_forms_lead_to_the_profile_to_user_management_and_to_the_help_desk() -> None:
    message = letter()

    for kind in ("plain", "html"):
        text = part(message, kind)
        assert "https://mock.test/mijn-profiel" in text
        assert "https://mock.test/gebruikersbeheer" in text
        assert "1700" in text
        assert "Mijn Lokale Beheerders" in text
    assert '<a href="tel:1700">1700</a>' in part(message, "html")


def test_one_right_is_told_of_in_the_singular() -> None:
    assert letter()["Subject"] == "Gebruikersbeheer: een van je gebruikersrechten loopt bijna af"


def test_it_can_be_english_for_a_demonstration() -> None:
    message = letter(language="en")

    assert message["Content-Language"] == "en"
    assert "last day 03/12/2026" in part(message, "plain")


def test_any_server_can_carry_it() -> None:
    letters = Letters(kit=KIT, origin="https://mock.test", sender="webidm3-mock@voorbeeld.test", language="nl")
    reminder = Reminder(
        person_id=1, person_key="x", person_name="Zoë", addresses=("zoe@voorbeeld.test",), endings=(ending(),)
    )
    octets = letters.letter(reminder, message_id="<one@voorbeeld.test>", at=NIGHT).as_bytes(policy=SMTP)

    assert octets.isascii()
    assert max(map(len, octets.split(b"\r\n"))) <= 998  # RFC 5322 section 2.1.1
    assert b"\n" not in octets.replace(b"\r\n", b"")


@pytest.mark.parametrize("name", ["Zoë\r\nBcc: all@voorbeeld.test", "Zoë\nX", 'Zoë" <evil@voorbeeld.test>', "Zoë\x00"])
def test_a_name_cannot_add_a_header_or_a_recipient(name: str) -> None:
    message = letter(name=name)

    assert message["Bcc"] is None
    assert [one.addr_spec for one in message["To"].addresses] == ["zoe@voorbeeld.test"]


@given(name=st.text(max_size=120), organisation=st.text(max_size=120), right=st.text(max_size=60))
def test_whatever_is_in_the_names_the_letter_has_its_own_headers_only(name: str, organisation: str, right: str) -> None:
    message = letter(ending(organisation_name=organisation, right_name=right), name=name)

    assert [one.addr_spec for one in message["To"].addresses] == ["zoe@voorbeeld.test"]
    assert len(message.keys()) == 10
    assert [one.get_content_type() for one in message.iter_parts()] == ["text/plain", "text/html"]


def test_html_in_a_name_stays_text() -> None:
    html = part(letter(ending(organisation_name="<script>alert(1)</script> & Zonen")), "html")

    assert "<script>" not in html
    assert "&lt;script&gt;" in html
