"""What checks make of the health of an address, by examples."""

from __future__ import annotations

import pytest

from broker.proxy.health import Health, HealthRules

RULES = HealthRules(path=b"/health", host=b"gw.example", healthy_after=2, unhealthy_after=3)


def told(checks: str) -> tuple[list[bool], bool]:
    """Check as the letters say (`+` passed, `-` failed); return which changed the opinion, and the opinion."""
    health = Health(RULES)
    return [health.checked(passed=check == "+") for check in checks], health.healthy


@pytest.mark.parametrize(
    ("checks", "healthy"),
    [
        ("", True),
        ("+", True),
        ("--", True),
        ("--+--", True),
        ("---", False),
        ("---+", False),
        ("---+-+", False),
        ("---++", True),
        ("---++--", True),
        ("---++---", False),
    ],
)
def test_only_so_many_checks_in_a_row_change_the_opinion(checks: str, healthy: bool) -> None:
    assert told(checks)[1] is healthy


def test_each_change_is_told_once() -> None:
    assert told("-----+++")[0] == [False, False, True, False, False, False, True, False]
