"""Which page of a long list an address asks for, and the addresses of the pages beside it."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request


def page_number(request: Request, pages: int | None = None) -> int:
    """From `pagina` in the address: 1 when it is no number, the last page when it is beyond."""
    text = request.query_params.get("pagina", "")
    wanted = max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else 1
    return wanted if pages is None else min(wanted, pages)


def neighbours(request: Request, *, page: int, pages: int) -> tuple[str | None, str | None]:
    """The addresses of the page before and the page after, with everything else in the address kept."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in ("pagina", "lang")]

    def at(number: int) -> str:
        return f"{request.url.path}?{urlencode([*kept, ('pagina', number)])}"

    return (at(page - 1) if page > 1 else None, at(page + 1) if page < pages else None)
