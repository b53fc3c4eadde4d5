"""Signing an ID token, rightly or as an armed fault wants it.

Each fault changes one thing of an otherwise proper token. The list with descriptions is `id_token_fault_list`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import assert_never

from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from mock_idp.acm import role_faults
from mock_idp.acm.keys import KeyRing, Turn, base64url, encoded
from mock_idp.faults import Armed

STRANGER = "https://idp.evil.example/op"
MINUTE, DAY = 60, 86_400


class Signing(Enum):
    PROPER = auto()
    BROKEN = auto()  # one bit of the signature is wrong
    NONE = auto()  # no signature at all
    PUBLIC_KEY_AS_SECRET = auto()  # HMAC with the public key, which everybody has
    FOREIGN_KEY = auto()  # a key that was never published


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    claims: Mapping[str, object]
    header: Mapping[str, object]
    signing: Signing = Signing.PROPER
    foreign_key: RSAKey | None = None


def sign(claims: Mapping[str, object], keys: KeyRing, *, alg: str, fault: Armed | None) -> str:
    name = None if fault is None else fault.fault.name
    _prepare_keys(name, keys, alg)
    if name == "id-token-signature-es256":
        alg = "ES256"
    key = keys.signing_key(alg)
    # ACM repeats the kid in the payload.
    draft = Draft(claims={**claims, "kid": key.kid}, header={"alg": alg, "typ": "JWT", "kid": key.kid})
    if name is not None:
        draft = _change(name, draft)
    return _signed(draft, key)


def _prepare_keys(name: str | None, keys: KeyRing, alg: str) -> None:
    match name:
        case "id-token-key-rotated" | "id-token-kid-absent-several-keys":
            keys.turn(Turn.ROTATE)
        case "id-token-key-replaced":
            keys.turn(Turn.SAME_KID_NEW_KEY)
        case "id-token-kid-absent-one-key":
            keys.publish_only(alg)
        case _:
            return


def _signed(draft: Draft, key: RSAKey | ECKey) -> str:
    signing_input = f"{encoded(draft.header)}.{encoded(draft.claims)}"
    return f"{signing_input}.{base64url(_signature(draft, signing_input.encode(), key))}"


def _signature(draft: Draft, signing_input: bytes, key: RSAKey | ECKey) -> bytes:
    alg = "ES256" if isinstance(key, ECKey) else "RS256"
    match draft.signing:
        case Signing.PROPER:
            return JWSRegistry.algorithms[alg].sign(signing_input, key)
        case Signing.BROKEN:
            proper = JWSRegistry.algorithms[alg].sign(signing_input, key)
            return bytes([proper[0] ^ 1]) + proper[1:]
        case Signing.NONE:
            return b""
        case Signing.PUBLIC_KEY_AS_SECRET:
            return hmac.new(key.as_pem(private=False), signing_input, hashlib.sha256).digest()
        case Signing.FOREIGN_KEY:
            return JWSRegistry.algorithms["RS256"].sign(signing_input, draft.foreign_key or RSAKey.generate_key(2048))
        case _:
            assert_never(draft.signing)


def _change(name: str, draft: Draft) -> Draft:
    change = _changes().get(name.removeprefix("id-token-").removeprefix("refresh-"))
    if change is not None:
        return change(draft)
    roles = role_faults.changed_claims(name, draft.claims)
    return draft if roles is None else replace(draft, claims=roles)


def _changes() -> dict[str, Callable[[Draft], Draft]]:
    return {
        "iss-wrong": lambda draft: _claim(draft, iss=STRANGER),
        "iss-missing": lambda draft: _without(draft, "iss"),
        "aud-wrong": lambda draft: _claim(draft, aud="somebody-else"),
        "aud-missing": lambda draft: _without(draft, "aud"),
        "aud-array": lambda draft: _claim(draft, aud=[draft.claims["aud"]]),
        "aud-extra": lambda draft: _claim(draft, aud=[draft.claims["aud"], "somebody-else"]),
        "azp-wrong": lambda draft: _claim(draft, azp="somebody-else"),
        "azp-missing": lambda draft: _without(draft, "azp"),
        "sub-missing": lambda draft: _without(draft, "sub"),
        "sub-empty": lambda draft: _claim(draft, sub=""),
        "sub-long": lambda draft: _claim(draft, sub="0" * 300),
        "sub-number": lambda draft: _claim(draft, sub=42),
        "sub-wrong": lambda draft: _claim(draft, sub="f" * 40),
        "iat-missing": lambda draft: _without(draft, "iat"),
        "iat-old": lambda draft: _claim(draft, iat=_at(draft, -7 * DAY)),
        "iat-future": lambda draft: _claim(draft, iat=_at(draft, 5 * MINUTE)),
        "exp-missing": lambda draft: _without(draft, "exp"),
        "exp-past": lambda draft: _claim(draft, exp=_at(draft, -100)),
        "exp-long-past": lambda draft: _claim(draft, exp=_at(draft, -10 * MINUTE)),
        "nbf-future": lambda draft: _claim(draft, nbf=_at(draft, 5 * MINUTE)),
        "nonce-missing": lambda draft: _without(draft, "nonce"),
        "nonce-wrong": lambda draft: _claim(draft, nonce="another-nonce"),
        "at-hash-wrong": lambda draft: _claim(draft, at_hash=base64url(secrets.token_bytes(16))),
        "at-hash-missing": lambda draft: _without(draft, "at_hash"),
        "acr-weaker": lambda draft: _claim(draft, acr="urn:be:vlaanderen:authmech:csampassword"),
        "acr-unknown": lambda draft: _claim(draft, acr="urn:be:vlaanderen:authmech:crystal-ball"),
        "acr-missing": lambda draft: _without(draft, "acr"),
        "amr-missing": lambda draft: _without(draft, "amr"),
        "auth-time-missing": lambda draft: _without(draft, "auth_time"),
        "auth-time-old": lambda draft: _claim(draft, auth_time=_at(draft, -DAY)),
        "kid-absent-one-key": lambda draft: _header_without(draft, "kid"),
        "kid-absent-several-keys": lambda draft: _header_without(draft, "kid"),
        "kid-unknown": lambda draft: _header(draft, kid=f"unknown-{secrets.token_hex(4)}"),
        "alg-none": lambda draft: replace(_header(_header_without(draft, "kid"), alg="none"), signing=Signing.NONE),
        "alg-hs256": lambda draft: replace(_header(draft, alg="HS256"), signing=Signing.PUBLIC_KEY_AS_SECRET),
        "signature-rs256": lambda draft: replace(draft, signing=Signing.BROKEN),
        "signature-es256": lambda draft: replace(draft, signing=Signing.BROKEN),
        "signature-missing": lambda draft: replace(draft, signing=Signing.NONE),
        "foreign-key": lambda draft: replace(draft, signing=Signing.FOREIGN_KEY),
        "key-in-header": lambda draft: _with_its_own_key(draft),
        "crit-unknown": lambda draft: _header(draft, crit=["urn:example:must"], **{"urn:example:must": True}),
        "claim-sources": lambda draft: _claim(
            draft,
            _claim_names={"vlaio_inkom_rol_3d": "elsewhere"},
            _claim_sources={"elsewhere": {"endpoint": "http://127.0.0.1:1/claims", "access_token": "stray"}},
        ),
    }


def _with_its_own_key(draft: Draft) -> Draft:
    """A `jwk` header with a key of the forger's: only a verifier that believes the token itself would use it."""
    stranger = RSAKey.generate_key(2048, {"kid": str(draft.header["kid"])})
    return replace(
        _header(draft, jwk=stranger.as_dict(private=False)), signing=Signing.FOREIGN_KEY, foreign_key=stranger
    )


def _claim(draft: Draft, **changed: object) -> Draft:
    return replace(draft, claims={**draft.claims, **changed})


def _without(draft: Draft, name: str) -> Draft:
    return replace(draft, claims={key: value for key, value in draft.claims.items() if key != name})


def _header(draft: Draft, **changed: object) -> Draft:
    return replace(draft, header={**draft.header, **changed})


def _header_without(draft: Draft, name: str) -> Draft:
    return replace(draft, header={key: value for key, value in draft.header.items() if key != name})


def _at(draft: Draft, seconds: int) -> int:
    now = draft.claims["iat"]
    return seconds + (now if isinstance(now, int) else 0)
