"""Parameters of a request, read once and strictly: a name given twice is an error (RFC 6749 section 3.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from starlette.datastructures import UploadFile
from starlette.requests import Request

from mock_idp.acm.answers import OAuthError


async def sent_parameters(request: Request) -> Mapping[str, str]:
    """The form of a POST, the query of a GET. Raises OAuthError invalid_request."""
    if request.method != "POST":
        return without_doubles(request.query_params.multi_items())
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise OAuthError("invalid_request", "a form is needed: application/x-www-form-urlencoded")
    async with request.form(max_fields=100, max_files=0) as form:
        return without_doubles((name, value) for name, value in form.multi_items() if not isinstance(value, UploadFile))


def without_doubles(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    kept = list(pairs)
    twice = [name for name, count in Counter(name for name, _ in kept).items() if count > 1]
    if twice:
        raise OAuthError("invalid_request", f"given more than once: {', '.join(sorted(twice))}")
    # A parameter without a value counts as not sent (RFC 6749 section 3.1).
    return {name: value for name, value in kept if value}
