"""Signing an ID token, rightly or as an armed fault wants it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mock_idp.acm.keys import KeyRing, compact
from mock_idp.faults import Armed


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    claims: Mapping[str, object]
    header: Mapping[str, object]


def sign(draft: Draft, keys: KeyRing, *, alg: str, fault: Armed | None) -> str:
    key = keys.signing_key(alg)
    # ACM repeats the kid in the payload.
    claims = {**draft.claims, "kid": key.kid}
    return compact({"alg": alg, "typ": "JWT", "kid": key.kid}, claims, alg=alg, key=key)
