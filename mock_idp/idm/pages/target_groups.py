"""*Gebruikersrechten per doelgroep*: which rights people of a target group can get, and what each of them opens.

The groups are user management's own. Here only enterprises (EA) have rights; what a profile opens is said as the
agency's guide says it, and decided by the gateway.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.idm.counter import Counter, Turn
from mock_idp.idm.signin import SPACE
from mock_idp.idm.telling import INKOM_PROFILE, INKOM_RIGHTS, MEASURES
from mock_idp.world.facts import RightKind
from pagekit.languages import message

GROUPS_AT = f"{SPACE}/doelgroepen"
SERVICE_PROVIDER = "Dienstverlener kmo-portefeuille"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGroup:
    """`name` and `who` are message ids; `has_rights`: rights can be granted to it here."""

    code: str
    name: str
    who: str
    has_rights: bool = False


GROUPS = (
    TargetGroup(
        code="EA",
        name=message("Economic actors"),
        who=message("Enterprises and everything else with an enterprise number that is in no other group."),
        has_rights=True,
    ),
    TargetGroup(code="BUR", name=message("Citizens"), who=message("People who act for themselves.")),
    TargetGroup(code="LB", name=message("Local authorities"), who=message("Municipalities, provinces and the like.")),
    TargetGroup(
        code="OV",
        name=message("Education and training institutions"),
        who=message("Schools and centres, known by their institution number."),
    ),
    TargetGroup(
        code="GID",
        name=message("Government employees (VO-medewerkers)"),
        who=message("Entities of the Flemish government, known by their OVO code."),
    ),
    TargetGroup(
        code="VER", name=message("De facto associations"), who=message("Associations without legal personality.")
    ),
)


class TargetGroupPages:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[BaseRoute]:
        working = self._counter.working
        return [
            Route(GROUPS_AT, working(self.groups), methods=["GET"]),
            Route(f"{GROUPS_AT}/{{group}}", working(self.group), methods=["GET"]),
            Route(f"{GROUPS_AT}/{{group}}/{{right}}", working(self.right), methods=["GET"]),
        ]

    async def groups(self, turn: Turn) -> Response:
        rights = self._counter.world.current.catalogue.rights
        return self._counter.show(
            turn,
            "idm/target_groups.html",
            groups=[(one, len(rights) if one.has_rights else 0) for one in GROUPS],
            here=GROUPS_AT,
        )

    async def group(self, turn: Turn) -> Response:
        group = _group(turn)
        if group is None:
            return self._counter.desk.see_other(GROUPS_AT)
        rights = self._counter.world.current.catalogue.rights.values() if group.has_rights else ()
        return self._counter.show(turn, "idm/target_group.html", group=group, rights=tuple(rights), here=GROUPS_AT)

    async def right(self, turn: Turn) -> Response:
        group, code = _group(turn), turn.request.path_params["right"]
        rights = self._counter.world.current.catalogue.rights.values()
        kind = next((one for one in rights if one.code == code), None)
        if group is None or not group.has_rights or kind is None:
            return self._counter.desk.see_other(GROUPS_AT)
        return self._counter.show(
            turn,
            "idm/target_right.html",
            group=group,
            kind=kind,
            profiles=[(profile, *opened_by(kind, profile)) for profile in kind.profiles],
            here=GROUPS_AT,
        )


def opened_by(kind: RightKind, profile: str) -> tuple[tuple[str, ...], str]:
    """The names of what a profile of a right opens, and a sentence about it (a message id)."""
    if kind.name not in INKOM_RIGHTS:
        return (), message("An application that has nothing to do with INKOM.")
    if profile == INKOM_PROFILE:
        return MEASURES, message("The digital support measures of the agency:")
    if profile == SERVICE_PROVIDER:
        return (), message(
            "The entry for service providers of the kmo-portefeuille. By itself it does not open the measures: "
            "for those the profile Gebruiker is needed."
        )
    return (), message("Nothing that is known here.")


def _group(turn: Turn) -> TargetGroup | None:
    code = turn.request.path_params["group"].upper()
    return next((one for one in GROUPS if one.code == code), None)
