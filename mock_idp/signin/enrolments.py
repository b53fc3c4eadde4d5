"""Who has activated the app or SMS, and with which secret or phone: from the cast at first, then from activations.

Remembers the last used time step of each app, so that no code is taken twice. Judges nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from mock_idp.acm.methods import Method
from mock_idp.signin.people import Cast, app_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class AppEnrolment:
    """An activated app: its secret, and the time step of the code that was used last (RFC 6238 section 5.2)."""

    secret: bytes
    last_step: int | None = None


class Enrolments:
    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._apps: dict[str, AppEnrolment] = {}
        self._scanned: dict[str, bytes] = {}
        self._phones: dict[str, str] = {}
        self.reset()

    def reset(self) -> None:
        """Back to what the cast comes with, for `POST /mock/reset`."""
        people = self._cast.people()
        self._apps = {person.key: AppEnrolment(secret=app_secret(person)) for person in people if person.has_app}
        self._scanned = {}
        self._phones = {person.key: person.phone for person in people if person.has_sms and person.phone}

    def app(self, person: str) -> AppEnrolment | None:
        return self._apps.get(person)

    def scan(self, person: str, secret: bytes) -> None:
        """The test phone scans the QR code at once, so that its code can confirm the activation."""
        self._scanned[person] = secret

    def scanned(self, person: str) -> bytes | None:
        """The secret of an app that is not activated yet."""
        return self._scanned.get(person)

    def activate_app(self, person: str, *, secret: bytes, last_step: int) -> None:
        """A new app takes the place of the old one."""
        self._scanned.pop(person, None)
        self._apps[person] = AppEnrolment(secret=secret, last_step=last_step)
        self._cast.activated(person, Method.APP)

    def app_used(self, person: str, step: int) -> None:
        self._apps[person] = AppEnrolment(secret=self._apps[person].secret, last_step=step)

    def phone(self, person: str) -> str | None:
        """The phone number that codes go to, +32 and digits."""
        return self._phones.get(person)

    def activate_sms(self, person: str, *, phone: str) -> None:
        self._phones[person] = phone
        self._cast.activated(person, Method.SMS)
