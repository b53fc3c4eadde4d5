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
        message = EmailMessage(policy=SMTP)
        message["From"] = Address(SENDER_NAME, addr_spec=self._sender)
        message["To"] = [Address(name, addr_spec=address) for address in reminder.addresses]
        message["Subject"] = self._subject(len(reminder.endings))
        message["Date"] = at.astimezone(BRUSSELS)
        message["Message-ID"] = message_id
        # RFC 3834 section 5: no holiday replies to this, please. The second is how Exchange spells it.
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(self._text(name, reminder.endings), cte="quoted-printable")
        message.add_alternative(self._html(name, reminder.endings), subtype="html", cte="quoted-printable")
        message["Content-Language"] = self._language
        return message

    def _subject(self, count: int) -> str:
        if count == 1:
            return self._say("User management: one of your rights is about to end")
        return self._say("User management: %(count)s of your rights are about to end", count=count)

    def _text(self, name: str, endings: tuple[Ending, ...]) -> str:
        say = self._say
        paragraphs = (
            say("Dear %(name)s,", name=name),
            say("Local administrators manage who may use which application of the Flemish government."),
            say("Within ten days these rights of yours end, unless a local administrator extends them:"),
            "\n".join(f"- {self._ending(ending)}" for ending in endings),
            say("Ask a local administrator of the organisation to extend them.")
            + " "
            + say("Who they are stands under 'Mijn Lokale Beheerders' on your profile:")
            + f"\n{self._profile_url}",
            say("Under 'Mijn gebruikersrechten' you find all your other rights there."),
            say("You get this message every day until the rights are extended or have ended."),
            say("A question? The help desk answers on %(number)s, on working days from 9 to 19 h.", number=HELP_DESK),
            say("This message was sent automatically by user management:") + f"\n{self._idm_url}",
            say("User management is played by a test environment here; nobody in it is real."),
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
        say = self._say_relation if ending.with_relation else self._say_right
        return say(
            right=one_line(ending.right_name),
            organisation=f"{one_line(ending.organisation_name)} ({format_enterprise_number(ending.organisation)})",
            last=f"{ending.last:%d/%m/%Y}",
        )

    def _say_right(self, **values: str) -> str:
        return self._say('User right "%(right)s" for %(organisation)s: last day %(last)s', **values)

    def _say_relation(self, **values: str) -> str:
        return self._say(
            'User right "%(right)s" for %(organisation)s: last day %(last)s, with your working relation', **values
        )

    def _say(self, text: str, **values: object) -> str:
        return self._kit.text(text, language=self._language, **values)


def one_line(text: str) -> str:
    """Names come from forms: a line break in one must not begin a header or a paragraph of its own."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
