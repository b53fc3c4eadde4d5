"""The gateway's scripts: three small files, for its own pages and for pages of the applications.

Everything works without them. An address with the present version may be kept for a year; without a version, which is
how applications name `session.js`, it is asked for again after five minutes, and is usually unchanged then (304).
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

_FOLDER = Path(__file__).parent / "static"
NAMES = ("signing-in.js", "keep-place.js", "session.js")
_FOR_A_YEAR = "public, max-age=31536000, immutable"
_FOR_A_WHILE = "public, max-age=300"


class Scripts:
    """The scripts, at `<space>/<name>`."""

    def __init__(self, *, space: str) -> None:
        self._space = space
        self._texts = {name: (_FOLDER / name).read_bytes() for name in NAMES}
        self._versions = {name: sha256(text).hexdigest()[:10] for name, text in self._texts.items()}

    def routes(self) -> list[BaseRoute]:
        """One route for each script, below the gateway's own path."""
        return [Route(f"/{name}", self._script, methods=["GET"], name=name) for name in NAMES]

    def address(self, name: str) -> str:
        """Return the address of a script in its present version."""
        return f"{self._space}/{name}?v={self._versions[name]}"

    async def _script(self, request: Request) -> Response:
        name = request.url.path.rpartition("/")[2]
        version = self._versions[name]
        headers = {
            "etag": f'"{version}"',
            "cache-control": _FOR_A_YEAR if request.query_params.get("v") == version else _FOR_A_WHILE,
            "x-content-type-options": "nosniff",
            "cross-origin-resource-policy": "same-origin",
        }
        if f'"{version}"' in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self._texts[name], media_type="text/javascript", headers=headers)
