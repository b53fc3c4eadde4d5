"""A program that stays and answers each line of JSON with one: what would otherwise be started for every test."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Resident:
    process: subprocess.Popen[str]
    log: Path

    def ask(self, instructions: Mapping[str, object]) -> dict[str, Any]:
        """The test's own time limit ends a program that does not answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(instructions) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self.log.read_text(errors="replace")[-4000:]
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def resident(command: Sequence[str], log: Path) -> Iterator[Resident]:
    """Run it for the length of a block; it ends when nothing more can come."""
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8"
        ) as process,
    ):
        yield Resident(process, log)
        assert process.stdin is not None
        process.stdin.close()
