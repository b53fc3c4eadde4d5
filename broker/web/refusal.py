"""The refusal page: which roads failed and why, the next step for that reason, and the people who can help.

Each cause has its own sentence and its own next steps; a cause without them does not type-check.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import assert_never
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from broker.domain.admission import Refuse
from broker.domain.decide import Cause, Decision, Step
from broker.domain.numbers import EnterpriseNumber
from broker.domain.policy import HoldsRight, IsLegalRepresentative
from broker.domain.session import Session
from broker.ports import Clock, Contacts, Passage, Registers, RegisterUnavailable
from broker.web.site import Pages, spoken
from pagekit import message

ROADS = ("right", "administrator", "kbo")
TARGET_GROUP = "EA"  # economische actoren: everything with an enterprise number (Vlaanderen, "Doelgroepen")
# What a new grant cures. A relation that is paused, or a right that begins tomorrow, is the administrator's doing.
_CURED_BY_ASKING = frozenset(
    {
        Cause.KBO_LISTS_NOBODY,
        Cause.FUNCTION_MISSING,
        Cause.FUNCTION_DOES_NOT_REPRESENT,
        Cause.FUNCTION_ENDED,
        Cause.RIGHT_MISSING,
        Cause.RIGHT_ELSEWHERE,
        Cause.WRONG_PROFILE,
        Cause.RELATION_MISSING,
        Cause.RELATION_ENDED,
        Cause.RIGHT_EXPIRED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """One condition as the page shows it. `text` is a message id with the places `day`, `right` and `profile`."""

    title: str
    holds: bool
    text: str
    day: date | None
    right: str
    profiles: str


class RefusalPage:
    """Answers a person whom the policy does not let in."""

    def __init__(self, *, pages: Pages, registers: Registers, clock: Clock) -> None:
        self._pages = pages
        self._registers = registers
        self._clock = clock

    async def answer(self, request: Request, passage: Passage) -> Response:
        """Return the page for a refusal; without the names of who can help when the registers do not answer."""
        session, outcome = passage.session, passage.outcome
        if not isinstance(session, Session) or session.acting is None or not isinstance(outcome, Refuse):
            raise AssertionError("a page of refusal is about a person in an organisation")
        language = self._pages.language(request)
        decision = outcome.decision
        contacts = await self._contacts(session)
        return self._pages.page(
            request,
            "refused.html",
            status=403,
            session=session,
            application=self._pages.title(passage.application, language),
            decision=decision,
            main=_road(decision.settled_by),
            roads=_roads(decision),
            help=help_for(decision.cause),
            advice=advice_for(decision.cause, administrator=session.acting.facts.administrator),
            contacts=contacts,
            ask=ask_address(self._pages.links.ask_for_right, decision, session.acting.organisation.number)
            if contacts is None or contacts.administrators or not contacts.known
            else None,
            target=passage.target.decode("ascii"),
            reference=spoken(passage.record or ""),
        )

    async def _contacts(self, session: Session) -> Contacts | None:
        if session.acting is None:
            return None
        try:
            return await self._registers.contacts(session.acting.organisation.number, day=self._clock.today())
        except RegisterUnavailable:
            return None


def ask_address(base: str, decision: Decision, organisation: EnterpriseNumber) -> str | None:
    """Return where the person can ask for the right that the policy wants; None where asking would not help.

    The parameters are those of user management's deep link (Vlaanderen, "Zelfregistratie"), which it asks without
    spaces.
    """
    wanted = next((step.condition for step in decision.steps if isinstance(step.condition, HoldsRight)), None)
    if wanted is None or decision.cause not in _CURED_BY_ASKING:
        return None
    question = {
        "dg": TARGET_GROUP,
        "ec": wanted.name.replace(" ", "_"),
        "ctx": wanted.profiles[0],
        "oc": organisation.digits,
    }
    return f"{base}?{urlencode(question)}"


def _roads(decision: Decision) -> list[Road]:
    """The roads that failed. Where a requirement failed, no road would have helped, and none is mentioned."""
    if help_for(decision.cause) != ROADS:
        return [_road(decision.settled_by)]
    return [_road(step) for step in decision.steps if not step.finding.holds]


def _road(step: Step) -> Road:
    finding = step.finding
    right = finding.right
    return Road(
        title=_title(step),
        holds=finding.holds,
        text=sentence(finding.cause),
        day=finding.day,
        right=right.name if right else "VLAIO Inkom Gebruiker Nieuw",
        profiles=", ".join(right.profiles) if right else "",
    )


def _title(step: Step) -> str:
    match step.finding.cause:
        case (
            Cause.METHOD_ACCEPTED
            | Cause.METHOD_NOT_ACCEPTED
            | Cause.ASSURANCE_REACHED
            | Cause.LEVEL_TOO_LOW
            | Cause.SIGNED_IN_RECENTLY
            | Cause.SIGNED_IN_TOO_LONG_AGO
        ):
            return message("How you signed in")
        case Cause.ORGANISATION_IN_ORDER | Cause.ORGANISATION_CEASED | Cause.ORGANISATION_NOT_REGISTERED:
            return message("The organisation")
        case _ if isinstance(step.condition, IsLegalRepresentative):
            return message("As legal representative")
        case _:
            return message("With a user right")


def sentence(cause: Cause) -> str:
    """Return the message id that says what a cause means, in words for a citizen."""
    match cause:
        case Cause.METHOD_ACCEPTED:
            return message("You signed in in a way that this application accepts.")
        case Cause.ASSURANCE_REACHED:
            return message("You signed in with enough certainty.")
        case Cause.SIGNED_IN_RECENTLY:
            return message("You signed in recently enough.")
        case Cause.SIGNED_IN_TOO_LONG_AGO:
            return message("You signed in too long ago for this application.")
        case Cause.ORGANISATION_IN_ORDER:
            return message("The organisation is active.")
        case Cause.REPRESENTS:
            return message("You are a legal representative of the organisation.")
        case Cause.RIGHT_VALID:
            return message("You hold the user right that is needed.")
        case Cause.METHOD_NOT_ACCEPTED:
            return message("The way you signed in is not accepted for this application.")
        case Cause.LEVEL_TOO_LOW:
            return message("This application asks for a more certain way to sign in, such as itsme or eID.")
        case Cause.ORGANISATION_CEASED:
            return message("According to the Crossroads Bank for Enterprises (KBO) this organisation has ceased.")
        case Cause.ORGANISATION_NOT_REGISTERED:
            return message("This organisation is not registered on INKOM yet.")
        case Cause.KBO_LISTS_NOBODY:
            return message("The Crossroads Bank for Enterprises (KBO) lists no legal representative at all.")
        case Cause.FUNCTION_MISSING:
            return message("The Crossroads Bank for Enterprises (KBO) lists no function of yours in this organisation.")
        case Cause.FUNCTION_DOES_NOT_REPRESENT:
            return message("The function that KBO lists for you does not make you a legal representative.")
        case Cause.FUNCTION_NOT_YET_VALID:
            return message("Your function as legal representative begins on %(day)s.")
        case Cause.FUNCTION_ENDED:
            return message("Your function as legal representative ended on %(day)s.")
        case Cause.RIGHT_MISSING:
            return message("You do not hold the user right %(right)s.")
        case Cause.RIGHT_ELSEWHERE:
            return message("You hold the user right %(right)s, but for another organisation.")
        case Cause.WRONG_PROFILE:
            return message(
                "You hold the user right %(right)s with the profile %(profiles)s; the profile Gebruiker is missing."
            )
        case Cause.RELATION_MISSING:
            return message("You hold the user right %(right)s, but have no working relation with this organisation.")
        case Cause.RELATION_PENDING:
            return message("Your working relation with this organisation is still pending.")
        case Cause.RELATION_PAUSED:
            return message("Your working relation with this organisation is paused.")
        case Cause.RELATION_NOT_YET_VALID:
            return message("Your working relation with this organisation begins on %(day)s.")
        case Cause.RELATION_ENDED:
            return message("Your working relation with this organisation ended on %(day)s.")
        case Cause.RIGHT_NOT_YET_VALID:
            return message("Your user right %(right)s begins on %(day)s.")
        case Cause.RIGHT_EXPIRED:
            return message("Your user right %(right)s expired on %(day)s.")
        case _:
            assert_never(cause)


def advice_for(cause: Cause, *, administrator: bool = False) -> str:
    """Return the message id of the first thing to do about a cause; a local administrator can often do it alone."""
    if administrator and help_for(cause) == ROADS:
        return message(
            "You are a local administrator of this organisation: you can put this right yourself in user management."
        )
    match cause:
        case Cause.METHOD_NOT_ACCEPTED | Cause.LEVEL_TOO_LOW:
            return message("Sign out, and sign in again in another way.")
        case Cause.SIGNED_IN_TOO_LONG_AGO:
            return message("Sign out, and sign in again.")
        case Cause.ORGANISATION_CEASED:
            return message("Choose another organisation. Is this a mistake? Have it corrected in KBO.")
        case Cause.ORGANISATION_NOT_REGISTERED:
            return message("Ask somebody who has access to register the organisation first.")
        case Cause.RIGHT_NOT_YET_VALID | Cause.RELATION_NOT_YET_VALID | Cause.FUNCTION_NOT_YET_VALID:
            return message("Come back on that day, or ask a local administrator to let it begin earlier.")
        case Cause.RIGHT_EXPIRED:
            return message("Ask a local administrator of your organisation to extend your user right.")
        case Cause.RELATION_ENDED | Cause.RELATION_MISSING:
            return message(
                "Ask a local administrator of your organisation to extend your working relation and your right."
            )
        case Cause.RELATION_PAUSED:
            return message("Ask a local administrator of your organisation to resume your working relation.")
        case Cause.RELATION_PENDING:
            return message("Ask a local administrator of your organisation to activate your working relation.")
        case Cause.WRONG_PROFILE:
            return message("Ask a local administrator of your organisation to add the profile Gebruiker to your right.")
        case Cause.RIGHT_ELSEWHERE:
            return message("Choose the organisation for which you hold the right, or ask for the right in this one.")
        case _:
            return message(
                "Ask a local administrator of your organisation for the user right VLAIO Inkom Gebruiker Nieuw "
                "with the profile Gebruiker."
            )


def help_for(cause: Cause) -> tuple[str, ...]:
    """Return which explanations of the page matter for a cause, most useful first."""
    match cause:
        case Cause.METHOD_NOT_ACCEPTED | Cause.LEVEL_TOO_LOW:
            return ("sign-in",)
        case Cause.SIGNED_IN_TOO_LONG_AGO:
            return ()
        case Cause.ORGANISATION_CEASED:
            return ("ceased",)
        case Cause.ORGANISATION_NOT_REGISTERED:
            return ()
        case _:
            return ROADS
