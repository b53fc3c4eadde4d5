"""What the sign-in pages remember between two requests, in memory: one value per sign-in, the oldest dropped first."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")
AT_MOST = 5_000  # as many as the provider keeps interactions open


class Kept(Generic[T]):
    """Values by key. What is dropped belongs to the sign-ins that began longest ago."""

    def __init__(self) -> None:
        self._values: dict[str, T] = {}

    def get(self, key: str) -> T | None:
        return self._values.get(key)

    def put(self, key: str, value: T) -> None:
        while key not in self._values and len(self._values) >= AT_MOST:
            del self._values[next(iter(self._values))]
        self._values[key] = value

    def take(self, key: str) -> T | None:
        """Get and forget."""
        return self._values.pop(key, None)

    def values(self) -> tuple[T, ...]:
        return tuple(self._values.values())

    def clear(self) -> None:
        self._values.clear()
