"""The headers that keep a page to itself."""

import pytest

from pagekit import security_headers


def policy(*, live: bool = False) -> str:
    return dict(security_headers(live=live))[b"content-security-policy"].decode()


def test_everything_is_forbidden_that_is_not_named() -> None:
    assert policy() == (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )


def test_a_live_page_may_connect_to_its_own_origin() -> None:
    assert "connect-src" not in policy()
    assert "connect-src 'self';" in policy(live=True)


def test_a_form_may_lead_to_the_origins_that_are_named() -> None:
    headers = dict(security_headers(form_targets=("http://localhost:9000",)))
    assert b"form-action 'self' http://localhost:9000;" in headers[b"content-security-policy"]


@pytest.mark.parametrize(
    "target", ["", "https://a.example; script-src *", "https://a.example https://b.example", "'unsafe-inline'"]
)
def test_what_is_not_an_origin_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="not an origin"):
        security_headers(form_targets=(target,))


def test_the_other_guards_are_there() -> None:
    headers = dict(security_headers())
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"x-frame-options"] == b"DENY"
    assert headers[b"referrer-policy"] == b"same-origin"
    assert headers[b"cross-origin-opener-policy"] == b"same-origin"
    assert headers[b"cache-control"] == b"no-store"
    assert b"camera=()" in headers[b"permissions-policy"]
    assert all(name == name.lower() for name in headers)
