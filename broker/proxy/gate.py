"""The gate in front of everything: one request from its bytes to its outcome, in order.

    target -> application -> session (`visitors`) -> facts fresh enough -> admit -> audit -> forward, or the answer

A decision to forward becomes a pass (`passes`), which serves the session's next requests for a moment. What a request
is refused with looks is the business of `Answers` (the web layer); how bytes move is `forward`'s, `carriage`'s and
`tunnel`'s. All of them come in by the same `kept` and `decide`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from time import perf_counter

from starlette.types import ASGIApp, Receive, Scope, Send

from broker.cookies import Cookies, cookie_value
from broker.domain.admission import ChooseOrganisation, Forward, Outcome, Refuse, Register, SignIn, StepUp, admit
from broker.domain.decide import Decision
from broker.domain.identity_headers import UnfitForHeaderError, pseudonym_of
from broker.domain.machine import MachineSession, TokenRefused
from broker.domain.numbers import without_national_numbers
from broker.domain.session import Session
from broker.facts import Found, FreshSessions
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
from broker.proxy.fields import fields_of, lines_of
from broker.proxy.forward import forward
from broker.proxy.granting import Granting
from broker.proxy.messages import (
    ForwardedFor,
    Headers,
    application_path,
    forwarded_fields,
    request_headers,
)
from broker.proxy.passes import Pass, Passes
from broker.proxy.protected import Protected
from broker.proxy.tunnel import TunnelGranted, TunnelRefused, UpgradeRequest
from broker.proxy.visitors import Visitors
from broker.proxy.watching import NoLongerAdmitted, Watch

# A refusal never rests on facts older than this; the registers are asked at most that often for one refused session.
_REFUSED_ON_FACTS_YOUNGER_THAN = timedelta(seconds=5)
_KEPT_BYTES = 16 * 1024 * 1024
_log = logging.getLogger("inkom.gate")


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
        kept_bytes: int = _KEPT_BYTES,
    ) -> None:
        """`kept_bytes` bounds the decisions that are kept for a moment; 0 decides each request anew."""
        self.applications = tuple(applications)
        self._by_segment = {f"/{application.id}/".encode(): application for application in self.applications}
        self._pages = pages
        self._answers = answers
        self._replays = replays
        self._audit = audit
        self._measures = measures
        self.clock = clock
        self.own_cookies = frozenset(name.encode() for name in cookies.names)
        self._origin = public_url.rstrip("/").encode()
        self._visitors = Visitors(sessions=sessions, machines=machines, cookies=cookies, origin=self._origin)
        self._pseudonym_key = pseudonym_key
        self._challenges = challenges
        self._watch = Watch(self._visitors, interval=watch_interval)
        self.cookies = cookies
        self.passes = Passes(clock=clock, most_bytes=kept_bytes)
        self._granting = Granting(assertions=assertions, clock=clock, pseudonym_key=pseudonym_key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; everything outside the applications is the pages' own."""
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return
        target: bytes = scope["extensions"]["inkom.target"]
        application = self._application(application_path(target))
        if application is None:
            await self._pages(scope, receive, send)
            return
        try:
            if scope["method"] == "POST":
                request = await self._replays.request(scope, receive, send)
                if request is None:
                    return
                scope, receive = request
            decided: Pass | Passage | Exception = await self.decide(
                scope["headers"], target, application, method=scope["method"]
            )
        except Exception as error:
            decided = error
        if isinstance(decided, Pass):
            await self._forward(decided, scope, receive, send)
        else:
            await self.answering(decided)(scope, receive, send)

    def answering(self, subject: Passage | Exception) -> ASGIApp:
        """Return what answers a request that is not forwarded: by the outcome, or by what went wrong."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if isinstance(subject, Passage):
                await self._answers.outcome(subject, scope, receive, send)
                return
            await self._answers.failure(subject, scope, receive, send)
            if not isinstance(subject, InkomError | UnfitForHeaderError):
                # A mistake of ours lets nobody in; it is answered, and raised on so that the log has it whole.
                raise subject

        return app

    def failing(self, error: ForwardingFailed, application: Protected) -> ASGIApp:
        """Return what answers an admitted request that got no answer from its backend."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await self._failed(error, application, scope, receive, send)

        return app

    def carried(self, path: bytes, *, length: int) -> Protected | None:
        """Return the application of a request that can be carried below ASGI, whose body has `length` bytes.

        `path` is what `messages.application_path` makes of a target.
        """
        application = self._application(path)
        if application is None or application.backend_may_ask_for_step_up:
            return None
        return application if length <= application.upstream.limits.max_body else None

    async def admit_tunnel(self, request: UpgradeRequest) -> TunnelGranted | TunnelRefused:
        """Judge a WebSocket upgrade by the same rules, and end the tunnel when they no longer hold."""
        application = self._application(application_path(request.target))
        if application is None:
            return _refused(Reply(status=404, headers=[(b"content-type", b"text/plain")], body=b"not found"))
        origins = [value for name, value in request.headers if name == b"origin"]
        # A page of another site could otherwise open a socket with the visitor's cookie (RFC 6455, section 10.2). A
        # program with a token has no page that it comes from.
        program = not origins and self._visitors.comes_with_token(request.headers, application.api)
        if origins != [self._origin] and not program:
            return _refused(Reply(status=403, headers=[(b"content-type", b"text/plain")], body=b"foreign origin"))
        try:
            granted = await self.decide(request.headers, request.target, application, method="GET")
        except (InkomError, UnfitForHeaderError) as error:
            return _refused(self._answers.problem(error))
        if isinstance(granted, Passage):
            return _refused(self._answers.problem(granted))
        headers = self.outgoing(request.headers, granted, client=(request.client, 0))
        ended = asyncio.ensure_future(
            self._watch.until_refused(granted.passage.session, lambda: self.still_admitted(granted))
        )
        return TunnelGranted(
            upstream=application.upstream,
            headers=headers,
            ended=ended,
            own_cookies=self.own_cookies,
            rewriting=application.rewriting,
        )

    async def check(self, headers: Headers, target: bytes, *, method: str) -> Pass | Passage | None:
        """Judge a request that another proxy holds, by the same rules; None where no application stands.

        `target` must have passed the checks of `messages`. Raises InkomError, UnfitForHeaderError.
        """
        application = self._application(application_path(target))
        return None if application is None else await self.decide(headers, target, application, method=method)

    async def decide(self, headers: Headers, target: bytes, application: Protected, *, method: str) -> Pass | Passage:
        """Return the pass for a request, a kept one or a new one, or the outcome that is answered instead.

        Raises InkomError, UnfitForHeaderError.
        """
        cookie = cookie_value(headers, self.cookies.session)
        if cookie is not None and not self._visitors.comes_with_token(headers, application.api):
            kept = self.kept(cookie, application_path(target), application, method=method)
            if kept is not None:
                return kept
        passage, found = await self._judge(headers, target, application, method=method)
        if not isinstance(passage.outcome, Forward):
            return passage
        granted = self._granting.granted(passage, application, found)
        self.passes.keep(granted)
        return granted

    def kept(self, cookie: str, path: bytes, application: Protected, *, method: str) -> Pass | None:
        """Return the pass that a request of a session may use, if there is one that holds; asks nobody."""
        granted = self.passes.find(cookie, application.id)
        if granted is None or not self._audit.used(granted.record, method=method, path=_audited(path)):
            return None
        self._measures.used(application.id)
        return granted

    def _application(self, path: bytes) -> Protected | None:
        """Find an application by the first segment of the path, as RFC 3986 6.2.2 compares paths: case matters."""
        return self._by_segment.get(path[: path.find(b"/", 1) + 1])

    async def _judge(
        self, headers: Headers, target: bytes, application: Protected, *, method: str
    ) -> tuple[Passage, Found | None]:
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
        passage = Passage(
            application=application.id,
            outcome=outcome,
            session=visit.session,
            cookie=visit.cookie,
            target=target,
            record=record,
            api=application.api,
            scheme=visit.scheme,
        )
        return passage, visit.found

    def _admit(
        self, session: Session | MachineSession | None, application: Protected, *, now: datetime | None = None
    ) -> Outcome:
        now = now or self.clock.now()
        if isinstance(session, Session) and not application.limits.allow(session, now):
            return SignIn(afresh=True)
        return admit(
            session,
            application=application.id,
            policy=application.policy,
            day=self.clock.today(),
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
            path=_audited(application_path(target)),
        )

    def outgoing(self, received: Headers, granted: Pass, *, client: tuple[str, int] | None) -> Headers:
        """Strip, then inject: the order that nothing a client sent survives."""
        passage = granted.passage
        return request_headers(
            received,
            identity=[*fields_of(granted.lines)],
            peer=self._peer(client),
            dropped_cookies=self.own_cookies,
            keep_authorization=passage.scheme is not None and passage.api is not None and passage.api.forwards_token,
        )

    def lines_about(self, client: tuple[str, int] | None) -> bytes:
        """Return what backends are told of a client's connection, as header lines."""
        return lines_of(forwarded_fields(self._peer(client)))

    def _peer(self, client: tuple[str, int] | None) -> ForwardedFor:
        scheme, _, host = self._origin.partition(b"://")
        return ForwardedFor(client=(client or ("unknown", 0))[0].encode(), proto=scheme, host=host)

    async def _forward(self, granted: Pass, scope: Scope, receive: Receive, send: Send) -> None:
        passage, application = granted.passage, granted.application
        target: bytes = scope["extensions"]["inkom.target"]
        sends_nothing = scope["method"] in {"GET", "HEAD"}
        # What was sent in is with the backend already: its own answer to that is the one to read.
        may_ask = application.backend_may_ask_for_step_up and sends_nothing and self._answers.shows_pages(scope)
        moving = asyncio.create_task(
            forward(
                scope,
                receive,
                send,
                upstream=application.upstream,
                target=target,
                headers=self.outgoing(scope["headers"], granted, client=scope["client"]),
                own_cookies=self.own_cookies,
                inspect=self._challenges.inspector(passage, application.policy) if may_ask else None,
                rewriting=application.rewriting,
            )
        )
        # What is being sent in was begun with a sign-in that was recent enough, and is not lost half-way.
        began = None if sends_nothing else self.clock.now()
        try:
            await self._watch.let_run(moving, passage.session, lambda: self.still_admitted(granted, now=began))
        except StepUpAsked as asked:
            await self._step_up(
                replace(passage, outcome=asked.outcome, target=target), application, scope, receive, send
            )
        except ClientGone:
            # Nobody is left to answer.
            return
        except ForwardingFailed as error:
            if error.answer_started:
                self.was_cut(error, application)
            else:
                await self._failed(error, application, scope, receive, send)
        except NoLongerAdmitted:
            # Cut, not completed: nobody may take a part of an answer for the whole.
            scope["extensions"]["inkom.abort"]()
        finally:
            moving.cancel()

    def was_cut(self, error: ForwardingFailed, application: Protected) -> None:
        """Note that an answer broke off: the client's connection is cut."""
        self._measures.forwarding_failed(application.id, type(error).__name__)
        _log.warning("an answer was cut", extra={"application": application.id, "error": type(error).__name__})

    async def _failed(
        self, error: ForwardingFailed, application: Protected, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer an admitted request that got no answer from its backend."""
        self._measures.forwarding_failed(application.id, type(error).__name__)
        await self._answers.failure(error, scope, receive, send)

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

    async def still_admitted(self, granted: Pass, *, now: datetime | None = None) -> bool:
        """Whether the same session, for the same organisation, would be let in again. In doubt it would not."""
        return await self.again(granted, now=now) is not None

    async def again(self, granted: Pass, *, now: datetime | None = None) -> Pass | None:
        """Return the pass of a request that still runs as it would be given now; None where none would be given.

        The age of the sign-in is held against an instant, if one is given.
        """
        visit = await self._visitors.again(granted.passage)
        if visit is None:
            return None
        outcome = self._admit(visit.session, granted.application, now=now)
        if not isinstance(outcome, Forward):
            return None
        return self._granting.continued(granted, outcome.decision, visit.found, sent_in=now is not None)


def _audited(path: bytes) -> str:
    return without_national_numbers(path.decode("ascii", "replace"))


def _refused(reply: Reply) -> TunnelRefused:
    return TunnelRefused(status=reply.status, headers=reply.headers, body=reply.body)
