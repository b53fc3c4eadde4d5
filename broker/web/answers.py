"""How the outcomes of the gate are answered, for people as pages and for programs as problem documents (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, assert_never

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from broker.domain.admission import ChooseOrganisation, Forward, Outcome, Refuse, Register, SignIn, StepUp
from broker.domain.demand import NOTHING, AcrTable
from broker.domain.machine import TokenRefused
from broker.domain.session import FIRST_PROVIDER, Session
from broker.ports import (
    ForwardingFailed,
    InkomError,
    Passage,
    ProviderUnavailable,
    RegisterUnavailable,
    Reply,
)
from broker.web.challenges import challenges
from broker.web.demands import address_with_demand
from broker.web.refusal import RefusalPage
from broker.web.return_to import address_with_return, path_of
from broker.web.site import SPACE, Pages, new_reference, spoken
from broker.web.step_up import step_up_page
from broker.web.visitors import shows_pages

_log = logging.getLogger("inkom.answers")
LOGIN = f"{SPACE}/login"
CHOOSE = f"{SPACE}/organisation"
REGISTER = f"{SPACE}/registration"
RETRY_SECONDS = "15"


class TooLate(Protocol):
    """Answers a form that cannot pass before something else was done (`parking`)."""

    async def answer(self, request: Request, passage: Passage, *, onward: Callable[[str], str]) -> Response:
        """Keep the form if it may be kept, and say so; `onward` leads to what is missing, and back to a path."""


class PageAnswers:
    """Fulfils the port `Answers`."""

    def __init__(
        self, *, pages: Pages, refusal: RefusalPage, too_late: TooLate, acr_at: Callable[[str], AcrTable]
    ) -> None:
        """`acr_at` says what the `acr` values of a provider, by its id, are worth."""
        self._pages = pages
        self._refusal = refusal
        self._too_late = too_late
        self._acr_at = acr_at

    def shows_pages(self, scope: Scope) -> bool:
        """Whether the client of a request is a browser that navigates, and no program."""
        return shows_pages(Request(scope))

    async def outcome(self, passage: Passage, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that is not forwarded: a redirect or a page for people, a problem document for programs."""
        request = Request(scope, receive)
        by_token = passage.scheme is not None
        response = (
            await self._for_people(passage, request)
            if shows_pages(request) and not by_token
            else _document(self.problem(passage))
        )
        await response(scope, receive, send)

    async def failure(self, error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that could not be judged or forwarded."""
        response = await self.handle(Request(scope, receive), error)
        await response(scope, receive, send)

    async def handle(self, request: Request, error: Exception) -> Response:
        """Return the page or problem document for an error; the reference in it stands in the log too."""
        reference = new_reference()
        _log.error(
            "request failed", extra={"reference": reference, "error": type(error).__name__, "detail": str(error)}
        )
        if shows_pages(request):
            response = self._pages.page(
                request,
                "failure.html",
                status=_status(error),
                part=_part(error),
                # Where a sign-in failed on the way back, its address is of no use a second time.
                retry=getattr(request.state, "retry", path_of(request)),
                reference=spoken(reference),
            )
        else:
            response = _document(self._failure_document(error, reference))
        if _status(error) == 503:
            known = error.retry_after if isinstance(error, ForwardingFailed) else None
            response.headers["retry-after"] = RETRY_SECONDS if known is None else str(known)
        return response

    def problem(self, subject: Passage | Exception) -> Reply:
        """Return the problem document for an outcome or a failure."""
        if isinstance(subject, Exception):
            return self._failure_document(subject, new_reference())
        outcome = subject.outcome
        if isinstance(outcome, TokenRefused):
            return _token_refused(outcome, subject, self._acr_for(subject))
        status, title = _status_and_title(outcome)
        members: dict[str, object] = {"type": "about:blank", "title": title, "status": status}
        match outcome:
            case SignIn():
                members |= {"reason": "not-signed-in", "login_url": _onward(subject, _target(subject))}
            case ChooseOrganisation():
                members |= {"reason": "organisation-not-chosen", "organisation_url": CHOOSE}
            case StepUp(decision=decision):
                members |= {
                    "reason": decision.reason,
                    "cause": decision.cause.value,
                    "login_url": _onward(subject, _target(subject)),
                }
            case Register(decision=decision):
                members |= {
                    "reason": decision.cause.value,
                    "cause": decision.cause.value,
                    "registration_url": address_with_return(REGISTER, _target(subject)),
                }
            case Refuse(decision=decision) | Forward(decision=decision):
                members |= {"reason": decision.reason, "cause": decision.cause.value}
            case _:
                assert_never(outcome)
        members["reference"] = subject.record or new_reference()
        if subject.scheme is not None:
            # A program cannot follow these: they are for people with a browser.
            members = {name: value for name, value in members.items() if not name.endswith("_url")}
        reply = _problem_reply(status, members)
        return replace(reply, headers=[*reply.headers, *challenges(subject, self._acr_for(subject))])

    async def _for_people(self, passage: Passage, request: Request) -> Response:
        outcome = passage.outcome
        match outcome:
            case SignIn() | StepUp() | ChooseOrganisation() if request.method not in {"GET", "HEAD"}:
                # Going to the provider and back would lose what was posted, or send it again unasked.
                return await self._too_late.answer(request, passage, onward=lambda back: _onward(passage, back))
            case StepUp(demand=demand, tried=True):
                again = _onward(passage, _target(passage))
                acr = self._acr_for(passage)
                return step_up_page(self._pages, request, passage, demand=demand, acr=acr, again=again)
            case SignIn() | StepUp() | ChooseOrganisation():
                return self._pages.see_other(_onward(passage, _target(passage)))
            case Register():
                # What was posted has gone nowhere: the way back leads to where the application begins.
                posted = request.method not in {"GET", "HEAD"}
                target = f"/{passage.application}/" if posted else _target(passage)
                return self._pages.see_other(address_with_return(REGISTER, target))
            case Refuse():
                return await self._refusal.answer(request, passage)
            case Forward() | TokenRefused():
                raise AssertionError("a request that may pass is forwarded, and no page is shown to a program")
            case _:
                assert_never(outcome)

    def _acr_for(self, passage: Passage) -> AcrTable:
        """Return the values of the provider at which the person signed in; a program's tokens are the first one's."""
        session = passage.session
        return self._acr_at(session.identity.provider if isinstance(session, Session) else FIRST_PROVIDER)

    def _failure_document(self, error: Exception, reference: str) -> Reply:
        status = _status(error)
        members = {
            "type": "about:blank",
            "title": "The request could not be completed",
            "status": status,
            "reason": _part(error),
            "reference": reference,
        }
        return _problem_reply(status, members)


def _status_and_title(outcome: Outcome) -> tuple[int, str]:
    match outcome:
        case SignIn():
            return 401, "Nobody is signed in"
        case StepUp():
            return 401, "A stronger or more recent sign-in is needed"
        case ChooseOrganisation():
            return 403, "No organisation has been chosen"
        case Register():
            return 403, "The organisation is not registered"
        case Refuse() | Forward():
            return 403, "Access is refused"
        case _:
            assert_never(outcome)


def _status(error: Exception) -> int:
    match error:
        case ForwardingFailed():
            return error.status
        case InkomError():
            return 503
        case _:
            return 500


def _part(error: Exception) -> str:
    """Name the part that does not work, as pages and problem documents do."""
    match error:
        case ForwardingFailed():
            return "application"
        case RegisterUnavailable():
            return "register"
        case ProviderUnavailable():
            return "provider"
        case _:
            return "gateway"


def _token_refused(refused: TokenRefused, passage: Passage, acr: AcrTable) -> Reply:
    """The error code for programs, and what is wrong for whoever wrote the program (RFC 6750, section 3)."""
    reference = new_reference()
    _log.warning(
        "a token was refused",
        extra={"application": passage.application, "reference": reference, "detail": refused.detail},
    )
    status = refused.error.status
    members: dict[str, object] = {
        "type": "about:blank",
        "title": "The access token is not accepted",
        "status": status,
        "reason": refused.error.value.replace("_", "-"),
        "detail": refused.detail,
        "reference": reference,
    }
    reply = _problem_reply(status, members)
    return replace(reply, headers=[*reply.headers, *challenges(passage, acr)])


def _target(passage: Passage) -> str:
    return passage.target.decode("ascii")


def _onward(passage: Passage, return_to: str) -> str:
    """Where to do what is missing, and go back from."""
    match passage.outcome:
        case ChooseOrganisation():
            return address_with_return(CHOOSE, return_to)
        case SignIn(afresh=True):
            # The provider's own session would answer at once, and nobody would have signed in.
            return address_with_demand(LOGIN, return_to, NOTHING, asks_anew=True)
        case StepUp(demand=demand, tried=tried):
            # What was tried in vain is only tried again by a person's own choice, and then the provider has to ask.
            return address_with_demand(LOGIN, return_to, demand, asks_anew=tried)
        case _:
            return address_with_return(LOGIN, return_to)


def _problem_reply(status: int, members: dict[str, object]) -> Reply:
    headers = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
    return Reply(status=status, headers=headers, body=msgspec.json.encode(members))


def _document(reply: Reply) -> Response:
    response = Response(reply.body, status_code=reply.status)
    response.raw_headers.extend(reply.headers)
    return response
