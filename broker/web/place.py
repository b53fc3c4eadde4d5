"""The place on a page that somebody was going to: the fragment of an address, what stands after `#`.

A browser carries it over redirects up to our sign-in address, and no further. There it is read by a script, comes to us
in the body of a post, waits in the sealed attempt and is put behind the address where the sign-in ends. Without scripts
the sign-in goes on without it.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from starlette.requests import Request

from broker.web.bodies import whole_body

_MAX_LENGTH = 1024
_MAX_FORM = 8 * _MAX_LENGTH
# What a browser leaves in a fragment: printable, without what the URL standard encodes there (4.4, fragment state).
_FRAGMENT = re.compile(r"[!#-;=?-_a-~]*", re.ASCII)
GO = "go"  # the parameter that says that there is nothing to read any more


def may_have_place(request: Request) -> bool:
    """Whether a browser that could run a script is navigating here for the first time.

    Only browsers that say so (Fetch Metadata) are asked; every other client goes straight on.
    """
    navigating = request.headers.get("sec-fetch-dest") == "document" and (
        request.headers.get("sec-fetch-mode") == "navigate"
    )
    return navigating and GO not in request.query_params


def own_fragment(text: str) -> str:
    """Return the text when it can be a fragment, else nothing."""
    return text if len(text) <= _MAX_LENGTH and _FRAGMENT.fullmatch(text) else ""


def with_place(address: str, fragment: str) -> str:
    """Return an address that leads to a place on its page."""
    return f"{address}#{fragment}" if fragment else address


async def posted_fragment(request: Request) -> str:
    """Return the fragment that our script sent; nothing when it is not one."""
    body = await whole_body(request, longest=_MAX_FORM)
    try:
        fields = dict(parse_qsl((body or b"").decode("ascii"), max_num_fields=1))
    except ValueError:
        return ""
    return own_fragment(fields.get("fragment", ""))
