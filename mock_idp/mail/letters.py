"""Writes the mail: plain text with an HTML alternative, in our own words, after the guide's example.

Quoted from the guide are only the labels that a reader looks for on *Mijn profiel*. People have no language in user
management, and the Flemish administration writes Dutch; `language` of the settings can be set to English for a demo.
Never a national number.
"""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from mock_idp.clock import BRUSSELS
from mock_idp.mail.due import Ending, Reminder
from mock_idp.numbers import format_enterprise_number
from pagekit.kit import PageKit
from pagekit.languages import message

SENDER_NAME = "Gebruikersbeheer"
HELP_DESK = "1700"


class Letters:
    def __init__(self, *, kit: PageKit, origin: str, sender: str, language: str) -> None:
        """`origin` is the public address of the mock, without a slash at the end."""
        self._kit = kit
        self._profile_url = f"{origin}/mijn-profiel"
        self._idm_url = f"{origin}/gebruikersbeheer"
        self._sender = sender
        self._language = language

    def letter(self, reminder: Reminder, *, message_id: str, at: datetime) -> EmailMessage:
        """`at` is the real moment. Quoted-printable, so that any server takes it, whatever it speaks."""
        name = one_line(reminder.person_name)
        letter = EmailMessage(policy=SMTP)
        letter["From"] = Address(SENDER_NAME, addr_spec=self._sender)
        letter["To"] = [Address(name, addr_spec=address) for address in reminder.addresses]
        letter["Subject"] = self._subject(len(reminder.endings))
        letter["Date"] = at.astimezone(BRUSSELS)
        letter["Message-ID"] = message_id
        # RFC 3834 section 5: no holiday replies to this, please. The second is how Exchange spells it.
        letter["Auto-Submitted"] = "auto-generated"
        letter["X-Auto-Response-Suppress"] = "All"
        letter.set_content(self._plain(name, reminder.endings), cte="quoted-printable")
        letter.add_alternative(self._html(name, reminder.endings), subtype="html", cte="quoted-printable")
        letter["Content-Language"] = self._language
        return letter

    def _subject(self, count: int) -> str:
        if count == 1:
            return self.text("User management: one of your rights is about to end")
        return self.text("User management: %(count)s of your rights are about to end", count=count)

    def _plain(self, name: str, endings: tuple[Ending, ...]) -> str:
        text = self.text
        paragraphs = (
            text("Dear %(name)s,", name=name),
            text("Local administrators manage who may use which application of the Flemish government."),
            text("Within ten days these rights of yours end, unless a local administrator extends them:"),
            "\n".join(f"- {self._ending(ending)}" for ending in endings),
            text("Ask a local administrator of the organisation to extend them.")
            + " "
            + text("Who they are stands under 'Mijn Lokale Beheerders' on your profile:")
            + f"\n{self._profile_url}",
            text("Under 'Mijn gebruikersrechten' you find all your other rights there."),
            text("You get this message every day until the rights are extended or have ended."),
            text("A question? The help desk answers on %(number)s, on working days from 9 to 19 h.", number=HELP_DESK),
            text("This message was sent automatically by user management:") + f"\n{self._idm_url}",
            text("User management is played by a test environment here; nobody in it is real."),
        )
        return "\n\n".join(paragraphs) + "\n"

    def _html(self, name: str, endings: tuple[Ending, ...]) -> str:
        return self._kit.render(
            "mail/reminder.html",
            language=self._language,
            subject=self._subject(len(endings)),
            name=name,
            endings=[self._ending(ending) for ending in endings],
            profile_url=self._profile_url,
            idm_url=self._idm_url,
            help_desk=HELP_DESK,
        )

    def _ending(self, ending: Ending) -> str:
        told = message('User right "%(right)s" for %(organisation)s: last day %(last)s')
        if ending.with_relation:
            told = message('User right "%(right)s" for %(organisation)s: last day %(last)s, with your working relation')
        return self.text(
            told,
            right=one_line(ending.right_name),
            organisation=f"{one_line(ending.organisation_name)} ({format_enterprise_number(ending.organisation)})",
            last=f"{ending.last:%d/%m/%Y}",
        )

    def text(self, text: str, **values: object) -> str:
        return self._kit.text(text, language=self._language, **values)


def one_line(text: str) -> str:
    """Names come from forms: a line break in one must not begin a header or a paragraph of its own."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
