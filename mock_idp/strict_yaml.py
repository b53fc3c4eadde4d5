"""Reading YAML that people write: every complaint names file and line, and nothing is guessed.

Unknown keys, keys given twice, and values of another type are errors. Numbers of identity must stand in quotes, because
YAML turns 0201310765 into another integer. What the values mean is the caller's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml

_TEXT = "tag:yaml.org,2002:str"
_INTEGER = "tag:yaml.org,2002:int"
_BOOLEAN = "tag:yaml.org,2002:bool"


class FileProblemError(Exception):
    """One thing that is wrong in a file, with its place."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(f"{place.path}:{place.line}: {message}")


class FileProblemsError(Exception):
    """All that is wrong in a file, one problem a line."""


class Problems:
    """Collects, so that the reader hears of everything at once."""

    def __init__(self) -> None:
        self._found: list[str] = []

    @contextmanager
    def collected(self) -> Iterator[None]:
        try:
            yield
        except FileProblemError as problem:
            self._found.append(str(problem))

    def add(self, place: Place, message: str) -> None:
        self._found.append(str(FileProblemError(place, message)))

    def raise_any(self) -> None:
        if self._found:
            raise FileProblemsError("\n".join(self._found))


@dataclass(frozen=True, slots=True)
class Place:
    """A value in a file, and where it stands."""

    path: Path
    node: yaml.Node

    @property
    def line(self) -> int:
        return cast(int, self.node.start_mark.line) + 1

    def problem(self, message: str) -> FileProblemError:
        return FileProblemError(self, message)

    def text(self) -> str:
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag != _TEXT:
            raise self.problem("a text is needed here; put it in quotes")
        return str(self.node.value)

    def plain(self) -> str:
        """What is written, whatever type YAML sees in it: for dates and relative dates."""
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.problem("a single value is needed here")
        return str(self.node.value)

    def integer(self) -> int:
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag != _INTEGER:
            raise self.problem("a whole number is needed here")
        return int(self.node.value)

    def boolean(self) -> bool:
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag != _BOOLEAN:
            raise self.problem("true or false is needed here")
        return str(self.node.value).lower() in ("true", "yes", "on")

    def value(self) -> object:
        """The value as plain Python, for content whose form is another standard's."""
        return yaml.constructor.SafeConstructor().construct_document(self.node)

    def items(self) -> tuple[Place, ...]:
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.problem("a list is needed here")
        return tuple(Place(self.path, item) for item in self.node.value)

    def named(self) -> dict[str, Place]:
        if not isinstance(self.node, yaml.MappingNode):
            raise self.problem("keys with values are needed here")
        found: dict[str, Place] = {}
        for key, value in self.node.value:
            name = Place(self.path, key).text()
            if name in found:
                raise Place(self.path, key).problem(f"{name!r} is given twice")
            found[name] = Place(self.path, value)
        return found


class Fields:
    """A mapping with a closed set of keys. Call `finish` when all keys have been asked for."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._values = place.named()
        self._asked: set[str] = set()

    def optional(self, key: str) -> Place | None:
        self._asked.add(key)
        return self._values.get(key)

    def required(self, key: str) -> Place:
        found = self.optional(key)
        if found is None:
            raise self.place.problem(f"{key!r} is missing")
        return found

    def text(self, key: str) -> str:
        return self.required(key).text()

    def text_or(self, key: str, default: str) -> str:
        found = self.optional(key)
        return default if found is None else found.text()

    def text_or_none(self, key: str) -> str | None:
        found = self.optional(key)
        return None if found is None else found.text()

    def boolean_or(self, key: str, *, default: bool) -> bool:
        found = self.optional(key)
        return default if found is None else found.boolean()

    def items_or_none(self, key: str) -> tuple[Place, ...]:
        found = self.optional(key)
        return () if found is None else found.items()

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(item.text() for item in self.items_or_none(key))

    def finish(self) -> None:
        unknown = sorted(self._values.keys() - self._asked)
        if unknown:
            name = unknown[0]
            raise self._values[name].problem(f"{name!r} is not a key here; known are {', '.join(sorted(self._asked))}")


def compose(text: str) -> yaml.Node | None:
    """The tree of a YAML text; libyaml's parser where it is there, because a reset of the world waits for it."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.compose(text, Loader=loader)


def read_yaml(path: Path) -> Place:
    """The whole file as one value. Raises FileProblemsError when it isn't YAML or is empty."""
    try:
        node = compose(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise FileProblemsError(f"{path}: {error}") from error
    except OSError as error:
        raise FileProblemsError(f"{path}: cannot be read: {error.strerror}") from error
    if node is None:
        raise FileProblemsError(f"{path}:1: the file is empty")
    return Place(path, node)
