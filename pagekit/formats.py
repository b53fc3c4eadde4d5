"""Dates, times, numbers and sizes as people in Belgium write them, per language. No clock and no page in here."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from markupsafe import Markup

# Both languages write 24/11/2026: an English text here is read in Flanders, not in the United States.
LOCALES = {"nl": "nl_BE", "en": "en_GB"}
BRUSSELS = ZoneInfo("Europe/Brussels")


class Formats:
    """The formats of one language, given to templates: `day`, `long_day`, `week_day`, `moment`, `number` and `size`."""

    def __init__(self, language: str) -> None:
        self._locale = LOCALES[language]

    def day(self, value: date) -> Markup:
        """24/11/2026, as a `time` element that machines can read too."""
        return _time(value.isoformat(), format_date(value, "dd/MM/yyyy", locale=self._locale))

    def long_day(self, value: date) -> Markup:
        """24 november 2026."""
        return _time(value.isoformat(), format_date(value, "d MMMM yyyy", locale=self._locale))

    def week_day(self, value: date) -> Markup:
        """Tuesday 24 November 2026; dinsdag 24 november 2026."""
        return _time(value.isoformat(), format_date(value, "EEEE d MMMM yyyy", locale=self._locale))

    def moment(self, value: datetime) -> Markup:
        """24/11/2026 14:05 in Brussels. Refuses a moment without time zone: nobody can say when that is."""
        if value.tzinfo is None:
            raise ValueError("a moment on a page needs a time zone")
        local = format_datetime(value, "dd/MM/yyyy HH:mm", tzinfo=BRUSSELS, locale=self._locale)
        return _time(value.isoformat(), local)

    def number(self, value: float) -> str:
        """1.234,5 in Dutch, 1,234.5 in English."""
        return format_decimal(value, locale=self._locale)

    def size(self, octets: int) -> str:
        """A number of bytes in the largest unit that keeps it at or above one; 1 kB is 1000 bytes."""
        amount, unit = float(octets), "B"
        for larger in ("kB", "MB", "GB", "TB"):
            if amount < 1000:
                break
            amount, unit = amount / 1000, larger
        return f"{format_decimal(amount, format='#,##0.#', locale=self._locale)} {unit}"


def _time(machine: str, human: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(machine, human)
