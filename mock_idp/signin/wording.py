"""The names of the five methods on pages, as the guide words them, and why one may not be selectable.

Message ids only: pages translate them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from mock_idp.acm.methods import Assurance, Method
from pagekit.languages import message

EASIEST = Method.APP  # the guide's choice page marks the app as the easiest choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """`name` heads the card, `explanation` is behind 'more about this', `icon` is one of the page kit's."""

    name: str
    explanation: str
    icon: str
    must_be_activated: bool = False


def wording(method: Method) -> Wording:
    match method:
        case Method.EID:
            return Wording(
                name=message("eID and connected card reader"),
                explanation=message(
                    "You put your electronic identity card into a card reader and type its PIN code. Here you pick a "
                    "test card instead of a real one."
                ),
                icon="id-card",
            )
        case Method.ITSME:
            return Wording(
                name="itsme®",
                explanation=message(
                    "You give your phone number and confirm in the itsme app on your phone. Here a test phone in "
                    "another tab takes the place of yours."
                ),
                icon="phone",
            )
        case Method.FEDERAL_TOKEN:
            return Wording(
                name=message("Federal token"),
                explanation=message(
                    "You type your user name, your password and one of the 24 codes of your paper card. Since 2020 "
                    "nobody gets a new federal token. The real sign-in service lists it no more, so the name of its "
                    "level (acr) is this test environment's own invention."
                ),
                icon="token",
            )
        case Method.APP:
            return Wording(
                name=message("Security code by mobile app"),
                explanation=message(
                    "An app on your phone shows a new code of six digits every 30 seconds. Any authenticator app will "
                    "do. You activate it once, with your eID."
                ),
                icon="app",
                must_be_activated=True,
            )
        case Method.SMS:
            return Wording(
                name=message("Security code by SMS"),
                explanation=message(
                    "You get a text message with a code of six digits. You activate your phone number once, with your "
                    "eID."
                ),
                icon="sms",
                must_be_activated=True,
            )
        case _:
            assert_never(method)


def why_not_selectable(method: Method, acceptable: tuple[Method, ...]) -> str:
    """The reason on the card of a method that this sign-in can't use."""
    if acceptable and all(_is_weaker(method.level, other.level) for other in acceptable):
        return message("Not selectable: this service asks for a safer way to sign in.")
    return message("Not selectable: this service does not accept this way to sign in.")


def _is_weaker(one: Assurance, other: Assurance) -> bool:
    strongest_first = list(Assurance)
    return strongest_first.index(one) > strongest_first.index(other)
