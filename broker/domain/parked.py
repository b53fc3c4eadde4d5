"""A form that came when its session was over: what is kept of it until the person is back and says what to do with it.

Where it is kept, and how it is sealed, is `adapters/sessions/parking`; how it is asked about and sent is
`web/parking` and `web/replay`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from broker.domain.people import Organisation
from broker.domain.session import Identity, Session

PERSON_OCTETS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose session it was: enough to know the person again, and not enough to name them.

    `person` is a digest of issuer and subject. `organisation` is None when none had been chosen yet.
    """

    person: bytes
    organisation: Organisation | None

    @classmethod
    def of(cls, session: Session) -> Owner:
        """Return whose session this is."""
        return cls(
            person=_digest(session.identity),
            organisation=session.acting.organisation if session.acting else None,
        )

    def is_person_of(self, session: Session) -> bool:
        """Whether the same person is signed in (OpenID Connect Core 5.7: `iss` and `sub` together)."""
        return self.person == _digest(session.identity)

    def acts_in(self, session: Session) -> bool:
        """Whether this person acts for the same organisation, or had not chosen one then."""
        if not self.is_person_of(session) or session.acting is None:
            return False
        return self.organisation is None or self.organisation.number == session.acting.organisation.number


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedPost:
    """One POST as it came: byte for byte, with the fields that a browser's form sets. `target` has no origin."""

    name: str
    application: str
    target: str
    content_type: str | None
    referer: str | None
    body: bytes
    parked_at: datetime
    owner: Owner


def _digest(identity: Identity) -> bytes:
    """Return 160 bits that no other person has; the length keeps an issuer from running into another's subject."""
    text = f"inkom owner {len(identity.issuer)} {identity.issuer}{identity.subject}"
    return sha256(text.encode(errors="surrogatepass")).digest()[:PERSON_OCTETS]
