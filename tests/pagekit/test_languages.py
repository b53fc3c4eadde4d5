"""Which language a visitor gets."""

import pytest

from pagekit import choose_language


def accepted(header: str | None) -> str:
    return choose_language(chosen=None, remembered=None, accept_language=header)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "nl"),
        ("", "nl"),
        ("en", "en"),
        ("en-GB,nl;q=0.8", "en"),
        ("nl-BE, en;q=0.9", "nl"),
        ("fr-BE, fr;q=0.9, en;q=0.5", "en"),
        ("nl;q=0.5, en;q=0.7", "en"),
        ("en;q=0, nl;q=0.1", "nl"),
        ("EN-us", "en"),
        ("*", "nl"),
        ("en;q=nonsense", "nl"),
        ("en;x=1", "nl"),
        ("en;q=7", "nl"),
        (";;;,,,", "nl"),
        ("fr," * 5000 + "en", "nl"),
    ],
)
def test_the_browsers_wish_is_followed(header: str | None, language: str) -> None:
    assert accepted(header) == language


def test_a_click_wins_over_the_cookie_and_the_cookie_over_the_browser() -> None:
    assert choose_language(chosen="en", remembered="nl", accept_language="nl") == "en"
    assert choose_language(chosen=None, remembered="en", accept_language="nl") == "en"


def test_a_language_we_do_not_speak_is_passed_over() -> None:
    assert choose_language(chosen="../../etc", remembered="fr", accept_language="en") == "en"
