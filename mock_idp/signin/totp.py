"""Time-based one-time passwords, RFC 6238 on top of RFC 4226, as an authenticator app makes them.

Pure: the secret and the time are arguments. Knows nothing of people, attempts or pages.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote

PERIOD = 30  # seconds, RFC 6238 section 4.1: the default time step
DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """The typed code is good. Remember the step, so that it is never taken twice."""

    step: int


class Refusal(Enum):
    """Why a typed code is not taken."""

    USED = "used"
    WRONG = "wrong"


def step_at(seconds: float) -> int:
    """The time step that `seconds` since 1970 falls in (RFC 6238 section 4.2)."""
    return int(seconds // PERIOD)


def seconds_left(seconds: float) -> int:
    """How many seconds the code of this moment still lasts, at least 1."""
    return PERIOD - int(seconds) % PERIOD


def code_for(secret: bytes, step: int, *, digits: int = DIGITS) -> str:
    """The code of one time step, with leading zeros."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    # RFC 4226 section 5.3: the low four bits of the last byte say where the four bytes of the code begin.
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def judge(secret: bytes, typed: str, *, seconds: float, last_step: int | None) -> Right | Refusal:
    """Judge a typed code. `last_step` is the step of the code that was used last.

    One step before and one after are taken too, for phones whose clock differs (RFC 6238 section 5.2). The same section
    forbids a second use of a code, and so of any step up to the one used last.
    """
    now = step_at(seconds)
    matching = [step for step in (now, now - 1, now + 1) if same_digits(typed, code_for(secret, step))]
    if not matching:
        return Refusal.WRONG
    fresh = [step for step in matching if last_step is None or step > last_step]
    return Right(step=fresh[0]) if fresh else Refusal.USED


def same_digits(typed: str, expected: str) -> bool:
    """Compare in constant time; spaces are allowed because apps show codes as '123 456'."""
    return hmac.compare_digest("".join(typed.split()).encode(), expected.encode())


def secret_text(secret: bytes) -> str:
    """The secret as people type it into an app: base32 without padding."""
    return base64.b32encode(secret).decode("ascii").rstrip("=")


def otpauth_uri(secret: bytes, *, issuer: str, account: str) -> str:
    """What the QR code holds: the key URI format that authenticator apps read."""
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    return (
        f"otpauth://totp/{label}?secret={secret_text(secret)}&issuer={quote(issuer, safe='')}"
        f"&algorithm=SHA1&digits={DIGITS}&period={PERIOD}"
    )
