"""Whether a provider's answer may be looked at, judged by where and how it arrives. No input or output."""

from __future__ import annotations

from broker.domain.session import SignInAttempt
from broker.ports import Mismatch, SignInRefused
from broker.web.providers import Offered, ResponseMode

LONGEST_ANSWER = 8192  # bytes of a posted one: a code of 4096 characters, state and issuer, and room to spare


def check_arrival(attempt: SignInAttempt, *, at: Offered, mode: ResponseMode) -> None:
    """Refuse what came to another provider's address, or in another way than was asked for.

    Before anything is asked of any provider: the code may be for another than the one that would get it (mix-up,
    RFC 9700 4.4). Raises SignInRefused.
    """
    if attempt.provider != at.id:
        raise SignInRefused(Mismatch.BAD_RESPONSE, "the response came to another provider's address")
    if mode != at.response_mode:
        raise SignInRefused(Mismatch.BAD_RESPONSE, "the response came in another way than was asked for")
