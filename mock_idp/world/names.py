"""Names as they are searched: without accents, case or punctuation, so that `muller` finds Müller, and `bv` B.V."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

_ALONE = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i"})
_DROPPED = frozenset("'\u2019\u02bc`\u00b4.")  # apostrophes as people type them, and the dots of B.V.


def folded(name: str) -> str:
    """Letters and digits in small letters, words apart by one space."""
    kept = (
        one if one.isalnum() else "" if one in _DROPPED or unicodedata.combining(one) else " "
        for one in _caseless(name).translate(_ALONE)
    )
    return " ".join("".join(kept).split())


def called(typed: str) -> Callable[[str], bool]:
    """Whether a name holds every word that was typed. What has no letter or digit in it is in no name."""
    words = folded(typed).split()
    if not words:
        return lambda name: not typed.strip()
    return lambda name: all(word in folded(name) for word in words)


def _caseless(name: str) -> str:
    """Compatibility caseless matching (Unicode 3.13, D146): letters in a fancy style are letters too."""
    plain = unicodedata.normalize("NFD", name)
    for _ in range(2):
        plain = unicodedata.normalize("NFKD", plain.casefold())
    return plain
