"""Ways in which any JSON endpoint can fail: an error, a page, silence, half an answer, or far too much of one.

Shared by the provider's endpoints and the registers. Each works on the proper answer, so that a client that survives is
served after all where the fault is only slow or large.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from enum import StrEnum
from typing import assert_never

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from mock_idp.faults import Armed, Fault, Stage

BOMB_BYTES = 64 * 1024 * 1024
HUGE_BYTES = 10 * 1024 * 1024
NESTING = 100_000
MANY_FIELDS = 10_000


class Manner(StrEnum):
    SERVER_ERROR = "500"
    DOWN = "down"
    TOO_MANY = "429"
    SLOW = "slow"
    REDIRECT = "redirect"
    HTML = "html"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    ARRAY = "array"
    DEEP = "deep"
    HUGE = "huge"
    GZIP_BOMB = "gzip-bomb"


# Where a client should end for each: most mean "fail cleanly", a slow answer may still be in time.
_DESCRIPTIONS = {
    Manner.SERVER_ERROR: "answers 500 with a page",
    Manner.DOWN: "answers 503 with Retry-After",
    Manner.TOO_MANY: "answers 429 with Retry-After",
    Manner.SLOW: "answers properly, but after `seconds` (5 unless given)",
    Manner.REDIRECT: "answers 307 to another address",
    Manner.HTML: "answers 200 with a page in place of JSON",
    Manner.EMPTY: "answers 200 with an empty body",
    Manner.TRUNCATED: "answers with the first half of the JSON",
    Manner.ARRAY: "answers with a JSON array around the proper object",
    Manner.DEEP: "answers with JSON nested 100 000 deep",
    Manner.HUGE: "answers with ten megabytes of JSON around the proper members",
    Manner.GZIP_BOMB: "answers with 64 kB of gzip that unpack to 64 MB",
}


def catalogue(stage: Stage, prefix: str, *, statements: tuple[str, ...]) -> tuple[Fault, ...]:
    """The faults of this module for one endpoint, as `{prefix}-{manner}`."""
    return tuple(
        Fault(
            name=f"{prefix}-{manner}",
            stage=stage,
            description=f"The {prefix} endpoint {text}.",
            expected="either" if manner in (Manner.SLOW, Manner.HUGE) else "reject",
            statements=statements,
        )
        for manner, text in _DESCRIPTIONS.items()
    )


def manner_of(fault: Fault) -> Manner | None:
    """None for a fault that has nothing to do with this module."""
    _, _, manner = fault.name.partition("-")
    return Manner(manner) if manner in tuple(Manner) else None


async def broken(proper: Response, armed: Armed, *, manner: Manner) -> Response:
    match manner:
        case Manner.SERVER_ERROR:
            return HTMLResponse("<h1>Internal Server Error</h1>", status_code=500)
        case Manner.DOWN:
            return _problem(503, "Service Unavailable")
        case Manner.TOO_MANY:
            return _problem(429, "Too Many Requests")
        case Manner.SLOW:
            await asyncio.sleep(armed.seconds)
            return proper
        case Manner.REDIRECT:
            return RedirectResponse("/mock/elsewhere", status_code=307)
        case Manner.HTML:
            return HTMLResponse("<!doctype html><title>Onderhoud</title><p>Even geduld.</p>")
        case Manner.EMPTY:
            return Response(status_code=200, media_type="application/json")
        case Manner.TRUNCATED:
            return _json(bytes(proper.body)[: len(bytes(proper.body)) // 2])
        case Manner.ARRAY:
            return _json(b"[" + bytes(proper.body) + b"]")
        case Manner.DEEP:
            return _json(b"[" * NESTING + b"]" * NESTING)
        case Manner.HUGE:
            return _json(_padded(bytes(proper.body), HUGE_BYTES))
        case Manner.GZIP_BOMB:
            bomb = _bomb(bytes(proper.body))
            return Response(bomb, media_type="application/json", headers={"Content-Encoding": "gzip"})
        case _:
            assert_never(manner)


def _problem(status: int, title: str) -> Response:
    return JSONResponse(
        {"type": "about:blank", "title": title, "status": status},
        status_code=status,
        headers={"Retry-After": "1"},
        media_type="application/problem+json",
    )


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


def _padded(body: bytes, size: int) -> bytes:
    return json.dumps({"padding": "0" * size, **json.loads(body)}).encode()


def _bomb(body: bytes) -> bytes:
    packer = zlib.compressobj(level=9, wbits=31)  # 31: with gzip's own header (RFC 1952)
    zeros = b"0" * (1024 * 1024)
    parts = [packer.compress(b'{"padding":"')]
    parts += [packer.compress(zeros) for _ in range(BOMB_BYTES // len(zeros))]
    parts += [packer.compress(b'",' + body.lstrip()[1:]), packer.flush()]
    return b"".join(parts)
