"""What a browser calls itself, in two words of ours: enough for a person to recognise it in a list of sessions.

Only words of the lists below are ever kept, never what was sent: a `User-Agent` can hold anything, and its versions
tell one person from another. Nothing is decided on it.
"""

from __future__ import annotations

from dataclasses import dataclass

# In this order: nearly all call themselves Chrome, Safari and Mozilla too.
_NAMES = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """A browser and its system, each "" when unknown."""

    name: str = ""
    system: str = ""


def browser_of(user_agent: str) -> Browser:
    """Return the browser that a `User-Agent` field names."""
    return Browser(name=_first(user_agent, _NAMES), system=_first(user_agent, _SYSTEMS))


def _first(text: str, words: tuple[tuple[str, str], ...]) -> str:
    return next((ours for theirs, ours in words if theirs in text), "")
