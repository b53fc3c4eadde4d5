"""Endpoints for programs and tests: what arrived exactly, cookies, statuses, slow answers, large answers.

They return the received headers whole, a national number included if this backend is given one: pages mask it.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from mock_apps.gate import HEALTH, identity

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
BLOCK = bytes(range(256)) * 256
MOST_OCTETS = 10 * 1024**3
MOST_SECONDS = 300.0
WITHOUT_BODY = (204, 205, 304)


async def health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def echo(request: Request) -> Response:
    """Method, target, headers and body as this server received them; the body only as length and SHA-256."""
    digest, length = hashlib.sha256(), 0
    async for block in request.stream():
        digest.update(block)
        length += len(block)
    return JSONResponse(
        {
            "method": request.method,
            "target": _target(request),
            "http_version": request.scope["http_version"],
            "headers": _headers(request),
            "body": {"length": length, "sha256": digest.hexdigest()},
        }
    )


async def headers(request: Request) -> Response:
    """The headers, and the facts that were verified."""
    caller = identity(request.scope)
    verified = {"person": caller.person, "name": caller.name, "organisation": caller.organisation, "role": caller.role}
    return JSONResponse({"headers": _headers(request), "verified": verified})


async def set_cookie(request: Request) -> Response:
    """Sets each query parameter as a cookie of that name, without judging it: the gateway has to."""
    response = JSONResponse({"set": list(request.query_params)})
    for name, value in request.query_params.multi_items():
        response.raw_headers.append((b"set-cookie", f"{name}={value}; Path=/; HttpOnly".encode("latin-1", "replace")))
    return response


async def status(request: Request) -> Response:
    """Answers with the status in the path; `?location=` adds that header."""
    code = int(request.path_params["code"])
    if not 200 <= code <= 599:
        return JSONResponse({"reason": "a status from 200 to 599"}, 400)
    location = request.query_params.get("location")
    extra = {"location": location} if location else {}
    return (
        Response(headers=extra, status_code=code)
        if code in WITHOUT_BODY
        else JSONResponse({"status": code}, code, extra)
    )


async def slow(request: Request) -> Response:
    """Answers after `?seconds=` (default 5)."""
    try:
        seconds = float(request.query_params.get("seconds", "5"))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MOST_SECONDS:
        return JSONResponse({"reason": f"seconds from 0 to {MOST_SECONDS:.0f}"}, 400)
    await asyncio.sleep(seconds)
    return JSONResponse({"waited": seconds})


async def download(request: Request) -> Response:
    """As many bytes as the path says, counting 0 to 255 over and over, with a length or with `?chunked=1` without."""
    octets = int(request.path_params["octets"])
    if octets > MOST_OCTETS:
        return JSONResponse({"reason": f"at most {MOST_OCTETS} bytes"}, 400)
    length = {} if "chunked" in request.query_params else {"content-length": str(octets)}
    named = {"content-disposition": f'attachment; filename="{octets}.bin"'}
    return StreamingResponse(_octets(octets), media_type="application/octet-stream", headers=length | named)


async def _octets(remaining: int) -> AsyncIterator[bytes]:
    while remaining > 0:
        yield BLOCK[:remaining]
        remaining -= len(BLOCK)


def _target(request: Request) -> str:
    """The request target as it stood on the wire: ASGI splits it, decodes `path` and keeps `raw_path`."""
    path: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    return (path + (b"?" + query if query else b"")).decode("latin-1")


def _headers(request: Request) -> list[list[str]]:
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.headers.raw]


def routes(prefix: str) -> list[Route]:
    """The endpoints below `<prefix>/api`, and the health path beside the prefix."""
    return [
        Route(HEALTH, health),
        Route(f"{prefix}/api/echo", echo, methods=METHODS),
        Route(f"{prefix}/api/echo/{{rest:path}}", echo, methods=METHODS),
        Route(f"{prefix}/api/headers", headers),
        Route(f"{prefix}/api/set-cookie", set_cookie),
        Route(f"{prefix}/api/status/{{code:int}}", status, methods=METHODS),
        Route(f"{prefix}/api/slow", slow),
        Route(f"{prefix}/api/download/{{octets:int}}", download),
    ]
