"""A client given on the command line, `--client ID,SECRET,REDIRECT`: the least that a relying party needs.

For everything else that a client can be, there is a file (`--clients`) or `POST /mock/clients`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from mock_idp.acm.scopes import SCOPES


class ClientTextError(ValueError):
    """The text is no client; what is wrong with it, without the secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenClient:
    client_id: str
    secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]

    def entry(self) -> dict[str, object]:
        """As in `clients.yaml`: every scope, ACM asks for the organisation, logout returns to the origin."""
        origins = dict.fromkeys(_origin(address) for address in self.redirect_uris)
        return {
            "client_id": self.client_id,
            "client_secret": self.secret,
            "redirect_uris": list(self.redirect_uris),
            "post_logout_redirect_uris": [address for origin in origins for address in (f"{origin}/", origin)],
            "scopes": list(SCOPES),
            "organisation_choice": "acm",
        }


def read_given_client(text: str) -> GivenClient:
    """Raises ClientTextError."""
    client_id, *rest = (part.strip() for part in text.split(","))
    if not client_id or len(rest) < 2 or not rest[0]:
        raise ClientTextError("a client is ID,SECRET,REDIRECT with as many addresses as you like")
    secret, *redirect_uris = rest
    for address in redirect_uris:
        if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).netloc or "#" in address:
            raise ClientTextError(f"{address!r} of client {client_id!r} is not an http(s) address without a fragment")
    return GivenClient(client_id=client_id, secret=secret, redirect_uris=tuple(redirect_uris))


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
