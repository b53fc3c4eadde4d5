"""*Mijn profiel*: a person's own rights, working relations, administrators and requests, for everybody signed in."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.idm import authority, designations, requests
from mock_idp.idm.counter import Counter, Turn
from mock_idp.idm.standing import standing_of_relation, standing_of_right
from mock_idp.numbers import format_enterprise_number, sex_of

MY_PROFILE = "/mijn-profiel"
NAMED_AT_MOST = 25  # organisations whose administrators are listed; somebody with more finds them through a search


class MyProfilePage:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[BaseRoute]:
        return [Route(MY_PROFILE, self._counter.page(self.profile), methods=["GET"])]

    async def profile(self, turn: Turn) -> Response:
        today = self._counter.clock.today()
        catalogue = self._counter.world.current.catalogue
        with self._counter.world.reading() as session:
            person = self._counter.person(session, turn)
            relations = [
                (one.enterprise.name, format_enterprise_number(one.organisation), one, standing_of_relation(one, today))
                for one in person.relations
            ]
            rights = [
                (right, relation.enterprise.name, relation.organisation, standing_of_right(right, today))
                for relation in person.relations
                for right in relation.rights
            ]
            rights.sort(key=lambda row: (row[3].value != "valid", row[0].last))
            represented = authority.represented_by(session, person, catalogue, today)
            administered = authority.administered_by(session, person)
            concerned = {one.organisation: one.enterprise.name for one in person.relations}
            concerned |= {one.number: one.name for one in (*represented, *administered)}
            named = sorted(concerned.items(), key=lambda pair: (pair[1], pair[0]))[:NAMED_AT_MOST]
            administrators = [
                (
                    name,
                    format_enterprise_number(number),
                    [(row.person.name, row.level) for row in designations.administrators_in(session, number)],
                )
                for number, name in named
            ]
            asked = requests.requests_of(session, person)
            names = self._counter.world.current.names_of({one.organisation for one in asked})
            return self._counter.show(
                turn,
                "idm/my_profile.html",
                person=person,
                sex=sex_of(person.national_number),
                relations=relations,
                rights=rights,
                represented=[(one.name, format_enterprise_number(one.number)) for one in represented],
                administers=[(one.name, format_enterprise_number(one.number)) for one in administered],
                administrators=administrators,
                more=len(concerned) - len(named),
                asked=[(one, names.get(one.organisation, "")) for one in asked],
            )
