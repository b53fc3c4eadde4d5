"""Where a token stands in a request, and which requests hold more than one credential. No I/O.

Only the Authorization field counts (RFC 6750, section 2.1): a token in a form or in the address is never looked for,
and an address would end up in logs. Other schemes (Basic) are no credential of ours and are not looked at.
"""

from __future__ import annotations

import re

from broker.cookies import carries_cookie
from broker.domain.machine import Presented, Scheme, TokenError, TokenRefused
from broker.proxy.fields import Headers, values_of

_SCHEMES = {b"bearer": Scheme.BEARER, b"dpop": Scheme.DPOP}  # without regard to capitals (RFC 9110, section 11.1)
_TOKEN = re.compile(rb"[A-Za-z0-9\-._~+/]+=*")  # RFC 6750, section 2.1: b64token
_LONGEST_TOKEN = 16 * 1024


def presented_token(headers: Headers, *, session_cookie: str) -> Presented | TokenRefused | None:
    """Return the token of a request; None without one. Two credentials are refused: nobody guesses which one counts."""
    fields = values_of(headers, b"authorization")
    parts = [field.partition(b" ") for field in fields]
    schemes = [_SCHEMES.get(name.lower()) for name, _, _ in parts]
    if not any(schemes):
        return None
    if len(fields) > 1:
        return _bad("several Authorization fields")  # RFC 9110, section 5.3: it is not a list
    if carries_cookie(headers, session_cookie):
        return _bad("both a token and the cookie of a session")
    ((_, _, rest),) = parts
    token = rest.strip(b" ")
    if not _TOKEN.fullmatch(token) or len(token) > _LONGEST_TOKEN:
        return _bad("the Authorization field holds no single token")
    scheme = schemes[0] or Scheme.BEARER
    proofs = tuple(value.decode("latin-1") for value in values_of(headers, b"dpop"))
    return Presented(scheme=scheme, token=token.decode("ascii"), proofs=proofs)


def _bad(detail: str) -> TokenRefused:
    return TokenRefused(error=TokenError.INVALID_REQUEST, detail=detail)
