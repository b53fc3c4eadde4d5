"""An authorization request that has been checked: what the rest of the provider works with.

Reading and refusing raw parameters is `mock_idp.acm.authorize`'s work.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mock_idp.acm.methods import Method


class ResponseMode(StrEnum):
    QUERY = "query"
    FRAGMENT = "fragment"
    FORM_POST = "form_post"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A sign-in without pages, asked for by `mock_person` on the request or by `POST /mock/next-login`."""

    person_key: str
    method: Method
    organisation: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    client_id: str
    redirect_uri: str
    response_mode: ResponseMode
    scopes: tuple[str, ...]
    state: str | None
    nonce: str | None
    code_challenge: str | None
    acr_values: tuple[str, ...]
    claims_in_userinfo: tuple[str, ...]
    prompts: tuple[str, ...]
    max_age: int | None
    language: str
    hinted_organisation: str | None
    hinted_target_group: str | None
    session_id: str | None
    dpop_jkt: str | None = None
