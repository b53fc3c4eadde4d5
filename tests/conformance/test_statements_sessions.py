"""The life of a session, statement by statement, on two gateways that share a Redis (A25 to A56, C18, C19, D58 to D62).

To have something to refresh, access tokens live for two seconds at the sign-in, and long afterwards.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from time import monotonic

import httpx2
import pytest

from tests.conformance.browser import Browser, forms
from tests.conformance.gateway import Gateway
from tests.conformance.pair import Pair, registration

Record = Callable[[str, object], None]
SESSION = "inkom-localhost"
PATIENCE_SECONDS = 20.0
WITHIN_SECONDS = 1.0
AT_ONCE = 50


def sign_in_shortly(pair: Pair, browser: Browser) -> None:
    """Sign in with an access token that is over in two seconds; those that follow live long."""
    pair.government.tell("/mock/clients", {**registration(pair.first, pair.second), "access_token_seconds": 2})
    pair.sign_in(browser)
    pair.government.tell("/mock/clients", registration(pair.first, pair.second))
    assert token_calls(pair) == 1


def asked(pair: Pair, endpoint: str) -> int:
    counted = httpx2.get(f"{pair.government.origin}/mock/requests", trust_env=False).json()["requests"]
    return sum(counted.get(endpoint, {}).values())


def token_calls(pair: Pair) -> int:
    return asked(pair, "POST /op/v1/token")


def at_once(pair: Pair, browser: Browser) -> list[int]:
    """Ask both gateways for the backend many times at the same moment; the statuses."""
    cookies = {SESSION: browser.client.cookies[SESSION]}

    async def ask() -> list[int]:
        async with httpx2.AsyncClient(trust_env=False, timeout=20, cookies=cookies) as client:
            addresses = [f"{one.application}api/headers" for one in (pair.first, pair.second)] * (AT_ONCE // 2)
            answers = await asyncio.gather(*(client.get(one) for one in addresses))
            return [answer.status_code for answer in answers]

    return asyncio.run(ask())


def ask_until_refreshed(pair: Pair, browser: Browser) -> list[int]:
    """Ask many at once until there was a refresh; all statuses."""
    statuses, deadline = [], monotonic() + PATIENCE_SECONDS
    while token_calls(pair) == 1:
        assert monotonic() < deadline, "nothing was refreshed"
        statuses += at_once(pair, browser)
    return statuses


def turned_away(gateway: Gateway, browser: Browser) -> bool:
    try:
        answer = browser.get(gateway.application)
    except httpx2.RemoteProtocolError:
        return False  # the session ended in the middle of an answer, which is cut
    return answer.is_redirect and "/_inkom/login" in answer.headers["location"]


def last_event(pair: Pair, kind: str) -> bool:
    return any(f'"kind":"{kind}"' in log for log in (pair.first.audit, pair.second.audit))


def wait_until_over(pair: Pair, browser: Browser) -> None:
    """Ask until the session is over; whoever is refreshing in the background lets requests pass meanwhile."""
    deadline = monotonic() + PATIENCE_SECONDS
    while not turned_away(pair.first, browser):
        assert monotonic() < deadline, "the session did not end"
    assert turned_away(pair.second, browser)


def test_a25_tokens_are_refreshed_and_userinfo_is_asked_with_the_new_one(
    pair: Pair, browser: Browser, record_property: Record
) -> None:
    sign_in_shortly(pair, browser)
    assert asked(pair, "GET /op/v1/userinfo") == 1
    ask_until_refreshed(pair, browser)
    deadline = monotonic() + PATIENCE_SECONDS
    while asked(pair, "GET /op/v1/userinfo") < 2:
        assert monotonic() < deadline
    assert pair.inside(browser) == (True, True)
    record_property("statement", "A25: refresh, then userinfo with the new access token")
    record_property("seen", "one refresh, userinfo asked again, both gateways let in")


@pytest.mark.parametrize("fault", ["refresh-iss-wrong", "refresh-sub-wrong"])
def test_a26_another_issuer_or_person_in_a_refresh_ends_the_session(
    pair: Pair, browser: Browser, record_property: Record, fault: str
) -> None:
    sign_in_shortly(pair, browser)
    pair.arm(fault)
    wait_until_over(pair, browser)
    assert token_calls(pair) == 2
    assert last_event(pair, "session-not-refreshed")
    record_property("statement", "A26: another iss or sub in the refresh response: reject, end the session")
    record_property("seen", f"{fault}: session over on both gateways, audited, no further refresh")


def test_a53_without_expires_in_a_short_lifetime_of_our_own_applies(
    pair: Pair, browser: Browser, record_property: Record
) -> None:
    pair.arm("token-expires-in-missing")
    pair.sign_in(browser)
    assert pair.inside(browser) == (True, True)
    assert token_calls(pair) == 1
    record_property("statement", "A53: token response without expires_in: accept, own short lifetime")
    record_property("seen", "signed in; five minutes are assumed (tests/broker/adapters/oidc/test_refresh.py)")


def test_a56_a_401_of_userinfo_leads_to_one_refresh_and_one_more_question(
    pair: Pair, browser: Browser, record_property: Record
) -> None:
    pair.arm("userinfo-401")
    pair.sign_in(browser)
    assert pair.inside(browser) == (True, True)
    assert (token_calls(pair), asked(pair, "GET /op/v1/userinfo")) == (2, 2)
    record_property("statement", "A56: resource says 401: refresh once, retry")
    record_property("seen", "one refresh, userinfo asked twice, signed in")


def test_c18_many_requests_on_two_gateways_refresh_once(pair: Pair, browser: Browser, record_property: Record) -> None:
    sign_in_shortly(pair, browser)
    statuses = ask_until_refreshed(pair, browser) + at_once(pair, browser)
    assert set(statuses) == {200}
    assert token_calls(pair) == 2
    record_property("statement", "C18: parallel requests near expiry: exactly one refresh call, all get through")
    record_property("seen", f"{len(statuses)} requests, {AT_ONCE} at once on two gateways: one refresh, all 200")


def test_c19_a_refused_refresh_ends_the_session_without_a_loop(
    pair: Pair, browser: Browser, record_property: Record
) -> None:
    sign_in_shortly(pair, browser)
    pair.arm("token-invalid-grant")
    wait_until_over(pair, browser)
    for _ in range(3):
        assert turned_away(pair.first, browser)
    assert token_calls(pair) == 2
    pair.sign_in(browser)
    assert pair.inside(browser) == (True, True)
    record_property("statement", "C19: refresh answers invalid_grant: session ends, next request signs in, no loop")
    record_property("seen", "one refresh call, then the sign-in; afterwards let in again")


def test_d58_the_session_id_changes_at_sign_in_and_at_a_switch_of_organisation(
    pair: Pair, browser: Browser, record_property: Record
) -> None:
    pair.sign_in(browser, "two-organisations")
    known = [browser.client.cookies[SESSION]]
    page = browser.get(f"{pair.first.origin}/_inkom/organisation")
    offered = re.findall(r'name="organisation" value="(\d{10})"', page.text)
    fields = forms(page)[0].fields
    browser.post(f"{pair.first.origin}/_inkom/organisation", {**fields, "organisation": offered[1]})
    known.append(browser.client.cookies[SESSION])
    browser.open(f"{pair.first.origin}/_inkom/login?return_to=/", mock_person="employee", mock_method="itsme")
    known.append(browser.client.cookies[SESSION])
    assert len(set(known)) == 3
    for former in known[:2]:
        answers = [
            httpx2.get(f"{one.origin}/_inkom/me", cookies={SESSION: former}, trust_env=False)
            for one in (pair.first, pair.second)
        ]
        assert [answer.status_code for answer in answers] == [401, 401]
    record_property("statement", "D58: id known before login, step-up or switch is dead afterwards")
    record_property("seen", "three ids, the former two are 401 on both gateways")


def test_d60_a_cookie_and_redis_show_nothing_of_a_person(pair: Pair, browser: Browser, record_property: Record) -> None:
    pair.sign_in(browser)
    cookie = browser.client.cookies[SESSION]
    assert len(cookie) < 100
    assert "1999999943" not in cookie
    record_property("statement", "D60: opaque cookie; Redis key a hash of it, value encrypted")
    record_property("seen", "a signed random value; dumps of Redis: tests/broker/adapters/sessions")


def test_d62_signing_out_in_one_tab_holds_in_every_other_at_once(
    pair: Pair, browser: Browser, record_property: Record
) -> None:
    pair.sign_in(browser)
    page = browser.get(f"{pair.second.origin}/_inkom/profile")
    assert "no-store" in page.headers["cache-control"]
    cookies = {SESSION: browser.client.cookies[SESSION]}
    pair.first.sign_out(browser)
    for gateway in (pair.first, pair.second):
        answer = httpx2.get(f"{gateway.application}api/headers", cookies=cookies, trust_env=False)
        assert answer.status_code == 401
    assert asked(pair, "POST /op/v1/revoke") == 1
    record_property("statement", "D62: logout in one tab: every other tab is signed out; no-store")
    record_property("seen", "401 on both gateways, pages no-store, refresh token revoked")


def test_a_session_ended_from_the_list_ends_its_open_stream_on_the_other_gateway(pair: Pair, browser: Browser) -> None:
    with Browser() as elsewhere:
        pair.sign_in(elsewhere, at=pair.second)
        pair.sign_in(browser)
        cookies = {SESSION: elsewhere.client.cookies[SESSION]}
        with httpx2.stream(
            "GET", f"{pair.second.application}events", cookies=cookies, trust_env=False, timeout=10
        ) as stream:
            lines = stream.iter_lines()
            assert stream.status_code == 200
            next(lines)
            page = browser.get(f"{pair.first.origin}/_inkom/sessions")
            listed = next(form for form in forms(page) if form.action.endswith("/sessions"))
            ended_at = monotonic()
            answer = browser.post(f"{pair.first.origin}/_inkom/sessions", {**listed.fields, "end": "others"})
            assert answer.is_redirect
            with pytest.raises(httpx2.RemoteProtocolError):  # cut, not completed
                list(lines)
            assert monotonic() - ended_at < WITHIN_SECONDS
        assert pair.inside(elsewhere) == (False, False)
    assert pair.inside(browser) == (True, True)
