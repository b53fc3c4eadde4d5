"""One application's access tokens, in order: read, judged, and proven where they are bound to a key."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any, Protocol

from broker.adapters.bearer.dpop import Proof, check_proof
from broker.adapters.bearer.rules import TokenUnfit, check_claims
from broker.adapters.bearer.settings import TokenTerms
from broker.domain.machine import Presented, Scheme, TokenClaims, TokenError, TokenRefused
from broker.ports import Clock


class Source(Protocol):
    """Where a token's claims come from. `signed` says that they are a JWT's."""

    @property
    def signed(self) -> bool:
        """Whether the claims are a JWT's and not an introspection answer's."""

    async def claims(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a genuine token. Raises TokenUnfit, ProviderUnavailable."""


class Proofs(Protocol):
    """Remembers which proofs were shown."""

    async def is_first(self, proof: Proof) -> bool:
        """Whether a proof is shown for the first time. Raises StoreUnavailable."""


class ApplicationTokens:
    """Fulfils the port `AccessTokens`."""

    def __init__(self, terms: TokenTerms, *, source: Source, proofs: Proofs, clock: Clock) -> None:
        self._terms = terms
        self._source = source
        self._proofs = proofs
        self._clock = clock

    async def admit(self, presented: Presented, *, method: str, address: str) -> TokenClaims | TokenRefused:
        """Return what a token says that came with a request. Raises ProviderUnavailable, StoreUnavailable."""
        try:
            claims = await self._read(presented.token)
            await self._check_binding(claims, presented, method=method, address=address)
        except TokenUnfit as unfit:
            return unfit.refused
        return claims

    async def again(self, token: str) -> TokenClaims | TokenRefused:
        """Return what the token of a request that still runs says now. Raises ProviderUnavailable."""
        try:
            return await self._read(token)
        except TokenUnfit as unfit:
            return unfit.refused

    async def _read(self, token: str) -> TokenClaims:
        claims = await self._source.claims(token)
        now = self._clock.now().timestamp()
        return check_claims(claims, self._terms, now=now, signed=self._source.signed)

    async def _check_binding(self, claims: TokenClaims, presented: Presented, *, method: str, address: str) -> None:
        """A bound token without its proof is refused, and so is a proof for a token that is not bound."""
        if presented.scheme is Scheme.BEARER:
            if claims.bound_to is not None:
                raise TokenUnfit("the token is bound to a key: present it by the scheme DPoP, with a proof")
            if self._terms.dpop_required:
                raise TokenUnfit("only tokens that are bound to a key are accepted here")
            return
        if claims.bound_to is None:
            raise TokenUnfit("the token is not bound to a key: it cannot be presented by the scheme DPoP")
        proof = check_proof(
            presented.proofs,
            token=presented.token,
            method=method,
            address=address,
            now=self._clock.now().timestamp(),
        )
        if not hmac.compare_digest(proof.thumbprint.encode(), claims.bound_to.encode()):
            raise TokenUnfit("the proof is of another key than the token's", TokenError.INVALID_DPOP_PROOF)
        if not await self._proofs.is_first(proof):
            raise TokenUnfit("the proof was shown before", TokenError.INVALID_DPOP_PROOF)
