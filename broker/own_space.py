"""Everything of our own below `/_inkom/` that people see: which page is given what.

`common` is what most pages share; the rest lists the routes by topic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from starlette.routing import BaseRoute

from broker.config import Settings
from broker.cookies import Cookies
from broker.domain.policy import Policy
from broker.domain.session import FIRST_PROVIDER
from broker.facts import FactsReader
from broker.parts import Parts
from broker.protected import protected_applications
from broker.proxy.protected import Protected
from broker.standing import StandingSessions
from broker.web.callback import CallbackPages
from broker.web.logout import LogoutPages
from broker.web.organisation import OrganisationPages
from broker.web.parking import ParkingPages
from broker.web.profile import ProfilePages
from broker.web.provider_logout import ProviderLogout
from broker.web.providers import Offered, Providers
from broker.web.refused_signin import RefusedSignIn
from broker.web.registration import RegistrationPages
from broker.web.sessions import SessionsPages
from broker.web.signin import SignInPages
from broker.web.site import Pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What most pages are given. `origin` is our public address, `key` that of pseudonyms."""

    settings: Settings
    parts: Parts
    pages: Pages
    sessions: StandingSessions
    facts: FactsReader
    applications: tuple[Protected, ...]
    providers: Providers
    parked: ParkingPages
    origin: str
    key: bytes

    @property
    def governing(self) -> dict[str, Policy]:
        """The policy of each application."""
        return {one.id: one.policy for one in self.applications}


def common(settings: Settings, policies: tuple[Policy, ...], parts: Parts, *, key: bytes) -> Common:
    """Return what most pages share. Raises KeyError for an application that no policy governs."""
    origin = settings.public_url.rstrip("/")
    pages = Pages(
        cookies=Cookies.of(secure=settings.secure),
        provider_origins=tuple({_origin(one.issuer): None for one in settings.all_providers.values()}),
        applications={name: application.title for name, application in settings.applications.items()},
        links=settings.links,
    )
    sessions = StandingSessions(parts.sessions, parking=parts.parking)
    applications = protected_applications(settings, policies, measures=parts.measures, tls=parts.backend_tls)
    return Common(
        settings=settings,
        parts=parts,
        pages=pages,
        sessions=sessions,
        facts=FactsReader(
            registers=parts.registers,
            registrations=parts.registrations,
            announcements=parts.announcements,
            clock=parts.clock,
        ),
        applications=applications,
        providers=_providers(settings, parts, {one.id: one.providers for one in applications}),
        parked=ParkingPages(
            pages=pages,
            parking=parts.parking,
            sessions=sessions,
            audit=parts.audit,
            clock=parts.clock,
            origin=origin,
            largest=settings.sessions.parked_body,
        ),
        origin=origin,
        key=key,
    )


def routes(common: Common) -> list[BaseRoute]:
    """All of them."""
    return [
        *common.pages.scripts.routes(),
        *_signing_in(common),
        *_signing_out(common),
        *_about_the_person(common),
        *common.parked.routes(),
    ]


def _signing_in(common: Common) -> list[BaseRoute]:
    """`login` and `callback`."""
    parts = common.parts
    refused = RefusedSignIn(
        pages=common.pages,
        providers=common.providers,
        sessions=common.sessions,
        audit=parts.audit,
        measures=parts.measures,
        clock=parts.clock,
    )
    signin = SignInPages(
        pages=common.pages,
        providers=common.providers,
        attempts=parts.attempts,
        sessions=common.sessions,
        clock=parts.clock,
        policies=common.governing,
        refused=refused,
        origin=common.origin,
    )
    callback = CallbackPages(
        pages=common.pages,
        providers=common.providers,
        attempts=parts.attempts,
        posted=parts.posted,
        sessions=common.sessions,
        facts=common.facts,
        audit=parts.audit,
        measures=parts.measures,
        clock=parts.clock,
        refused=refused,
        notes_provider_session=parts.announcements.session_began if _framing(common.settings) else None,
    )
    return [*signin.routes(), *callback.routes()]


def _signing_out(common: Common) -> list[BaseRoute]:
    """`logout`, `switch`, `logged-out`, and what providers tell of logouts."""
    parts = common.parts
    logout = LogoutPages(
        pages=common.pages,
        providers=parts.providers,
        sessions=common.sessions,
        audit=parts.audit,
        origin=common.origin,
    )
    told = ProviderLogout(
        tokens=parts.logout_tokens or parts.provider,
        announcements=parts.announcements,
        audit=parts.audit,
        measures=parts.measures,
        clock=parts.clock,
        front_channel=_framing(common.settings),
    )
    return [*logout.routes(), *told.routes()]


def _about_the_person(common: Common) -> list[BaseRoute]:
    """For whom somebody acts, the registration of that organisation, and their own sessions."""
    settings, parts = common.settings, common.parts
    organisation = OrganisationPages(
        pages=common.pages,
        sessions=common.sessions,
        facts=common.facts,
        choices=parts.choices,
        audit=parts.audit,
        origin=common.origin,
    )
    registration = RegistrationPages(
        pages=common.pages,
        sessions=common.sessions,
        facts=common.facts,
        registers=parts.registers,
        registrations=parts.registrations,
        audit=parts.audit,
        clock=parts.clock,
        policies=common.governing,
        accepted={one.id: one.providers for one in common.applications},
        origin=common.origin,
        pseudonym_key=common.key,
    )
    profile = ProfilePages(
        pages=common.pages,
        sessions=common.sessions,
        absolute=timedelta(seconds=settings.sessions.absolute),
        chosen_at_provider=settings.registers.source == "claims",
        clock=parts.clock,
        origin=common.origin,
        pseudonym_key=common.key,
    )
    sessions = SessionsPages(
        pages=common.pages,
        sessions=common.sessions,
        index=parts.index,
        audit=parts.audit,
        origin=common.origin,
        pseudonym_key=common.key,
    )
    return [*organisation.routes(), *registration.routes(), *profile.routes(), *sessions.routes()]


def _framing(settings: Settings) -> tuple[str, ...]:
    """The issuers that may end a session in a frame of theirs."""
    return tuple(one.issuer for one in settings.all_providers.values() if one.front_channel_logout)


def _providers(settings: Settings, parts: Parts, accepted: Mapping[str, tuple[str, ...]]) -> Providers:
    """The providers as the pages know them."""
    offered = (
        Offered(
            id=name,
            title=one.title,
            issuer=one.issuer,
            provider=parts.providers[name],
            acr=parts.acr if name == FIRST_PROVIDER else parts.others_acr.get(name, parts.acr),
            response_mode=one.response_mode,
        )
        for name, one in settings.all_providers.items()
    )
    return Providers(offered, accepted=accepted)


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
