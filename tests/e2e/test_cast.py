"""Every person of the cast meets the outcome that their story tells, for every application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conftest import TABLE
from tests.e2e.chain import APPLICATIONS, Chain

# The keys that others may rely on.
KEYS = frozenset(
    {
        "auditor",
        "ceased-enterprise",
        "citizen",
        "company-director",
        "employee",
        "expired-right",
        "expires-soon",
        "expires-today",
        "future-right",
        "legal-representative",
        "local-administrator",
        "many-organisations",
        "new-enterprise",
        "nobody",
        "older-right",
        "paused-relation",
        "pending-person",
        "right-elsewhere",
        "service-provider",
        "two-organisations",
    }
)


def test_every_key_of_the_cast_meets_its_outcome(chain: Chain, record_property: Callable[[str, object], None]) -> None:
    people = chain.people()
    assert {person["key"] for person in people} >= KEYS
    rows = [
        (person["key"], application, expected(person, application), seen(chain, person, application))
        for person in people
        for application in APPLICATIONS
    ]
    lines = [f"{key:22}{application:22}{wanted:40}{found}" for key, application, wanted, found in rows]
    record_property(TABLE, "\n".join([f"{'person':22}{'application':22}{'expected':40}seen", *lines]))
    assert [row for row in rows if row[2] != row[3]] == []


def expected(person: dict[str, Any], application: str) -> str:
    outcome = person["outcome"][application]
    return f"{outcome['expect']} {outcome['reason']}"


def seen(chain: Chain, person: dict[str, Any], application: str) -> str:
    """Sign in, choose the organisation of the story where several are offered, and read how it ended."""
    with chain.visitor() as visitor:
        page = visitor.open(person["key"], application=application)
        if 'name="organisation"' in page.text:
            page = visitor.choose(person["acts_for"]["number"], return_to=f"/{application}/")
        if page.url.path == "/_inkom/organisation" and page.status_code == 403:
            return "refused no-organisation"
        if page.url.path == "/_inkom/registration":
            assert page.status_code == 200
            asked = visitor.get(f"/{application}/", headers={"accept": "application/json"})
            return f"refused {asked.json()['cause']}"
        asked = visitor.get(f"/{application}/", headers={"accept": "application/json"})
        assert asked.status_code == page.status_code
        if asked.status_code == 200:
            return f"allowed {'inkom-user' if 'x-inkom-right' in page.text else 'legal-representative'}"
        assert asked.status_code == 403
        return f"refused {asked.json()['cause']}"
