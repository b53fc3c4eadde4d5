"""The errors that the gateway raises on purpose; the tree stands in the package's own text."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar


class InkomError(Exception):
    """Root of all errors that the gateway raises on purpose. Messages hold no personal facts."""


class RegisterUnavailable(InkomError):
    """A register did not answer, or not in a form we understand."""


class RegistrationsUnavailable(InkomError):
    """The database of registrations on INKOM cannot be reached, or its tables are not those of this version."""


class StoreUnavailable(InkomError):
    """The session store cannot be reached or refuses to work."""


class ProviderUnavailable(InkomError):
    """The OpenID Provider did not answer, or not in a form we understand.

    `lost` says that the connection broke before its answer was whole: it may have done what it was asked.
    """

    def __init__(self, detail: str, *, lost: bool = False) -> None:
        super().__init__(detail)
        self.lost = lost


class AuditUnavailable(InkomError):
    """The audit record could not be written; the request may not go on."""


class ForwardingFailed(InkomError):
    """An admitted request could not be carried to the backend and back (the kinds: proxy/failures.py).

    `status` is what the client is told; `answer_started` says whether the client saw a part of the answer already;
    `retry_after` is in how many seconds another attempt makes sense, where that is known.
    """

    status: ClassVar[int] = 502
    answer_started: bool = False
    retry_after: int | None = None


class Mismatch(Enum):
    """Why an answer of the provider was refused: a closed list, each with a text in every language."""

    CANCELLED = "cancelled"
    UNKNOWN_ATTEMPT = "unknown-attempt"
    PROVIDER_ERROR = "provider-error"
    BAD_RESPONSE = "bad-response"
    BAD_TOKEN = "bad-token"
    BAD_CLAIMS = "bad-claims"
    LEVEL_NOT_REACHED = "level-not-reached"
    SIGNED_IN_TOO_LONG_AGO = "signed-in-too-long-ago"
    INTERACTION_NEEDED = "interaction-needed"
    OTHER_PERSON = "other-person"
    NO_NATIONAL_NUMBER = "no-national-number"
    ON_BEHALF_OF_ANOTHER = "on-behalf-of-another"
    UNKNOWN_PROVIDER = "unknown-provider"


class SignInRefused(InkomError):
    """The provider's answer was refused. `detail` is for the log: it never holds a token, a code or a claim's value."""

    def __init__(self, mismatch: Mismatch, detail: str) -> None:
        super().__init__(detail)
        self.mismatch = mismatch
        self.detail = detail


class LogoutRefused(InkomError):
    """A logout token was refused. The message is for the log and the provider: it holds nothing of the token."""


class SignalRefused(InkomError):
    """An event was refused. `code` is RFC 8935's (section 2.4); `detail` holds nothing of the event."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
