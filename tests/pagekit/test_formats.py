"""Dates and numbers as people here write them."""

from datetime import UTC, date, datetime

import pytest

from pagekit.formats import Formats

DAY = date(2026, 3, 5)


def test_a_day_is_written_day_month_year_in_both_languages() -> None:
    for language in ("nl", "en"):
        assert Formats(language).day(DAY) == '<time datetime="2026-03-05">05/03/2026</time>'


def test_a_long_day_names_its_month() -> None:
    assert "5 maart 2026" in Formats("nl").long_day(DAY)
    assert "5 March 2026" in Formats("en").long_day(DAY)


def test_a_week_day_names_its_day() -> None:
    assert "donderdag 5 maart 2026" in Formats("nl").week_day(DAY)
    assert "Thursday 5 March 2026" in Formats("en").week_day(DAY)


def test_a_moment_is_shown_in_brussels() -> None:
    midsummer = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    assert ">02/07/2026 00:30<" in Formats("nl").moment(midsummer)


def test_a_moment_without_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Formats("nl").moment(datetime.fromisoformat("2026-07-01T22:30"))


def test_numbers_have_the_separators_of_the_language() -> None:
    assert Formats("nl").number(1234567.5) == "1.234.567,5"
    assert Formats("en").number(1234567.5) == "1,234,567.5"


@pytest.mark.parametrize(
    ("octets", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1500, "1,5 kB"), (20_000_000, "20 MB"), (10**16, "10.000 TB")],
)
def test_a_size_is_in_the_unit_that_reads_best(octets: int, shown: str) -> None:
    assert Formats("nl").size(octets) == shown
