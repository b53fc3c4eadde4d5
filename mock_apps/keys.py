"""The gateway's public keys: fetched once, kept for a while, fetched again when an unknown key id turns up.

Every backend needs about this much. It verifies nothing; assertion.py does.
"""

import asyncio
from collections.abc import Callable
from time import monotonic

import httpx2
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

LIFETIME = 600.0
# Unknown key ids cost a fetch at most this often, or anybody could make us ask the gateway all day.
LEAST_PAUSE = 1.0


class KeysUnavailable(Exception):
    """The gateway did not give its keys, so no assertion can be verified now."""


class GatewayKeys:
    """The keys at one address. `now` is in seconds and only ever moves forward."""

    def __init__(self, client: httpx2.AsyncClient, address: str, *, now: Callable[[], float] = monotonic) -> None:
        self._client = client
        self._address = address
        self._now = now
        self._keys: dict[str, ECKey] = {}
        self._fetched: float | None = None
        self._lock = asyncio.Lock()

    async def find(self, kid: str) -> ECKey | None:
        """The key with this id, or None when the gateway does not publish it. Raises KeysUnavailable."""
        if self._older_than(LIFETIME) or (kid not in self._keys and self._older_than(LEAST_PAUSE)):
            await self._fetch()
        return self._keys.get(kid)

    def _older_than(self, seconds: float) -> bool:
        return self._fetched is None or self._now() - self._fetched >= seconds

    async def _fetch(self) -> None:
        before = self._fetched
        async with self._lock:
            if self._fetched != before:  # someone else fetched while we waited
                return
            try:
                response = await self._client.get(self._address)
                response.raise_for_status()
                published = response.json()["keys"]
            except (httpx2.HTTPError, ValueError, KeyError, TypeError) as problem:
                raise KeysUnavailable(self._address) from problem
            self._keys = {key.kid: key for key in map(_verification_key, published) if key is not None and key.kid}
            self._fetched = self._now()


def _verification_key(published: object) -> ECKey | None:
    """A key of the set as ES256 can use it; the set may hold others, which are passed over (RFC 7517 section 5)."""
    if not isinstance(published, dict) or published.get("crv") != "P-256" or published.get("use", "sig") != "sig":
        return None
    try:
        return ECKey.import_key(published)
    except (JoseError, ValueError):
        return None
