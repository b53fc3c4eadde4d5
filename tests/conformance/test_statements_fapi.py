"""What FAPI 2.0's client plans add to ID tokens and metadata (A44 to A49, A57), and RFC 9700 to metadata (C09, C10)."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.conformance.browser import Browser
from tests.conformance.government import Government
from tests.conformance.relying_party import Arrangement, RelyingParty
from tests.conformance.statements import Statement, assert_refused


@pytest.fixture(scope="module")
def shared_rp(arrangement: Arrangement) -> Iterator[RelyingParty]:
    """A gateway that takes one algorithm only: the one that is registered for it."""
    with arrangement.relying_party("fapi", acm={"algorithms": ["RS256"]}) as running:
        yield running


def test_a44_a_token_of_another_issuer_or_for_another_client_is_refused(rp: RelyingParty, statement: Statement) -> None:
    faults = ("id-token-iss-missing", "id-token-iss-wrong", "id-token-aud-missing", "id-token-aud-wrong")
    statement.refused("A44: `iss` or `aud` wrong or absent is refused", rp, *faults)


def test_a45_a_token_that_is_for_a_stranger_too_is_refused(rp: RelyingParty, statement: Statement) -> None:
    statement.refused("A45: a stranger beside us in `aud` is refused", rp, "id-token-aud-extra")


def test_a46_one_audience_in_an_array_is_accepted(rp: RelyingParty, statement: Statement) -> None:
    statement.accepted("A46: `aud` as an array of one is accepted", rp, "id-token-aud-array")


def test_a47_no_algorithm_or_another_than_the_registered_one_is_refused(
    arrangement: Arrangement, rp: RelyingParty, statement: Statement
) -> None:
    with arrangement.relying_party("fapi-es256", acm={"algorithms": ["ES256"]}) as other, Browser() as browser:
        assert_refused(other, browser, other.sign_in(browser))  # the mock signs this client's tokens with RS256
        assert other.refusals.details == ["token: signed by an algorithm that is not allowed"]
    statement.refused("A47: alg none, or another than the registered one, is refused", rp, "id-token-alg-none")


def test_a48_a_token_that_ended_or_never_ends_is_refused(rp: RelyingParty, statement: Statement) -> None:
    statement.refused("A48: `exp` absent or long past is refused", rp, "id-token-exp-missing", "id-token-exp-long-past")


def test_a49_a_token_without_our_nonce_is_refused(rp: RelyingParty, statement: Statement) -> None:
    statement.refused("A49: `nonce` absent or another is refused", rp, "id-token-nonce-missing", "id-token-nonce-wrong")


def test_a57_no_signed_response_is_asked_for_and_none_is_taken(rp: RelyingParty, statement: Statement) -> None:
    with Browser() as browser:
        answer = httpx2.URL(rp.answered(browser))
        assert "jwt" not in browser.asked("/op/v1/auth").get("response_mode", "")
        signed = answer.copy_merge_params({"response": "eyJhbGciOiJub25lIn0.e30."})
        assert_refused(rp, browser, browser.open(str(signed)))
        alone = f"{rp.origin}/_inkom/callback?response=eyJhbGciOiJub25lIn0.e30."
        assert_refused(rp, browser, browser.open(alone))
        assert "v1/token" not in rp.asked()
    statement("A57: JARM is never requested, and `response` is refused", rp.refusals.details[0])


@pytest.mark.parametrize(
    ("number", "expected", "fault"),
    [
        ("C09", "metadata without S256: no sign-in at that provider", "discovery-pkce-missing"),
        ("C10", "an endpoint on a host that is not allowed: refused", "discovery-other-host"),
        ("C10", "an endpoint on plain http elsewhere: refused", "discovery-plain-http"),
    ],
)
def test_c09_c10_metadata_that_cannot_be_trusted_let_nobody_leave(
    arrangement: Arrangement, government: Government, statement: Statement, number: str, expected: str, fault: str
) -> None:
    with arrangement.relying_party(f"metadata-{fault}") as fresh, Browser() as browser:
        government.tell("/mock/fault", {"fault": fault})
        page = browser.open(fresh.application)
        asked = fresh.asked()
    assert page.status_code == httpx2.codes.SERVICE_UNAVAILABLE
    assert set(asked) == {".well-known/openid-configuration"}
    statement(f"{number}: {expected}", "page 503; nothing but the metadata was asked for")
