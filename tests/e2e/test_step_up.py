"""An application that asks for more certainty: stepping up through the real chain, back to the very same address."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.e2e.chain import Chain, Visitor
from tests.e2e.second_gateway import recording_backend, second_gateway

CLIENT = {"client_id": "inkom-careful", "client_secret": "secret-of-the-careful-gateway"}
POLICY = """\
policy: careful
title: {nl: Alleen met itsme of eID, en: With itsme or eID only}
source: a test
applications: [kmo-portefeuille, ecologiepremie-plus, coronamaatregelen]
require:
  - id: certain-sign-in
    assurance: high
allow:
  - id: inkom-user
    right: {name: VLAIO Inkom Gebruiker Nieuw, predecessors: [], profile: [Gebruiker]}
tests:
  - name: A code by SMS is not enough
    given: {method: sms, organisation: "1999.999.943"}
    expect: {allowed: false, reason: certain-sign-in}
  - name: itsme is
    date: 2026-06-01
    given:
      method: itsme
      organisation: "1999.999.943"
      working_relation: {from: 2026-01-01, until: 2026-12-31}
      rights:
        - name: VLAIO Inkom Gebruiker Nieuw
          profile: Gebruiker
          organisation: "1999.999.943"
          from: 2026-01-01
          until: 2026-12-31
    expect: {allowed: true, reason: inkom-user}
"""


@pytest.fixture
def careful(chain: Chain, tmp_path: Path) -> Iterator[str]:
    """A gateway whose policy asks for a high level, known to ACM as a client of its own."""
    (tmp_path / "careful.yaml").write_text(POLICY)
    environment = {
        "INKOM_POLICIES": str(tmp_path / "careful.yaml"),
        "INKOM_ACM_CLIENT_ID": CLIENT["client_id"],
        "INKOM_ACM_CLIENT_SECRET": CLIENT["client_secret"],
        "INKOM_ACM_CLIENT_AUTHENTICATION": "client_secret_basic",
    }
    with ExitStack() as running:
        backend = running.enter_context(recording_backend())
        environment["INKOM_APPLICATIONS_KMO_PORTEFEUILLE_UPSTREAM"] = backend.address
        gateway = second_gateway(chain, log=tmp_path / "gateway.log", environment=environment)
        address = running.enter_context(gateway)
        chain.tell_mock(
            "/mock/clients",
            **CLIENT,
            name="INKOM",
            redirect_uris=[f"{address}/_inkom/callback"],
            post_logout_redirect_uris=[f"{address}/_inkom/logged-out"],
            scopes=["openid", "profile", "rrn", "vo", "wettelijkvertegenwoordiger", "vlaio_inkom"],
            organisation_choice="gateway",
        )
        yield address


def queue(chain: Chain, person: str, method: str) -> None:
    chain.tell_mock("/mock/next-login", mock_person=person, mock_method=method, client_id=CLIENT["client_id"])


def session_cookie(visitor: Visitor) -> str:
    return visitor.client.cookies["inkom-localhost"]


def is_signed_in(gateway: str, cookie: str) -> bool:
    """Whether a cookie, in another browser, still belongs to a session."""
    headers = {"cookie": f"inkom-localhost={cookie}"}
    return httpx2.get(f"{gateway}/_inkom/me", headers=headers, trust_env=False).status_code == 200


def test_somebody_below_the_level_steps_up_and_comes_back_where_they_were(
    chain: Chain, careful: str, visitor: Visitor
) -> None:
    queue(chain, "employee", "sms")
    page = visitor.follow(visitor.get(f"{careful}/kmo-portefeuille/upload?from=mail"))
    # Signed in by SMS, and at once asked for more: ACM shows what will do, and SMS is not selectable.
    assert page.url.path.startswith("/signin/")
    below = session_cookie(visitor)
    assert is_signed_in(careful, below)
    asked = next(address for address in reversed(visitor.addresses) if "/op/v1/auth" in address)
    assert "acr_values=" in asked
    assert "csamsms" not in asked
    queue(chain, "employee", "itsme")
    page = visitor.follow(visitor.get(f"{careful}/kmo-portefeuille/upload?from=mail"))
    assert (page.status_code, page.url.path, page.url.query) == (200, "/kmo-portefeuille/upload", b"from=mail")
    assert session_cookie(visitor) != below
    assert not is_signed_in(careful, below)


def test_somebody_who_would_be_refused_anyway_is_not_sent_to_step_up(
    chain: Chain, careful: str, visitor: Visitor
) -> None:
    queue(chain, "expired-right", "sms")
    page = visitor.follow(visitor.get(f"{careful}/kmo-portefeuille/"))
    assert (page.status_code, page.url.path) == (403, "/kmo-portefeuille/")


def test_another_person_who_answers_the_step_up_takes_over_nothing(
    chain: Chain, careful: str, visitor: Visitor
) -> None:
    queue(chain, "employee", "sms")
    visitor.follow(visitor.get(f"{careful}/kmo-portefeuille/"))
    below = session_cookie(visitor)
    queue(chain, "legal-representative", "itsme")
    page = visitor.follow(visitor.get(f"{careful}/kmo-portefeuille/"))
    assert page.status_code == 403
    assert "Somebody else signed in" in page.text
    assert not is_signed_in(careful, below)


def test_signing_in_the_demo_asks_for_a_recent_sign_in_by_itsme_or_eid(chain: Chain, visitor: Visitor) -> None:
    address = f"{chain.gateway}/ecologiepremie-plus/sign?dossier=12"
    who = {"mock_person": "employee", "mock_method": "sms"}
    visitor.follow(visitor.get(f"{chain.gateway}/ecologiepremie-plus/"), **who)
    page = visitor.follow(visitor.get(address), **{**who, "mock_method": "itsme"})
    assert (page.status_code, str(page.url)) == (200, address)
    assert "max_age=300" in next(one for one in reversed(visitor.addresses) if "/op/v1/auth" in one)
    assert "By signing you confirm" in page.text
