"""What the pages say of numbers that are none, of holders of functions, and of what was just done."""

from __future__ import annotations

from typing import assert_never

from mock_idp.kbo.query import Slip
from mock_idp.world.facts import FunctionHolder
from pagekit.languages import message

HOLDERS = {
    FunctionHolder.NATURAL_PERSON: message("natural person"),
    FunctionHolder.ENTERPRISE: message("enterprise"),
    FunctionHolder.NATURAL_PERSON_FOR_ENTERPRISE: message("natural person for an enterprise"),
}

# What a page at the counter says after a form, by the word in its address.
DONE = {
    "toegevoegd": message("The new function was reported to KBO."),
    "beeindigd": message("The end of the function was reported to KBO."),
    "ingetrokken": message("The report was withdrawn. Nothing changes."),
    "geregistreerd": message("KBO has recorded it: everybody sees it from now on."),
    "termijn": message("The term was changed. What was reported before keeps its day."),
    "stopgezet": message("The cessation was recorded."),
    "heropend": message("The enterprise is active again."),
    "nieuw": message("The enterprise was added to KBO. Nobody holds a function in it yet."),
}


def slip_text(slip: Slip) -> str:
    """A message id, with a place for the number of `digits`."""
    match slip:
        case Slip.CHECK_DIGITS:
            return message(
                "This number is not right: its last two digits check the others, and they do not fit. "
                "Look whether two digits were swapped."
            )
        case Slip.FIRST_DIGIT:
            return message(
                "An enterprise number begins with 0 or 1, the number of an establishment unit with 2 to 8. "
                "This one begins with 9."
            )
        case Slip.TOO_SHORT:
            return message("An enterprise number has ten digits. This one has %(digits)s.")
        case Slip.TOO_LONG:
            return message("An enterprise number has ten digits. This one has %(digits)s.")
        case Slip.NATIONAL:
            return message(
                "Eleven digits: that looks like the national number of a person. Here you look up enterprises only, "
                "by a number of ten digits or by name."
            )
        case _:
            assert_never(slip)
