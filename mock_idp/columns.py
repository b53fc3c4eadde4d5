"""Rows of text under each other, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

GAP = "  "


def columns(rows: Iterable[Sequence[str]], *, indent: str = "") -> str:
    """Each column as wide as its widest cell; the last one as long as it is."""
    kept = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*kept, strict=True)]
    lines = (GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in kept)
    return "\n".join(f"{indent}{line}".rstrip() for line in lines)
