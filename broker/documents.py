"""Strict reading of YAML documents: typed values out, and every problem at once with file, line and remedy.

Both the configuration and the policy files go through here; it is the only place that parses YAML. It resolves no tags
but the plain ones, and refuses what surprises people: duplicate keys, merge keys, numbers that lost a leading zero.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec
import yaml

MAX_SIZE = 1_000_000
MAX_NODES = 50_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong in a file, at a line (1 is the first), said so that a person can mend it."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        """Written as editors and compilers do, so that a terminal can jump there."""
        return f"{self.file}:{self.line}: {self.message}"


class Document:
    """One parsed file, and the problems found in it so far."""

    def __init__(self, *, file: str, root: yaml.Node | None, problems: list[Problem]) -> None:
        self.file = file
        self.root = root
        self.problems = problems

    @classmethod
    def read(cls, path: Path) -> Document:
        """Read a file; a file that cannot be read is a problem, not an exception."""
        file = str(path)
        try:
            with path.open("rb") as stream:
                content = stream.read(MAX_SIZE + 1)
        except OSError as error:
            return cls._unreadable(file, error.strerror or "cannot be read")
        if len(content) > MAX_SIZE:
            return cls._unreadable(file, f"is larger than {MAX_SIZE} bytes")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return cls._unreadable(file, "is not UTF-8; save it in that encoding")
        return cls.parse(text, file=file)

    @classmethod
    def parse(cls, text: str, *, file: str) -> Document:
        """Parse the text of a file."""
        document = cls(file=file, root=None, problems=[])
        try:
            documents = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            document.problems.append(Problem(file=file, line=line, message=f"not valid YAML: {error.problem}"))
            return document
        except (yaml.YAMLError, RecursionError):
            return cls._unreadable(file, "is not valid YAML text")
        if len(documents) != 1 or documents[0] is None:
            return cls._unreadable(file, "is empty" if not documents or documents[0] is None else "holds two documents")
        document.root = documents[0]
        if _count(document.root) > MAX_NODES:
            return cls._unreadable(file, f"holds more than {MAX_NODES} values, aliases unfolded")
        return document

    @classmethod
    def _unreadable(cls, file: str, why: str) -> Document:
        return cls(file=file, root=None, problems=[Problem(file=file, line=1, message=f"the file {why}")])

    def wrong(self, node: yaml.Node | None, message: str) -> None:
        """Note a problem at a place in the file."""
        line = node.start_mark.line + 1 if node is not None else 1
        problem = Problem(file=self.file, line=line, message=message)
        if problem not in self.problems:
            self.problems.append(problem)

    def wrong_at(self, path: str, message: str) -> None:
        """Note a problem at a dotted path, or at the nearest key above it that stands in the file."""
        node = self.root
        for key in path.split("."):
            inner = _entry(node, key)
            if inner is None:
                break
            node = inner
        self.wrong(node, f"{path}: {message}")

    def keys(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """Return the keys of the mapping at a path; none where there is no mapping."""
        node = self.root
        for key in path:
            node = _entry(node, key)
        return tuple(str(key.value) for key, _ in node.value) if isinstance(node, yaml.MappingNode) else ()

    def put(self, path: tuple[str, ...], text: str) -> None:
        """Put a value, given as text, at a path; it is read as YAML where it is a list, a number or a truth value."""
        if not isinstance(self.root, yaml.MappingNode):
            return
        mapping, mark = self.root, self.root.start_mark
        for key in path[:-1]:
            inner = _entry(mapping, key)
            if not isinstance(inner, yaml.MappingNode):
                inner = yaml.MappingNode("tag:yaml.org,2002:map", [], mark, mark)
                _replace(mapping, key, inner)
            mapping = inner
        try:
            value = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError:
            value = None
        if value is None or isinstance(value, yaml.MappingNode):
            value = yaml.ScalarNode("tag:yaml.org,2002:str", text)
        value.start_mark = value.end_mark = mark
        _replace(mapping, path[-1], value)

    def into(self, wanted: type[T], node: yaml.Node | None = None, *, where: str = "") -> T | None:
        """Build a value of a msgspec Struct, or of any type its fields may have; None when there was a problem."""
        node = node or self.root
        if node is None:
            return None
        before = len(self.problems)
        value = self._value(wanted, node, where)
        return value if len(self.problems) == before else None

    def entries(self, node: yaml.Node, *, where: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """Yield key, key node and value node of a mapping; anything else, and each repeated key, is a problem."""
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, f"{where or 'the file'} must hold keys with values, not {_kind(node)}")
            return
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                shown = key.value if isinstance(key, yaml.ScalarNode) else "?"
                self.wrong(key, f"{_under(where, str(shown))}: a key must be plain text; put it in quotes or remove it")
            elif key.value in seen:
                self.wrong(key, f"{_under(where, key.value)} stands here a second time; keep one of them")
            else:
                seen.add(key.value)
                yield key.value, key, value

    def _value(self, wanted: Any, node: yaml.Node, where: str) -> Any:
        origin, arguments = get_origin(wanted), get_args(wanted)
        if origin in (Union, types.UnionType) and type(None) in arguments:
            if _is_null(node):
                return None
            rest = tuple(one for one in arguments if one is not type(None))
            return self._value(rest[0] if len(rest) == 1 else Union[rest], node, where)  # noqa: UP007  (a union of types known only now)
        if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
            return self._struct(wanted, node, where)
        if origin is tuple:
            return self._sequence(arguments[0], node, where)
        if origin is dict:
            entries = self.entries(node, where=where)
            return {key: self._value(arguments[1], value, _under(where, key)) for key, _, value in entries}
        return self._scalar(wanted, node, where)

    def _struct(self, wanted: type[msgspec.Struct], node: yaml.Node, where: str) -> Any:
        before = len(self.problems)
        fields = {field.encode_name: field for field in msgspec.structs.fields(wanted)}
        values: dict[str, Any] = {}
        for key, key_node, value in self.entries(node, where=where):
            field = fields.get(key)
            if field is None:
                self.wrong(key_node, f"{_under(where, key)} is not known here; {_suggestion(key, list(fields))}")
            else:
                values[field.name] = self._value(field.type, value, _under(where, key))
        for name, field in fields.items():
            if field.required and field.name not in values:
                self.wrong(node, f"{_under(where, name)} is missing")
        if len(self.problems) != before:
            return None
        try:
            return wanted(**values)
        except ValueError as error:
            self.wrong(node, f"{where}: {error}" if where else str(error))
            return None

    def _sequence(self, wanted: Any, node: yaml.Node, where: str) -> Any:
        if not isinstance(node, yaml.SequenceNode):
            self.wrong(node, f"{where} must be a list; write it as [a, b] or with a dash before each")
            return ()
        return tuple(self._value(wanted, one, f"{where}[{index}]") for index, one in enumerate(node.value, start=1))

    def _scalar(self, wanted: Any, node: yaml.Node, where: str) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            self.wrong(node, f"{where} must be a single value, not {_kind(node)}")
            return None
        try:
            value = yaml.SafeLoader("").construct_object(node) if _constructs(node) else None
        except ValueError:
            self.wrong(node, f"{where}: {node.value!r} is no possible date or number")
            return None
        if wanted is str and not isinstance(value, str):
            # 0201310765 would become another number, `no` would become False: what is meant as text stands in quotes.
            self.wrong(node, f'{where}: {node.value} is not read as text; write "{node.value}" in quotes')
            return None
        try:
            return msgspec.convert(value, wanted, strict=True)
        except msgspec.ValidationError as error:
            self.wrong(node, f"{where}: {_remedy(str(error), node.value, wanted)}")
            return None


def _entry(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _replace(mapping: yaml.MappingNode, key: str, value: yaml.Node) -> None:
    name = yaml.ScalarNode("tag:yaml.org,2002:str", key, mapping.start_mark, mapping.end_mark)
    mapping.value = [*((one, other) for one, other in mapping.value if one.value != key), (name, value)]


def _constructs(node: yaml.ScalarNode) -> bool:
    return node.tag in {f"tag:yaml.org,2002:{one}" for one in ("str", "int", "float", "bool", "null", "timestamp")}


def _remedy(error: str, shown: str, wanted: Any) -> str:
    options = [
        str(getattr(one, "value", one)) for one in (get_args(wanted) or getattr(wanted, "__members__", {}).values())
    ]
    if options:
        return f"{shown!r} is none of {', '.join(options)}"
    return f"{shown!r} does not fit: {error[0].lower()}{error[1:]}"


def _suggestion(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"


def _under(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _kind(node: yaml.Node) -> str:
    match node:
        case yaml.MappingNode():
            return "keys with values"
        case yaml.SequenceNode():
            return "a list"
        case _:
            return f"{node.value!r}"


def _count(root: yaml.Node) -> int:
    """Count the values as they would be once all aliases are unfolded, stopping beyond the limit (an alias bomb)."""
    total, waiting = 0, [root]
    while waiting and total <= MAX_NODES:
        node = waiting.pop()
        total += 1
        if isinstance(node, yaml.MappingNode):
            waiting.extend(part for pair in node.value for part in pair)
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)
    return total
