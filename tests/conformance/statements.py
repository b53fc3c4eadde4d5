"""What the tests of the acceptance list have in common: a sign-in with a fault armed, and what must not come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx2

from tests.conformance.browser import Browser
from tests.conformance.relying_party import RelyingParty


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement's record: what is expected, and what was seen."""

    record: Callable[[str, object], None]

    def __call__(self, expected: str, seen: str) -> None:
        """Put both into the report of the run; `expected` begins with the statement's number."""
        self.record("statement", expected)
        self.record("seen", seen)

    def refused(self, expected: str, rp: RelyingParty, *faults: str, userinfo: bool = False) -> None:
        """Sign in once for each fault: an error page, no session, and no question that was not due."""
        seen = []
        for fault in faults:
            with Browser() as browser:
                rp.arm(fault)
                before = rp.asked()
                page = rp.sign_in(browser)
                assert_refused(rp, browser, page)
                asked = rp.asked() - before
                assert ("v1/userinfo" in asked) is userinfo, asked
                seen.append(f"{fault}: page {page.status_code}, {rp.refusals.details[-1]}")
        self(expected, "; ".join(seen) + ("" if userinfo else "; no userinfo call") + "; no session")

    def accepted(self, expected: str, rp: RelyingParty, fault: str | None = None) -> dict[str, str]:
        """Sign in, and arrive at the backend as the employee; return what that received."""
        with Browser() as browser:
            if fault is not None:
                rp.arm(fault)
            before = rp.asked()
            page = rp.sign_in(browser)
            assert page.status_code == httpx2.codes.OK, (page.text, rp.refusals.details)
            received = rp.headers_of(browser)
            assert received is not None
            assert received["x-inkom-organisation"] == "1999999943"
            asked = rp.asked() - before
        assert (asked["v1/auth"], asked["v1/token"], asked["v1/userinfo"]) == (1, 1, 1)
        self(expected, "signed in; one request each to authorization, token and userinfo")
        return received


def assert_refused(rp: RelyingParty, browser: Browser, page: httpx2.Response) -> None:
    """An error page in place of the application, and still nobody is signed in."""
    assert page.status_code in (httpx2.codes.FORBIDDEN, httpx2.codes.SERVICE_UNAVAILABLE), page.text
    assert "text/html" in page.headers["content-type"]
    assert str(page.url).startswith(f"{rp.origin}/_inkom/callback"), str(page.url)
    assert rp.headers_of(browser) is None


def path_of(response: httpx2.Response) -> str:
    """Where a redirect leads, without what stands in the query."""
    return str(response.headers["location"]).partition("?")[0]
