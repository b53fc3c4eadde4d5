"""For `inkom doctor`: whether visitors can reach the address at which proxies ask who may pass.

It asks as a visitor would, at the public address and without any credential. How the proxy asks is not tried.
"""

from __future__ import annotations

from broker import config
from broker.adapters.http import BackChannel, NoAnswer

_REMEDY = (
    "let the proxy answer 404 there, as the examples do: it would tell visitors what applications are told of them"
)


async def asked_as_a_visitor(settings: config.Settings, channel: BackChannel) -> tuple[str, str]:
    """Return what was found, and what to do about it: nothing ("") where all is well."""
    address = f"{settings.public_url.rstrip('/')}/_inkom/auth"
    try:
        answer = await channel.get(address, headers={})
    except NoAnswer as error:
        return f"not tried: {address} does not answer ({error})", ""
    if answer.status == 404:
        return f"visitors find nothing at {address}", ""
    return f"visitors may reach {address}: it answers with status {answer.status}", _REMEDY
