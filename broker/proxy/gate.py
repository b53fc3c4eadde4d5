"""The gate in front of everything: one request from its bytes to its outcome, in order.

    target -> application -> session (`visitors`) -> facts fresh enough -> admit -> audit -> forward, or the answer

What a request is refused with looks is the business of `Answers` (the web layer); how bytes move is `forward`'s and
`tunnel`'s. HTTP requests and WebSocket upgrades are judged by the same `_judge`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import perf_counter

from starlette.types import ASGIApp, Receive, Scope, Send

from broker.cookies import Cookies
from broker.domain.admission import ChooseOrganisation, Forward, Outcome, Refuse, Register, SignIn, StepUp, admit
from broker.domain.decide import Decision
from broker.domain.identity_headers import UnfitForHeaderError, identity_headers, pseudonym_of
from broker.domain.machine import ApiTerms, MachineSession, TokenRefused
from broker.domain.numbers import without_national_numbers
from broker.domain.policy import Policy
from broker.domain.session import Session, SessionLimits
from broker.facts import FreshSessions
from broker.machines import MachineSessions
from broker.ports import (
    Answers,
    Assertions,
    AuditLog,
    Clock,
    Event,
    ForwardingFailed,
    InkomError,
    Measures,
    Passage,
    ProviderUnavailable,
    RegisterUnavailable,
    RegistrationsUnavailable,
    Replays,
    Reply,
)
from broker.proxy.challenge import Challenges, StepUpAsked
from broker.proxy.failures import ClientGone
from broker.proxy.forward import forward
from broker.proxy.messages import ForwardedFor, Headers, application_path, request_headers
from broker.proxy.tunnel import TunnelGranted, TunnelRefused, UpgradeRequest
from broker.proxy.upstream import Upstream
from broker.proxy.visitors import Visitors
from broker.proxy.watching import NoLongerAdmitted, Watch

# A refusal never rests on facts older than this; the registers are asked at most that often for one refused session.
_REFUSED_ON_FACTS_YOUNGER_THAN = timedelta(seconds=5)
_log = logging.getLogger("inkom.gate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """An application behind the gate, with the policy that guards it and the backend that serves it.

    `api` is set where programs may come with an access token.
    """

    id: str
    policy: Policy
    upstream: Upstream
    discloses_national_number: bool
    providers: tuple[str, ...]
    api: ApiTerms | None = None
    backend_may_ask_for_step_up: bool = False
    limits: SessionLimits = field(default_factory=SessionLimits)


class Gate:
    """The ASGI application that the server calls, and the judge of WebSocket upgrades."""

    def __init__(
        self,
        *,
        applications: Iterable[Protected],
        pages: ASGIApp,
        answers: Answers,
        replays: Replays,
        sessions: FreshSessions,
        machines: MachineSessions,
        assertions: Assertions,
        audit: AuditLog,
        measures: Measures,
        clock: Clock,
        cookies: Cookies,
        public_url: str,
        pseudonym_key: bytes,
        challenges: Challenges,
        watch_interval: timedelta = timedelta(seconds=1),
    ) -> None:
        self.applications = tuple(applications)
        self._by_segment = {f"/{application.id}/".encode(): application for application in self.applications}
        self._pages = pages
        self._answers = answers
        self._replays = replays
        self._assertions = assertions
        self._audit = audit
        self._measures = measures
        self._clock = clock
        self._dropped_cookies = frozenset(name.encode() for name in cookies.names)
        self._origin = public_url.rstrip("/").encode()
        self._visitors = Visitors(sessions=sessions, machines=machines, cookies=cookies, origin=self._origin)
        self._pseudonym_key = pseudonym_key
        self._challenges = challenges
        self._watch = Watch(self._visitors, interval=watch_interval)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; everything outside the applications is the pages' own."""
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return
        target: bytes = scope["extensions"]["inkom.target"]
        application = self._application(target)
        if application is None:
            await self._pages(scope, receive, send)
            return
        try:
            if scope["method"] == "POST":
                request = await self._replays.request(scope, receive, send)
                if request is None:
                    return
                scope, receive = request
            passage = await self._judge(scope["headers"], target, application, method=scope["method"])
            if not isinstance(passage.outcome, Forward):
                await self._answers.outcome(passage, scope, receive, send)
                return
            headers = self._outgoing(scope["headers"], passage, application, client=scope["client"])
        except (InkomError, UnfitForHeaderError) as error:
            await self._answers.failure(error, scope, receive, send)
            return
        except Exception as error:
            # A mistake of ours lets nobody in; it is answered, and raised on so that the log has it whole.
            await self._answers.failure(error, scope, receive, send)
            raise
        await self._forward(passage, application, headers, scope, receive, send)

    async def admit_tunnel(self, request: UpgradeRequest) -> TunnelGranted | TunnelRefused:
        """Judge a WebSocket upgrade by the same rules, and end the tunnel when they no longer hold."""
        application = self._application(request.target)
        if application is None:
            return _refused(Reply(status=404, headers=[(b"content-type", b"text/plain")], body=b"not found"))
        origins = [value for name, value in request.headers if name == b"origin"]
        # A page of another site could otherwise open a socket with the visitor's cookie (RFC 6455, section 10.2). A
        # program with a token has no page that it comes from.
        program = not origins and self._visitors.comes_with_token(request.headers, application.api)
        if origins != [self._origin] and not program:
            return _refused(Reply(status=403, headers=[(b"content-type", b"text/plain")], body=b"foreign origin"))
        try:
            passage = await self._judge(request.headers, request.target, application, method="GET")
            if not isinstance(passage.outcome, Forward):
                return _refused(self._answers.problem(passage))
            client = (request.client, 0)
            headers = self._outgoing(request.headers, passage, application, client=client)
        except (InkomError, UnfitForHeaderError) as error:
            return _refused(self._answers.problem(error))
        ended = asyncio.ensure_future(
            self._watch.until_refused(passage.session, lambda: self._still_admitted(passage, application))
        )
        return TunnelGranted(
            upstream=application.upstream, headers=headers, ended=ended, own_cookies=self._dropped_cookies
        )

    async def check(self, headers: Headers, target: bytes, *, method: str) -> tuple[Passage, Headers] | None:
        """Judge a request that another proxy holds, by the same rules, and return what its backend is told.

        Nothing is told of a request that may not pass. None where no application stands. Raises InkomError and
        UnfitForHeaderError. `target` must have passed the checks of `messages`.
        """
        application = self._application(target)
        if application is None:
            return None
        passage = await self._judge(headers, target, application, method=method)
        if not isinstance(passage.outcome, Forward):
            return passage, []
        outgoing = self._outgoing([], passage, application, client=None)
        return passage, [field for field in outgoing if field[0].startswith(b"x-inkom-")]

    def _application(self, target: bytes) -> Protected | None:
        """Find an application by the first segment of the path, as RFC 3986 6.2.2 compares paths: case matters."""
        first, slash, _ = application_path(target)[1:].partition(b"/")
        return self._by_segment.get(b"/" + first + b"/") if slash else None

    async def _judge(self, headers: Headers, target: bytes, application: Protected, *, method: str) -> Passage:
        began = perf_counter()
        # Knocking with a session that this application no longer takes is no use, or the next knock would be let in.
        counts = application.limits.ask_nothing
        visit = await self._visitors.find(
            headers, target, application=application.id, api=application.api, method=method, counts_as_use=counts
        )
        outcome = visit.refused or self._admit(visit.session, application)
        if not counts and not isinstance(outcome, SignIn):
            await self._visitors.use(visit)
        if isinstance(outcome, Refuse | Register):
            # Whoever was just given a right, or whose organisation was just registered on another machine, need not
            # wait until the facts are too old to hear of it.
            with suppress(ProviderUnavailable, RegisterUnavailable, RegistrationsUnavailable):
                visit = await self._visitors.fresher(
                    visit, application=application.id, than=_REFUSED_ON_FACTS_YOUNGER_THAN
                )
                outcome = self._admit(visit.session, application)
        record = None
        match outcome:
            case Forward() | Refuse() | StepUp() | Register():
                if visit.session is None:
                    raise AssertionError("a decision is about somebody")
                record = await self._record(outcome.decision, visit.session, method=method, target=target)
            case SignIn() | ChooseOrganisation() | TokenRefused():
                pass
        self._measures.judged(application.id, type(outcome).__name__, seconds=perf_counter() - began)
        return Passage(
            application=application.id,
            outcome=outcome,
            session=visit.session,
            cookie=visit.cookie,
            target=target,
            record=record,
            api=application.api,
            scheme=visit.scheme,
        )

    def _admit(
        self, session: Session | MachineSession | None, application: Protected, *, now: datetime | None = None
    ) -> Outcome:
        now = now or self._clock.now()
        if isinstance(session, Session) and not application.limits.allow(session, now):
            return SignIn(afresh=True)
        return admit(
            session,
            application=application.id,
            policy=application.policy,
            day=self._clock.today(),
            now=now,
            providers=application.providers,
        )

    async def _record(
        self, decision: Decision, session: Session | MachineSession, *, method: str, target: bytes
    ) -> str:
        return await self._audit.decided(
            decision,
            session=session.reference,
            person=pseudonym_of(session.identity, application="audit", key=self._pseudonym_key),
            method=method,
            path=without_national_numbers(application_path(target).decode("ascii", "replace")),
        )

    def _outgoing(
        self, received: Headers, passage: Passage, application: Protected, *, client: tuple[str, int] | None
    ) -> Headers:
        """Strip, then inject: the order that nothing a client sent survives."""
        if not isinstance(passage.outcome, Forward) or passage.session is None or passage.record is None:
            raise AssertionError("only an admitted request goes out")
        identity = identity_headers(
            passage.session,
            passage.outcome.decision,
            record=passage.record,
            key=self._pseudonym_key,
            discloses_national_number=application.discloses_national_number,
        )
        assertion = self._assertions.sign(identity.claims, audience=application.id)
        injected = [(name.lower().encode(), value.encode("ascii")) for name, value in identity.plain]
        scheme, _, host = self._origin.partition(b"://")
        return request_headers(
            received,
            identity=[*injected, (b"x-inkom-assertion", assertion.encode("ascii"))],
            peer=ForwardedFor(client=(client or ("unknown", 0))[0].encode(), proto=scheme, host=host),
            dropped_cookies=self._dropped_cookies,
            keep_authorization=passage.scheme is not None and passage.api is not None and passage.api.forwards_token,
        )

    async def _forward(
        self, passage: Passage, application: Protected, headers: Headers, scope: Scope, receive: Receive, send: Send
    ) -> None:
        sends_nothing = scope["method"] in {"GET", "HEAD"}
        # What was sent in is with the backend already: its own answer to that is the one to read.
        may_ask = application.backend_may_ask_for_step_up and sends_nothing and self._answers.shows_pages(scope)
        moving = asyncio.create_task(
            forward(
                scope,
                receive,
                send,
                upstream=application.upstream,
                target=passage.target,
                headers=headers,
                own_cookies=self._dropped_cookies,
                inspect=self._challenges.inspector(passage, application.policy) if may_ask else None,
            )
        )
        # What is being sent in was begun with a sign-in that was recent enough, and is not lost half-way.
        began = None if sends_nothing else self._clock.now()
        try:
            await self._watch.let_run(
                moving, passage.session, lambda: self._still_admitted(passage, application, now=began)
            )
        except StepUpAsked as asked:
            await self._step_up(replace(passage, outcome=asked.outcome), application, scope, receive, send)
        except ClientGone:
            # Nobody is left to answer.
            return
        except ForwardingFailed as error:
            self._measures.forwarding_failed(application.id, type(error).__name__)
            if error.answer_started:
                _log.warning("an answer was cut", extra={"application": application.id, "error": type(error).__name__})
            else:
                await self._answers.failure(error, scope, receive, send)
        except NoLongerAdmitted:
            # Cut, not completed: nobody may take a part of an answer for the whole.
            scope["extensions"]["inkom.abort"]()
        finally:
            moving.cancel()

    async def _step_up(
        self, passage: Passage, application: Protected, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Send a person to sign in as the backend asks (RFC 9470, section 4)."""
        session = passage.session
        organisation = session.acting.organisation.number.digits if session and session.acting else None
        event = Event(
            kind="step-up-asked",
            session=session.reference if session else None,
            organisation=organisation,
            detail=f"by the backend of {application.id}",
        )
        try:
            await self._audit.happened(event)
        except InkomError as error:
            await self._answers.failure(error, scope, receive, send)
            return
        await self._answers.outcome(passage, scope, receive, send)

    async def _still_admitted(self, passage: Passage, application: Protected, *, now: datetime | None = None) -> bool:
        """Whether the same session, for the same organisation, would be let in again. In doubt it would not.

        The age of the sign-in is held against an instant, if one is given.
        """
        session = await self._visitors.again(passage)
        return session is not None and isinstance(self._admit(session, application, now=now), Forward)


def _refused(reply: Reply) -> TunnelRefused:
    return TunnelRefused(status=reply.status, headers=reply.headers, body=reply.body)
