"""E-mail addresses that mail can be delivered to: what forms accept, and what mail is sent to."""

from __future__ import annotations

import re

# RFC 5321 section 4.1.2: a Dot-string and a Domain, whose last label (RFC 3696 section 2) is not all digits.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?!\d+\Z){_LABEL}")
_LONGEST = 254  # RFC 5321 section 4.5.3.1.3, without the angle brackets


def is_address(text: str) -> bool:
    return len(text) <= _LONGEST and _ADDRESS.fullmatch(text) is not None
