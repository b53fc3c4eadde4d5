"""Reading JSON that others wrote: strictly where we rely on it, with one kind of error for every way it can be wrong.

Unknown fields are ignored, since others may add them; a payload is refused with a reason that never repeats its values.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

T = TypeVar("T")


class NotUnderstood(ValueError):
    """The text is not what it should be. The message names the place and the type, never a value."""


def read_json(text: bytes | str, shape: type[T]) -> T:
    """Decode a JSON text into a shape. Raises NotUnderstood."""
    try:
        return msgspec.json.decode(text, type=shape)
    except msgspec.ValidationError as error:
        raise NotUnderstood(_without_values(error)) from None
    except RecursionError:
        raise NotUnderstood("nested too deeply") from None
    except (msgspec.DecodeError, UnicodeError):
        raise NotUnderstood("not JSON") from None


def read_plain(value: object, shape: type[T]) -> T:
    """Give plain JSON values (dicts, lists, texts, numbers) a shape. Raises NotUnderstood."""
    try:
        return msgspec.convert(value, type=shape)
    except msgspec.ValidationError as error:
        raise NotUnderstood(_without_values(error)) from None


def _without_values(error: msgspec.ValidationError) -> str:
    """Return the error's text, save for errors that quote what they found (an enum's value, for one)."""
    text = str(error)
    return "a value that is not allowed" if text.startswith("Invalid") else text
