"""TST numbers for people whom nobody knows yet."""

from datetime import date


def unused_number(birth: date, serial: int = 112) -> str:
    """A TST number (month + 60) of this birth date; an even serial is a woman's."""
    nine = f"{birth:%y}{birth.month + 60:02d}{birth:%d}{serial:03d}"
    counted = int(nine if birth.year < 2000 else f"2{nine}")
    return f"{nine}{97 - counted % 97:02d}"


BORN = date(1990, 4, 18)
UNKNOWN = unused_number(BORN)
