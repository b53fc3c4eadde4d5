"""What ACM says about a person: the identity claims of each scope (ACM's scope and claim table).

ACM delivers only rights that are valid at sign-in, without their dates; the dates are in the IDM register.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from mock_idp.acm.clients import Client, OrganisationChoice
from mock_idp.world.facts import Person
from mock_idp.world.questions import World

TARGET_GROUPS = {"EA": "Economische Actoren", "BUR": "Burgers"}


def identity_claims(
    world: World,
    person: Person,
    client: Client,
    *,
    scopes: tuple[str, ...],
    organisation: str | None,
    today: date,
) -> dict[str, object]:
    """`organisation` is the one chosen at ACM, if any; without it the role claim speaks of all organisations."""
    claims: dict[str, object] = {"cot": "vo"}
    # Where ACM asks for the organisation and none was chosen, the person acts as a citizen.
    as_citizen = organisation is None and client.organisation_choice is OrganisationChoice.ACM
    if "profile" in scopes:
        claims |= {"given_name": person.given_name, "family_name": person.family_name}
    if "rrn" in scopes:
        claims["rrn"] = person.national_number
    if "vo" in scopes:
        claims |= _vo_claims(world, person, organisation, today, as_citizen=as_citizen)
    if "wettelijkvertegenwoordiger" in scopes and organisation and world.represents(person, organisation, today):
        claims["wv_orgcode"] = organisation
    if "vlaio_inkom" in scopes and not as_citizen:
        roles = role_values(world, person, organisation=organisation, today=today)
        if roles:
            claims[f"vlaio_inkom_rol_{client.role_claim_suffix}"] = roles
    return claims


def _vo_claims(
    world: World, person: Person, organisation: str | None, today: date, *, as_citizen: bool
) -> dict[str, object]:
    acts_for_an_enterprise = organisation is not None or bool(world.offered_organisations(person, today))
    group = "EA" if acts_for_an_enterprise and not as_citizen else "BUR"
    claims: dict[str, object] = {"vo_doelgroepcode": group, "vo_doelgroepnaam": TARGET_GROUPS[group]}
    if person.in_registers:
        claims["vo_id"] = person.vo_id
    if person.email is not None:
        claims["vo_email"] = person.email
    enterprise = None if organisation is None else world.enterprise(organisation)
    if enterprise is not None:
        claims |= {"vo_orgcode": enterprise.number, "vo_orgnaam": enterprise.name}
    return claims


def role_values(world: World, person: Person, *, organisation: str | None, today: date) -> list[str]:
    """`Right-Context:org, org`: one value per right and profile, with all organisations where it is valid today."""
    organisations: dict[str, list[str]] = {}
    for role, number in _valid_roles(world, person, today):
        if organisation is None or number == organisation:
            organisations.setdefault(role, []).append(number)
    return [f"{role}:{', '.join(numbers)}" for role, numbers in organisations.items()]


def _valid_roles(world: World, person: Person, today: date) -> Iterator[tuple[str, str]]:
    catalogue = world.catalogue
    for relation in world.relations_of(person):
        if not relation.is_usable(today):
            continue
        for right in relation.rights:
            if right.period.includes(today):
                for profile in right.profiles:
                    yield (
                        f"{catalogue.rights[right.name].code}-{catalogue.profile_codes[profile]}",
                        relation.organisation,
                    )
