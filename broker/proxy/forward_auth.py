"""`/_inkom/auth` (forward-auth): answers proxies that forward by themselves and ask here first who may pass.

Only the proxies of the configuration may ask; for everybody else nothing stands here. The answer about a request that
may pass is the identity headers for its backend and nothing else; any other request is answered as if it had come to
the gateway. The gate judges; what a question is about is read by `asked`. No body is ever seen here.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, MutableMapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import unquote

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from broker.cookies import Cookies, carries_cookie
from broker.domain.identity_headers import UnfitForHeaderError
from broker.ports import Answers, InkomError, Reply
from broker.proxy.asked import ASKING, PLACE, Asked, Asking, asked
from broker.proxy.fields import Headers, fields_of, values_of
from broker.proxy.gate import Gate
from broker.proxy.passes import Pass
from broker.proxy.targets import Problem

_log = logging.getLogger("inkom.forward-auth")
Peers = Mapping[str, tuple[IPv4Network | IPv6Network, ...]]


class ForwardAuth:
    """The ASGI application at `/_inkom/auth` and below it.

    `answers` must keep no forms: what a held request holds besides its head never comes here. `gate` is asked for when
    the first question comes, as the gate itself needs the pages among which this one is.
    """

    def __init__(
        self, *, peers: Peers, answers: Answers, gate: Callable[[], Gate], cookies: Cookies, public_url: str
    ) -> None:
        self._peers = peers
        self._answers = answers
        self._gate = gate
        self._parked = cookies.parked
        self._origin = public_url.rstrip("/").encode()
        self._scheme, _, host = self._origin.partition(b"://")
        self._hosts = frozenset({host.lower()})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one question. Raises HTTPException 404 for whoever may not ask."""
        asking = self._asking(scope["client"])
        target: bytes = scope["extensions"]["inkom.target"]
        # Byte for byte: whoever keeps this address from visitors need not know how else it could be written.
        if asking is None or not (target == PLACE or target.startswith((PLACE + b"/", PLACE + b"?"))):
            raise HTTPException(404)
        about = asked(
            asking.spelling,
            method=scope["method"].encode("ascii"),
            target=target,
            headers=scope["headers"],
            hosts=self._hosts,
            scheme=self._scheme,
        )
        if isinstance(about, Problem):
            _log.warning("a question could not be read", extra={"peer": scope["client"][0], "detail": about.title})
            await _reply(_problem(about.status, "question", about.title), send)
            return
        held = _not_for_backends(scope["headers"]) or self._kept_form(asking, about, scope["headers"])
        if held is not None:
            await _reply(held, send)
            return
        await self._judge(asking, about, _as_it_came(scope, about), send)

    async def _judge(self, asking: Asking, about: Asked, scope: Scope, send: Send) -> None:
        answering = _absolute(send, self._origin) if asking.passes_answers_on else send
        try:
            judged = await self._gate().check(scope["headers"], about.target, method=about.method)
        except (InkomError, UnfitForHeaderError) as error:
            await self._answers.failure(error, scope, _nothing_more, answering)
            return
        if judged is None:
            raise HTTPException(404)
        if isinstance(judged, Pass):
            # 200 and no other: Envoy takes every other status, 204 too, for a refusal.
            told = [*fields_of(judged.lines), (b"cache-control", b"no-store")]
            await _reply(Reply(status=200, headers=told, body=b""), send)
        elif asking.passes_answers_on:
            await self._answers.outcome(judged, scope, _nothing_more, answering)
        else:
            await _reply(self._answers.problem(judged), send)

    def _asking(self, client: tuple[str, int] | None) -> Asking | None:
        """Return how the proxy at an address asks; None for an address that is none of a proxy."""
        try:
            address = ip_address(client[0] if client else "")
        except ValueError:
            return None
        # A socket that takes both kinds of addresses shows the older kind in the form of the newer (RFC 4291 2.5.5.2).
        address = (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
        for proxy, networks in self._peers.items():
            if any(address in network for network in networks):
                return ASKING[proxy]
        return None

    def _kept_form(self, asking: Asking, about: Asked, headers: Headers) -> Reply | None:
        """Leave a request to the gateway by which somebody may send a kept form on: only there it becomes that form."""
        if asking.passes_answers_on or about.method != "POST" or not carries_cookie(headers, self._parked):
            return None
        return _problem(403, "kept-form", "The gateway itself has to see this request")


def _not_for_backends(headers: Headers) -> Reply | None:
    """Refuse WebSockets: the gateway ends those whose permission ends, and nobody would end this one.

    These fields are for the server at the end (RFC 6455, section 4.1), so that proxies pass them on.
    """
    upgrades = [value.lower() for value in values_of(headers, b"upgrade")]
    if not values_of(headers, b"sec-websocket-key") and not any(b"websocket" in value for value in upgrades):
        return None
    return _problem(403, "websocket", "WebSockets have to pass the gateway itself")


def _as_it_came(scope: Scope, about: Asked) -> Scope:
    """The scope of the held request, for those who answer it. It has no body that we could see."""
    path, _, query = about.target.partition(b"?")
    return {
        **scope,
        "method": about.method,
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "path_params": {},
        "extensions": {**scope["extensions"], "inkom.target": about.target},
    }


async def _nothing_more() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _absolute(send: Send, origin: bytes) -> Send:
    """Make redirects absolute: Traefik takes a relative one to be relative to the address at which it asks."""

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            fields = [
                (name, origin + value if name.lower() == b"location" and value.startswith(b"/") else value)
                for name, value in message["headers"]
            ]
            message = {**message, "headers": fields}
        await send(message)

    return sending


def _problem(status: int, reason: str, title: str) -> Reply:
    members = {"type": "about:blank", "title": title, "status": status, "reason": reason}
    headers = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
    return Reply(status=status, headers=headers, body=json.dumps(members).encode("ascii"))


async def _reply(reply: Reply, send: Send) -> None:
    fields = [*reply.headers, (b"content-length", b"%d" % len(reply.body))]
    await send({"type": "http.response.start", "status": reply.status, "headers": fields})
    await send({"type": "http.response.body", "body": reply.body})
