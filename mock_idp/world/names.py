"""Names as they are searched: without accents, case or punctuation, so that `muller` finds Müller, and `bv` B.V."""

from __future__ import annotations

import unicodedata

_ALONE = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i"})
_DROPPED = frozenset("'\u2019\u02bc`\u00b4.")  # apostrophes as people type them, and the dots of B.V.


def folded(name: str) -> str:
    """Letters and digits in small letters, words apart by one space."""
    plain = unicodedata.normalize("NFKD", name.casefold()).translate(_ALONE)
    kept = (
        one if one.isalnum() else "" if one in _DROPPED or unicodedata.combining(one) else " "
        for one in unicodedata.normalize("NFKD", plain)
    )
    return " ".join("".join(kept).split())
