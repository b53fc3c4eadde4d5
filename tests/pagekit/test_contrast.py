"""The colours of kit.css against WCAG 2.2: 4.5 to 1 for text (1.4.3), 3 to 1 for edges and focus (1.4.11)."""

import re

import pytest

from pagekit import STATIC

TEXT = 4.5
EDGE = 3.0
TONES = ("info", "success", "warning", "error", "neutral")

PAIRS: tuple[tuple[str, str, float], ...] = (
    *((front, back, TEXT) for front in ("ink", "ink-soft", "accent", "accent-strong") for back in ("canvas", "paper")),
    *((front, "accent-soft", TEXT) for front in ("ink", "ink-soft", "accent", "accent-strong")),
    *((front, "neutral-soft", TEXT) for front in ("ink", "ink-soft")),
    *((tone, f"{tone}-soft", TEXT) for tone in TONES),
    *((tone, back, TEXT) for tone in TONES for back in ("canvas", "paper")),
    *((front, f"{tone}-soft", TEXT) for front in ("ink", "accent") for tone in TONES),
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-strong", TEXT),
    ("on-danger", "danger", TEXT),
    *((edge, back, EDGE) for edge in ("line-strong", "focus", "accent", "danger") for back in ("canvas", "paper")),
)


def colours(scheme: int) -> dict[str, str]:
    """The colour tokens of one scheme: 0 light, 1 dark."""
    css = (STATIC / "kit.css").read_text()
    found = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", css)
    return {name: pair[scheme] for name, *pair in found}


def luminance(colour: str) -> float:
    """WCAG 2.2, "relative luminance"."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_measure_itself_is_right() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), PAIRS, ids=lambda part: str(part))
def test_a_pair_of_colours_can_be_told_apart(scheme: int, front: str, back: str, least: float) -> None:
    token = colours(scheme)
    assert contrast(token[front], token[back]) >= least
