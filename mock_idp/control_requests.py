"""What requests to `/mock/…` have in common: a JSON object in the body, and clear text about what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class ControlError(Exception):
    """What is wrong with a request to these addresses, for the developer who sent it."""


async def body_of(request: Request) -> Mapping[str, object]:
    try:
        asked = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise ControlError("the body is not JSON") from error
    if not isinstance(asked, dict):
        raise ControlError("the body is not a JSON object")
    return asked


def nothing_else(asked: Mapping[str, object], *known: str) -> None:
    unknown = sorted(asked.keys() - set(known))
    if unknown:
        raise ControlError(f"unknown: {', '.join(unknown)}; known are {', '.join(known)}")


def text_in(asked: Mapping[str, object], name: str) -> str | None:
    value = asked.get(name)
    if value is not None and not isinstance(value, str):
        raise ControlError(f"{name} is a text")
    return value


def answer(content: object, *, status: int = 200) -> Response:
    return JSONResponse(content, status_code=status, headers={"Cache-Control": "no-store"})


def refused(error: Exception) -> Response:
    return answer({"error": str(error)}, status=400)
