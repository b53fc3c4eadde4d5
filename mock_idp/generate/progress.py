"""How far a long run is, on the error stream: one line that is written over on a terminal, else one for each tenth."""

from __future__ import annotations

from typing import TextIO


class Progress:
    def __init__(self, stream: TextIO, *, total: int) -> None:
        self._stream = stream
        self._total = total
        self._tenths = 0

    def __call__(self, done: int) -> None:
        text = f"{done} of {self._total} people"
        if self._stream.isatty():
            print(f"\r{text}", end="\n" if done == self._total else "", file=self._stream, flush=True)
        elif done * 10 // self._total > self._tenths:
            self._tenths = done * 10 // self._total
            print(text, file=self._stream, flush=True)
