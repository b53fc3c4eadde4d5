"""The forms that answers take: JSON that must not be kept, OAuth errors, and the three ways back to a relying party."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import urlencode

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from mock_idp.acm.requests import ResponseMode

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
Parameters = Sequence[tuple[str, str]]


class OAuthError(Exception):
    """An error that the standard has a name for (RFC 6749 sections 4.1.2.1 and 5.2, OpenID Connect Core 3.1.2.6)."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status
        self.headers: Mapping[str, str] = {}


def json_answer(content: object, *, status: int = 200) -> JSONResponse:
    return JSONResponse(content, status_code=status, headers=NO_STORE)


def error_answer(error: OAuthError) -> JSONResponse:
    answer = json_answer({"error": error.error, "error_description": error.description}, status=error.status)
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = 'Basic realm="mock ACM", charset="UTF-8"'
    answer.headers.update(error.headers)
    return answer


def plain_answer(text: str, *, status: int) -> PlainTextResponse:
    return PlainTextResponse(text + "\n", status_code=status, headers={**NO_STORE, "X-Content-Type-Options": "nosniff"})


def back_to_client(redirect_uri: str, parameters: Parameters, mode: ResponseMode) -> Response:
    """OAuth 2.0 Multiple Response Type Encoding Practices, and OAuth 2.0 Form Post Response Mode."""
    match mode:
        case ResponseMode.QUERY:
            joint = "&" if "?" in redirect_uri else "?"
            return RedirectResponse(f"{redirect_uri}{joint}{urlencode(parameters)}", status_code=303, headers=NO_STORE)
        case ResponseMode.FRAGMENT:
            return RedirectResponse(f"{redirect_uri}#{urlencode(parameters)}", status_code=303, headers=NO_STORE)
        case ResponseMode.FORM_POST:
            return _form_that_posts_itself(redirect_uri, parameters)


# The form post response mode needs one line of script. It is the only one, so its hash is all that the policy allows.
_SUBMIT = "document.forms[0].submit()"
_SUBMIT_HASH = "sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE="


def _form_that_posts_itself(redirect_uri: str, parameters: Parameters) -> Response:
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in parameters
    )
    page = (
        '<!doctype html><html lang="nl"><head><meta charset="utf-8"><title>Terug naar de toepassing</title></head>'
        "<body>"
        f'<form method="post" action="{escape(redirect_uri)}">{fields}'
        '<p>U keert terug naar de toepassing. / <span lang="en">You are returning to the application.</span></p>'
        '<button type="submit">Ga verder / <span lang="en">Continue</span></button></form>'
        f"<script>{_SUBMIT}</script></body></html>"
    )
    policy = f"default-src 'none'; script-src '{_SUBMIT_HASH}'; frame-ancestors 'none'; base-uri 'none'"
    return HTMLResponse(page, headers={**NO_STORE, "Content-Security-Policy": policy})
