"""The recorded shapes: files that were written for these tests, in the form that the government's services answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

REFERENCE = "7d0c2f5e-6a5b-4c1e-9c55-0d1f6f3a9b10"
_FOLDER = Path(__file__).parent / "recorded"


def recorded(name: str, *changes: tuple[str, str]) -> bytes:
    """Return a recorded answer, with texts in it replaced; each must be there."""
    text = (_FOLDER / f"{name}.xml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text.encode()


def recorded_claims(name: str, **changes: object) -> dict[str, Any]:
    """Return recorded claims, changed; None takes a claim away."""
    claims: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return {claim: value for claim, value in {**claims, **changes}.items() if value is not None}
