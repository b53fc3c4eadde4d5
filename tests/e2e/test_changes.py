"""What changes in user management reaches whoever has something open, through the whole chain."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from time import monotonic
from typing import Any, Self

import httpx2
import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.chain import Chain, Visitor
from tests.e2e.open_streams import (
    APP,
    SOON,
    Following,
    assert_ended,
    assert_still_open,
    open_streams,
    signed_in,
)
from tests.e2e.second_gateway import second_gateway
from tests.e2e.studio import Studio, patient_chromium

JSON = {"accept": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Administrator:
    """The bakery's local administrator at user management, in a browser of her own."""

    site: str
    visitor: Visitor

    @classmethod
    def of(cls, chain: Chain) -> Self:
        visitor = chain.visitor()
        site = f"{chain.mock}/gebruikersbeheer"
        page = visitor.follow(visitor.get(site), mock_person="local-administrator", mock_method="itsme")
        assert page.status_code == 200, page.text
        return cls(site=site, visitor=visitor)

    def pause(self, person: str) -> float:
        """Pause the person's working relation; returns the moment before."""
        return self._confirm(person, "pauzeren")

    def resume(self, person: str) -> float:
        """Resume it; returns the moment before."""
        return self._confirm(person, "hervatten")

    def _confirm(self, person: str, step: str) -> float:
        """Follow the link on the person's page, and send the form that is there."""
        link = re.search(
            rf'href="[^"]*(/relaties/\d+/{step})"', self.visitor.get(f"{self.site}/personen/{person}").text
        )
        assert link is not None, self.visitor.pages[-1]
        address = f"{self.site}{link[1]}"
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', self.visitor.get(address).text)
        began = monotonic()
        answer = self.visitor.post(address, **{name: unescape(value) for name, value in hidden})
        assert answer.status_code == 303, answer.text
        return began


@pytest.fixture
def administrator(chain: Chain) -> Iterator[Administrator]:
    administrator = Administrator.of(chain)
    with administrator.visitor:
        yield administrator


def announce(chain: Chain, person: str, **more: str) -> list[int]:
    """Announce that something about the person changed; the statuses with which the gateway took it."""
    before = len(httpx2.get(f"{chain.mock}/mock/signals", trust_env=False).json()["signals"])
    signals: list[dict[str, Any]] = chain.tell_mock("/mock/signals", person=person, **more).json()["signals"]
    return [one["status"] for one in signals[before:]]


def until_delivered(chain: Chain) -> None:
    """Events are delivered in order: when one about somebody else has arrived, so have all before it."""
    assert announce(chain, "nobody")[-1] == 202


@pytest.fixture
def employee(chain: Chain) -> Iterator[Visitor]:
    with signed_in(chain, "employee") as visitor:
        yield visitor


def test_a_paused_relation_ends_what_is_open_and_leaves_what_others_have_open(
    chain: Chain, employee: Visitor, administrator: Administrator
) -> None:
    with (
        signed_in(chain, "legal-representative") as other,
        open_streams(employee) as (socket, events),
        open_streams(other) as (other_socket, other_events),
    ):
        began = administrator.pause("employee")

        assert_ended(socket, events)
        print(f"an event stream ended {events.ended_at - began:.3f} s after the relation was paused")
        assert_still_open(other_socket, other_events)
        refused = employee.get(f"{APP}/events", headers=JSON)
        assert (refused.status_code, refused.json()["cause"]) == (403, "relation-paused")


def test_a_change_that_leaves_the_access_leaves_what_is_open(chain: Chain, employee: Visitor) -> None:
    with open_streams(employee) as (socket, events):
        for kind in ("token-claims-change", "credential-change", "assurance-level-change"):
            assert announce(chain, "employee", event=kind) == [202]

        assert_still_open(socket, events)
        assert employee.get(f"{APP}/", headers=JSON).status_code == 200


def test_a_resumed_relation_opens_without_a_new_sign_in(
    chain: Chain, employee: Visitor, administrator: Administrator
) -> None:
    administrator.pause("employee")
    until_delivered(chain)
    assert employee.get(f"{APP}/", headers=JSON).status_code == 403

    administrator.resume("employee")
    until_delivered(chain)

    assert employee.get(f"{APP}/", headers=JSON).status_code == 200


