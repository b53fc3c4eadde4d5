"""`inkom-mock person`, `people`, `enterprises`, `faults` and `clients`: what there is, without a running mock.

Each prints a table for a person, or JSON for a program (`--json`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mock_idp.clock import Clock
from mock_idp.columns import columns
from mock_idp.describe import describe
from mock_idp.listed import listed_fault, listed_person
from mock_idp.strict_yaml import FileProblemsError
from mock_idp.world.facts import Person
from mock_idp.world.file import load_seed
from mock_idp.world.live import LiveWorld
from mock_idp.world.questions import World

VERBS = ("person", "people", "enterprises", "faults", "clients")


def add_verbs(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    people = verbs.add_parser("people", help="list the cast: who can sign in, and what is expected")
    person = verbs.add_parser("person", help="print what the registers say of somebody of the cast, as JSON")
    person.add_argument("key", metavar="KEY", help="for example employee")
    enterprises = verbs.add_parser("enterprises", help="list every enterprise's number and name, as JSON")
    faults = verbs.add_parser("faults", help="list the wrong answers that can be asked for (POST /mock/fault)")
    faults.add_argument("--about", metavar="WORD", default="", help="only those with this word in name or description")
    clients = verbs.add_parser("clients", help="list the clients that are known at start, with their secrets")
    for verb in (people, faults, clients):
        verb.add_argument("--json", action="store_true", help="JSON in place of a table")
    for verb in (person, enterprises):
        verb.add_argument("--json", action="store_true", help="JSON, which is the only form there is")


def run(options: argparse.Namespace) -> int:
    """0: printed; 1: a file cannot be read; 2: there is no such person."""
    try:
        match options.verb:
            case "person":
                return _person(options.key, options.world)
            case "people":
                return _people(options.world, as_json=options.json)
            case "enterprises":
                return _enterprises(options.world)
            case "faults":
                return _faults(options.about, as_json=options.json)
            case _:
                return _clients(options, as_json=options.json)
    except FileProblemsError as error:
        print(error, file=sys.stderr)
        return 1


def cast_rows(world: World, people: Sequence[Person]) -> list[tuple[str, ...]]:
    """Key, name, whom the person acts for, and the outcome that the story expects."""
    rows: list[tuple[str, ...]] = []
    for person in people:
        enterprise = None if person.acts_for is None else world.enterprise(person.acts_for)
        outcomes = sorted({"allowed" if one.allowed else f"refused: {one.reason}" for one in person.outcomes})
        rows.append((person.key, person.name, "-" if enterprise is None else enterprise.name, ", ".join(outcomes)))
    return rows


def _world(world_file: Path) -> World:
    clock = Clock()
    return LiveWorld(lambda: load_seed(world_file, today=clock.today()), clock=clock).current


def _person(key: str, world_file: Path) -> int:
    world = _world(world_file)
    person = next((one for one in world.cast if one.key == key), None)
    if person is None:
        known = ", ".join(one.key for one in world.cast)
        print(f"inkom-mock: nobody of the cast is called {key!r}; there are {known}", file=sys.stderr)
        return 2
    return _print_json(describe(world, person, today=Clock().today()))


def _people(world_file: Path, *, as_json: bool) -> int:
    world = _world(world_file)
    if as_json:
        return _print_json({"people": [listed_person(world, person) for person in world.cast]})
    print(columns([("KEY", "NAME", "ACTS FOR", "EXPECTED"), *cast_rows(world, world.cast)]))
    return 0


def _enterprises(world_file: Path) -> int:
    seed = load_seed(world_file, today=Clock().today())
    return _print_json([{"number": one.number, "name": one.name} for one in seed.enterprises.values()])


def _faults(about: str, *, as_json: bool) -> int:
    from mock_idp.fault_list import all_faults  # everything that can answer wrongly: more than the other verbs need

    word = about.lower()
    found = [one for one in all_faults() if word in one.name or word in one.description.lower()]
    if as_json:
        return _print_json({"faults": [listed_fault(fault) for fault in found]})
    rows = [(fault.name, fault.expected, fault.description.replace("`", "")) for fault in found]
    print(columns([("FAULT", "CAREFUL CLIENT", "WHAT IS WRONG"), *rows]))
    return 0


def _clients(options: argparse.Namespace, *, as_json: bool) -> int:
    from mock_idp.acm.clients import client_from_json, load_clients  # keys and signatures, for this verb only

    known = dict(load_clients(options.clients))
    for given in options.client:
        known[given.client_id] = client_from_json(json.dumps(given.entry()).encode())
    if as_json:
        return _print_json({"clients": [{**one.described(), "client_secret": one.secret} for one in known.values()]})
    rows = [(one.client_id, one.secret or "(a key)", " ".join(one.redirect_uris)) for one in known.values()]
    print(columns([("CLIENT ID", "SECRET", "REDIRECT ADDRESSES"), *rows]))
    return 0


def _print_json(content: object) -> int:
    print(json.dumps(content, ensure_ascii=False, indent=2))
    return 0
