"""The public keys of a client: those that were registered, or those at its `jwks_uri`, fetched anew each time."""

from __future__ import annotations

import httpx2
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from mock_idp.acm.clients import Client

FETCH_TIMEOUT = 3.0


class NoKeysError(Exception):
    """There are none, or they cannot be had. The text says which."""


async def keys_of(client: Client) -> KeySet:
    """Raises NoKeysError."""
    if client.jwks is not None:
        return client.jwks
    if client.jwks_uri is None:
        raise NoKeysError("no keys are registered for this client")
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=FETCH_TIMEOUT) as browser:
            answer = await browser.get(client.jwks_uri)
            answer.raise_for_status()
            return KeySet.import_key_set(answer.json())
    except (httpx2.HTTPError, ValueError, KeyError, TypeError, JoseError) as error:
        raise NoKeysError("the client's jwks_uri gave no key set") from error
