"""A signed-in person's session as a value, and one attempt to sign in.

How sessions are stored, found by a cookie and encrypted is `adapters/sessions.py`; these values never hold the cookie.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

from broker.domain.browsers import Browser
from broker.domain.claims import Claimed
from broker.domain.demand import Asked, Demand, Prompt
from broker.domain.numbers import EnterpriseNumber, NationalNumber
from broker.domain.people import Assurance, Facts, Organisation, SignInMethod

# The id of the one provider that is always there: Toegangsbeheer. Others have ids of their own.
FIRST_PROVIDER = "acm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who signed in, as the provider said and we verified (OpenID Connect Core 3.1.3.7).

    `provider` is the provider's id in our configuration, `acm_session` its `sid`. `auth_time` is None when the provider
    did not say when the person proved who they are; `authenticated_at` is then when it said who they are, which proves
    no age. `method` and `assurance` are None when `acr` was absent or unknown. `claimed` is kept only where no register
    is asked.
    """

    issuer: str
    subject: str
    national_number: NationalNumber
    given_name: str
    family_name: str
    method: SignInMethod | None
    assurance: Assurance | None
    authenticated_at: datetime
    auth_time: datetime | None = None
    acr: str | None = None
    acm_session: str | None = None
    provider: str = FIRST_PROVIDER
    claimed: Claimed | None = None

    @property
    def name(self) -> str:
        """Given and family name."""
        return f"{self.given_name} {self.family_name}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """The organisation a person acts for, with the facts about it and the instant they were read.

    `announced` is the mark of what had been announced about the person when the reading began; facts with another mark
    than the present one are read anew.
    """

    organisation: Organisation
    facts: Facts
    read_at: datetime
    announced: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenGrant:
    """What renews a session's tokens at the provider. `expires_at` is the access token's end, `renew_at` is earlier."""

    refresh_token: str = field(repr=False)
    expires_at: datetime
    renew_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One signed-in browser. `reference` names it in logs and audit, and cannot be turned into its cookie.

    `form_token` protects the forms of this session against cross-site requests. `asked` is what the person was last
    sent to the provider with, so that the same is not asked again and again. `used_at` is when it was used before this
    request: the store says so, and does not keep it here.
    """

    reference: str
    identity: Identity
    began_at: datetime
    form_token: str
    acting: Acting | None = None
    asked: Asked | None = None
    browser: Browser | None = None
    grant: TokenGrant | None = None
    used_at: datetime | None = field(default=None, compare=False)

    def acting_for(self, acting: Acting | None) -> Self:
        """Return the session with another organisation: nothing decided for the former one remains in it."""
        return replace(self, acting=acting)

    def at_most(self, level: Assurance) -> Self:
        """Return the session with no higher level than this, also where facts are judged."""
        known = self.identity.assurance
        if known is None or known <= level:
            return self
        acting = self.acting and replace(self.acting, facts=replace(self.acting.facts, assurance=level))
        return replace(self, identity=replace(self.identity, assurance=level), acting=acting)

    def ends_at(self, *, absolute: timedelta) -> datetime:
        """Return when the session ends at the latest: with its absolute lifetime, or with the claims it rests on."""
        ends_at = self.began_at + absolute
        claimed = self.identity.claimed
        return ends_at if claimed is None else min(ends_at, claimed.valid_until)

    def ended(self, now: datetime, *, absolute: timedelta) -> bool:
        """Whether the session is over; the idle limit is the store's."""
        return now >= self.ends_at(absolute=absolute)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """What one application asks of a session: used within `idle`, begun within `absolute`. None asks nothing."""

    idle: timedelta | None = None
    absolute: timedelta | None = None

    @property
    def ask_nothing(self) -> bool:
        """Whether every session will do."""
        return self.idle is None and self.absolute is None

    def allow(self, session: Session, now: datetime) -> bool:
        """Whether a session will do. One whose last use is not known is as old as can be."""
        if self.absolute is not None and now - session.began_at >= self.absolute:
            return False
        return self.idle is None or (session.used_at is not None and now - session.used_at < self.idle)

    def ends(self, session: Session) -> tuple[datetime, ...]:
        """Return the instants from which a session will no longer do, if nobody uses it."""
        begun = () if self.absolute is None else (session.began_at + self.absolute,)
        used = () if self.idle is None or session.used_at is None else (session.used_at + self.idle,)
        return begun + used


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """What the index of a person's sessions says of one: nothing that opens it, and no name or number of a person.

    `person` is the pseudonym of the audit log.
    """

    reference: str
    person: str
    began_at: datetime
    used_at: datetime
    organisation: EnterpriseNumber | None = None
    browser: Browser | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInAttempt:
    """One journey to the provider and back, found again by `state`; several may run in one browser at once.

    `provider` is the id of the one that is asked, and the only one that may answer. `return_to` is a path of our own,
    `fragment` the place on that page; `login_hint` is what another site said of who comes (OpenID Connect Core 4).
    `level`, `max_age`, `acr_values` and `prompt` are the demand that goes along. `once_more` is an attempt in the place
    of one whose answer was lost on the way. A person who steps up is bound:
    `subject` is the only one that may come back, and `former` names their session.
    """

    state: str
    nonce: str
    code_verifier: str
    return_to: str
    language: str
    began_at: datetime
    acr_values: tuple[str, ...] = ()
    level: Assurance | None = None
    max_age: int | None = None
    prompt: tuple[Prompt, ...] = ()
    subject: str | None = None
    former: str | None = None
    organisation: EnterpriseNumber | None = None
    fragment: str = ""
    provider: str = FIRST_PROVIDER
    login_hint: str | None = None
    once_more: bool = False

    @property
    def demand(self) -> Demand:
        """What is asked of this sign-in."""
        return Demand(level=self.level, max_age=self.max_age, acr_values=self.acr_values, prompt=self.prompt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a sign-in leads: a path of our own, and the place on that page."""

    path: str
    fragment: str = ""

    @classmethod
    def of(cls, attempt: SignInAttempt) -> Destination:
        """Return where an attempt leads."""
        return cls(path=attempt.return_to, fragment=attempt.fragment)
