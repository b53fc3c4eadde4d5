"""A bar chart as SVG, without a library: one number for each candidate, which also stands beside its bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH, _LEFT, _BAR, _STEP, _TOP = 860, 330, 20, 30, 44
_END = 90  # room for the number behind the longest bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar; `ours` ones are drawn darker."""

    label: str
    value: float
    ours: bool


def chart(title: str, unit: str, bars: Sequence[Bar]) -> str:
    """The chart, as long as it needs to be. Raises ValueError without a bar."""
    if not bars:
        raise ValueError("there is nothing to draw")
    longest = max(bar.value for bar in bars) or 1.0
    height = _TOP + _STEP * len(bars) + 10
    told = "; ".join(f"{bar.label}: {bar.value:.0f} {unit}" for bar in bars)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'font-family="sans-serif" font-size="14">',
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(told)}</desc>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="26" font-size="16" font-weight="bold" fill="#1b1b1b">{escape(title)}</text>',
    ]
    for at, bar in enumerate(bars):
        y = _TOP + at * _STEP
        length = (_WIDTH - _LEFT - _END) * bar.value / longest
        colour = "#0b5cad" if bar.ours else "#8fa3b5"
        parts += [
            f'<text x="{_LEFT - 10}" y="{y + 15}" text-anchor="end" fill="#1b1b1b">{escape(bar.label)}</text>',
            f'<rect x="{_LEFT}" y="{y}" width="{max(1.0, length):.1f}" height="{_BAR}" fill="{colour}"/>',
            f'<text x="{_LEFT + length + 8:.1f}" y="{y + 15}" fill="#1b1b1b">{bar.value:.0f} {escape(unit)}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"
