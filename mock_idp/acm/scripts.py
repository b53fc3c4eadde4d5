"""Sign-in without pages: `mock_person`, `mock_method` and `mock_organisation`, on the request or queued beforehand.

For tests and demos only. A script that names someone or something unknown is an error in clear text, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mock_idp.acm.methods import Method
from mock_idp.acm.requests import Script
from mock_idp.numbers import parse_enterprise_number
from mock_idp.world.questions import World


class ScriptError(Exception):
    """The script cannot be followed. The message is for the developer who wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextLogin:
    client_id: str | None
    person: str
    method: str | None
    organisation: str | None


class NextLogins:
    """The queue of `POST /mock/next-login`: the first that fits the client is taken."""

    def __init__(self) -> None:
        self._waiting: list[NextLogin] = []

    def put(self, login: NextLogin) -> int:
        self._waiting.append(login)
        return len(self._waiting)

    def take(self, client_id: str) -> NextLogin | None:
        for place, login in enumerate(self._waiting):
            if login.client_id in (None, client_id):
                return self._waiting.pop(place)
        return None

    def reset(self) -> None:
        self._waiting.clear()


def login_on_request(parameters: Mapping[str, str], client_id: str) -> NextLogin | None:
    """Raises ScriptError when there is a method or an organisation but no person."""
    person = parameters.get("mock_person")
    if person is None:
        if "mock_method" in parameters or "mock_organisation" in parameters:
            raise ScriptError("mock_method and mock_organisation need a mock_person beside them")
        return None
    return NextLogin(
        client_id=client_id,
        person=person,
        method=parameters.get("mock_method"),
        organisation=parameters.get("mock_organisation"),
    )


def script_for(login: NextLogin, world: World, *, acceptable: tuple[Method, ...]) -> Script:
    """Raises ScriptError. Without a method, the first acceptable one is used."""
    person = world.person(login.person)
    if person is None:
        raise ScriptError(f"mock_person: there is no {login.person!r}; GET /mock/people lists the keys")
    if login.method is not None and login.method not in tuple(Method):
        raise ScriptError(f"mock_method: {login.method!r} is not one of {', '.join(Method)}")
    if not acceptable:
        raise ScriptError("this request accepts none of the five methods; see acr_values and the client's methods")
    method = acceptable[0] if login.method is None else Method(login.method)
    if method not in acceptable:
        raise ScriptError(f"mock_method: {method} is not acceptable here; acceptable are {', '.join(acceptable)}")
    return Script(
        person_key=person.key,
        method=method,
        organisation=None if login.organisation is None else _organisation(login.organisation, world, login.person),
    )


def _organisation(text: str, world: World, person_key: str) -> str:
    number = parse_enterprise_number(text)
    person = world.person(person_key)
    if number is None or person is None or number not in world.connected_organisations(person):
        raise ScriptError(f"mock_organisation: {person_key!r} has nothing to do with an enterprise of that number")
    return number