def test_a_revoked_session_ends_what_is_open_and_the_person_can_sign_in_anew(chain: Chain, employee: Visitor) -> None:
    with open_streams(employee) as (socket, events):
        assert announce(chain, "employee", event="session-revoked") == [202]

        assert_ended(socket, events)
    assert employee.get(f"{APP}/events", headers=JSON).status_code == 401
    assert employee.open("employee").status_code == 200


@pytest.mark.parametrize(
    ("twist", "statuses"),
    [
        ("wrong-key", [400]),
        ("wrong-issuer", [400]),
        ("wrong-audience", [400]),
        ("wrong-type", [400]),
        ("old", [400]),
        ("without-id", [400]),
        ("unknown-person", [202]),
        ("twice", [202, 202]),
    ],
)
def test_an_event_that_is_wrong_ends_nothing(chain: Chain, employee: Visitor, twist: str, statuses: list[int]) -> None:
    assert (
        announce(chain, "auditor" if twist == "twice" else "employee", event="session-revoked", twist=twist) == statuses
    )

    assert employee.get(f"{APP}/", headers=JSON).status_code == 200


def test_what_one_gateway_is_told_ends_what_another_one_has_open(
    chain: Chain, employee: Visitor, administrator: Administrator, tmp_path: Path
) -> None:
    """Two machines behind one name, with one Redis: the transmitter reaches either of them."""
    backends = dict(zip(("KMO_PORTEFEUILLE", "ECOLOGIEPREMIE_PLUS", "CORONAMAATREGELEN"), chain.backends, strict=True))
    environment = {f"INKOM_APPLICATIONS_{name}_UPSTREAM": address for name, address in backends.items()}
    environment["INKOM_PUBLIC_URL"] = chain.gateway
    with second_gateway(chain, log=tmp_path / "gateway.log", environment=environment) as address:
        there = Following(employee, gateway=address)
        began = administrator.pause("employee")

        assert there.ended.wait(SOON)
        print(f"at the other gateway it ended {there.ended_at - began:.3f} s after the relation was paused")


# ------------------------------------------------------------------------------------------------------- in a browser
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with patient_chromium() as running:
        yield running


def test_an_open_page_says_at_once_that_access_is_over_and_keeps_what_was_typed(
    chain: Chain, browser: Browser, administrator: Administrator
) -> None:
    studio = Studio(browser=browser)
    with studio.window() as window:
        chain.tell_mock("/mock/next-login", mock_person="employee", mock_method="itsme")
        page = window.new_page()
        page.goto(f"{chain.gateway}{APP}/live")
        expect(page.locator("#live")).to_have_text(re.compile(r"\d"))
        talk = window.new_page()
        talk.goto(f"{chain.gateway}{APP}/talk")
        talk.get_by_label("Uw bericht").fill("dit gaat niet verloren")
        notices = [one.get_by_role("alert") for one in (page, talk)]
        for notice in notices:
            expect(notice).to_have_text("")

        began = administrator.pause("employee")

        for notice in notices:
            expect(notice).to_contain_text("U hebt geen toegang meer tot deze pagina")
            expect(notice).to_contain_text("Uw werkrelatie met deze organisatie is gepauzeerd.")
            expect(notice.locator("[data-cause]")).to_have_count(1)
        print(f"both pages said so {monotonic() - began:.3f} s after the relation was paused")
        expect(talk.get_by_label("Uw bericht")).to_have_value("dit gaat niet verloren")
        studio.look(talk, "access-lost")

        talk.get_by_role("link", name="Laad deze pagina opnieuw").click()
        expect(talk.get_by_role("heading", level=1)).to_contain_text("geen toegang")
        administrator.resume("employee")
        until_delivered(chain)
        talk.reload()
        expect(talk.get_by_role("heading", level=1)).to_have_text("Praten over een WebSocket")
    assert studio.complaints == []
