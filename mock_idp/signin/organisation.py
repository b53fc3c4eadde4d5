"""The last page of a sign-in, for those who may act for several organisations: which one is it for?

Only when the client's configuration leaves that choice to ACM. One possibility, or a valid hint, is taken silently.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.acm.interactions import Interaction
from mock_idp.numbers import format_enterprise_number
from mock_idp.signin.desk import Desk
from mock_idp.signin.people import Organisation
from mock_idp.signin.turn import Identified, Notice, Turn
from pagekit.languages import message

CITIZEN = "citizen"  # the form's value for "in my own name", ACM's target group BUR
SEARCH_FROM = 13  # a longer list gets a search box
AT_ONCE = 40  # organisations on one page

NOT_YOURS = message("You can't sign in for that organisation. Choose one from the list.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Nothing to ask: sign in for this organisation, or as a citizen when it is None."""

    organisation: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """The person must choose among these, and may act as a citizen where that is allowed."""

    organisations: tuple[Organisation, ...]
    citizen: bool


def question_for(interaction: Interaction, organisations: tuple[Organisation, ...]) -> Settled | Ask:
    """Which question this sign-in still has, if any.

    ACM checks that the person may use a hinted identity, and only then skips the choice (*gericht aanmelden*).
    """
    numbers = {organisation.number for organisation in organisations}
    if not interaction.wants_organisation or interaction.hinted_target_group == "BUR" or not organisations:
        return Settled(organisation=None)
    if interaction.hinted_organisation in numbers:
        return Settled(organisation=interaction.hinted_organisation)
    if len(organisations) == 1:
        return Settled(organisation=organisations[0].number)
    return Ask(organisations=organisations, citizen=interaction.hinted_target_group is None)


class OrganisationPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/signin/{interaction}/organisation", self._desk.page(self.show), methods=["GET"]),
            Route("/signin/{interaction}/organisation", self._desk.page(self.choose), methods=["POST"]),
        ]

    async def show(self, turn: Turn) -> Response:
        identified = self._desk.identified_in(turn)
        if identified is None:
            return self._desk.back(turn, "")
        match question_for(turn.interaction, self._desk.cast.organisations(identified.person)):
            case Settled(organisation=organisation):
                return self._desk.finish(turn, identified, organisation)
            case Ask() as ask:
                return self._show_list(turn, identified, ask)

    async def choose(self, turn: Turn) -> Response:
        identified = self._desk.identified_in(turn)
        if identified is None:
            return self._desk.back(turn, "")
        question = question_for(turn.interaction, self._desk.cast.organisations(identified.person))
        chosen = turn.form.get("organisation", "")
        if isinstance(question, Ask):
            offered = {organisation.number for organisation in question.organisations}
            if chosen not in offered and not (chosen == CITIZEN and question.citizen):
                return self._desk.back(turn, "/organisation", Notice(text=NOT_YOURS))
            self._desk.last_organisations.put(identified.person, chosen)
            return self._desk.finish(turn, identified, None if chosen == CITIZEN else chosen)
        return self._desk.finish(turn, identified, question.organisation)

    def _show_list(self, turn: Turn, identified: Identified, ask: Ask) -> Response:
        searched = turn.request.query_params.get("q", "").strip()
        last = self._desk.last_organisations.get(identified.person)
        found = last_first(matching(ask.organisations, searched), last)
        return self._desk.show(
            turn,
            "signin/organisation.html",
            person_name=self._desk.cast.name_of(identified.person),
            rows=tuple((one, format_enterprise_number(one.number), one.number == last) for one in found[:AT_ONCE]),
            total=len(ask.organisations),
            found=len(found),
            searched=searched,
            searchable=len(ask.organisations) >= SEARCH_FROM,
            citizen=ask.citizen and not searched,
            citizen_last=last == CITIZEN,
            citizen_value=CITIZEN,
        )


def matching(organisations: tuple[Organisation, ...], searched: str) -> tuple[Organisation, ...]:
    """The organisations whose name holds every word that was typed, or whose number holds the digits."""
    digits = "".join(character for character in searched if character.isdigit())
    words = searched.casefold().split()
    return tuple(
        organisation
        for organisation in organisations
        if all(word in organisation.name.casefold() for word in words) or (digits and digits in organisation.number)
    )


def last_first(organisations: tuple[Organisation, ...], last: str | None) -> tuple[Organisation, ...]:
    return tuple(sorted(organisations, key=lambda organisation: organisation.number != last))
