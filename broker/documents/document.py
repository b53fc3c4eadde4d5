"""Strict reading of YAML documents: typed values out, and every problem at once with file, line and remedy.

Both the configuration and the policy files go through here; it is the only place that parses YAML. It resolves no tags
but the plain ones, and refuses what surprises people: duplicate keys, merge keys, numbers that lost a leading zero.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec
import yaml

from broker.documents.nodes import MAX_NODES, constructs, count, entry, is_null, kind_of, replace, scalar_or_list, steps

MAX_SIZE = 5_000_000  # bytes; ten thousand applications with room to spare

T = TypeVar("T")
_LARGE = 32  # entries


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
    """One parsed file, and the problems found in it so far. `digest` is the SHA-256 of its bytes, in hex."""

    def __init__(self, *, file: str, root: yaml.Node | None, problems: list[Problem]) -> None:
        self.file = file
        self.root = root
        self.problems = problems
        self.digest = ""
        self._large: dict[int, dict[str | int, tuple[yaml.Node, yaml.Node]]] = {}  # large mappings, by identity

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
        document = cls.parse(text, file=file)
        document.digest = hashlib.sha256(content).hexdigest()
        return document

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
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            return cls._unreadable(file, "holds a character that YAML does not allow", line=line)
        except RecursionError:
            return cls._unreadable(file, "is nested too deeply")
        if not documents:
            return cls._unreadable(file, "is empty")
        if len(documents) > 1:
            line = documents[1].start_mark.line + 1
            return cls._unreadable(
                file, "holds more than one document; this begins another, so remove the line --- above", line=line
            )
        if count(documents[0]) > MAX_NODES:
            return cls._unreadable(file, f"holds more than {MAX_NODES} values, aliases unfolded")
        document.root = documents[0]
        return document

    @classmethod
    def _unreadable(cls, file: str, why: str, *, line: int = 1) -> Document:
        return cls(file=file, root=None, problems=[Problem(file=file, line=line, message=f"the file {why}")])

    def wrong(self, node: yaml.Node | None, message: str) -> None:
        """Note a problem at a place in the file."""
        self._note(node.start_mark.line + 1 if node is not None else 1, message)

    def wrong_at(self, path: str, message: str) -> None:
        """Note a problem at a path such as `tests[2].given`, or at the nearest place above it that is in the file."""
        self._note(self.line(path), f"{path}: {message}")

    def _note(self, line: int, message: str) -> None:
        problem = Problem(file=self.file, line=line, message=message)
        if problem not in self.problems:
            self.problems.append(problem)

    def _entry(self, node: yaml.Node | None, step: str | int) -> tuple[yaml.Node | None, yaml.Node | None]:
        """Return what `entry` does, without looking through all of a large mapping (ten thousand applications)."""
        if not isinstance(node, yaml.MappingNode) or len(node.value) < _LARGE:
            return entry(node, step)
        known = self._large.get(id(node))
        if known is None:
            known = self._large[id(node)] = {
                key.value: (key, value) for key, value in reversed(node.value) if isinstance(key, yaml.ScalarNode)
            }
        return known.get(step, (None, None))

    def line(self, path: str) -> int:
        """Return the line of the key or the list entry at a path, or of the nearest place above it."""
        place = node = self.root
        for step in steps(path):
            key, node = self._entry(node, step)
            if key is None:
                break
            place = key
        return place.start_mark.line + 1 if place is not None else 1

    def quoted(self, path: str) -> bool:
        """Whether the value at a path stands in quotes."""
        node = self.root
        for step in steps(path):
            _, node = self._entry(node, step)
        return isinstance(node, yaml.ScalarNode) and node.style in {"'", '"'}

    def text(self, path: tuple[str | int, ...]) -> str | None:
        """Return the text at a path (lists count from 1); None where there is none, or something else than text."""
        node = self.root
        for key in path:
            _, node = self._entry(node, key)
        is_text = isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:str"
        return str(node.value) if node is not None and is_text else None

    def keys(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """Return the keys of the mapping at a path; none where there is no mapping."""
        node = self.root
        for key in path:
            _, node = self._entry(node, key)
        return tuple(str(key.value) for key, _ in node.value) if isinstance(node, yaml.MappingNode) else ()

    def length(self, path: tuple[str, ...]) -> int:
        """Return how many entries the list at a path has; none where there is no list."""
        node = self.root
        for key in path:
            _, node = self._entry(node, key)
        return len(node.value) if isinstance(node, yaml.SequenceNode) else 0

    def put(self, path: tuple[str, ...], value: str | list[str], *, as_text: bool) -> None:
        """Put a value at a path: a list of texts, a text, or what YAML reads in the text (a number, a truth value)."""
        if not isinstance(self.root, yaml.MappingNode):
            return
        mapping, mark = self.root, self.root.start_mark
        for key in path[:-1]:
            _, inner = self._entry(mapping, key)
            if not isinstance(inner, yaml.MappingNode):
                inner = yaml.MappingNode("tag:yaml.org,2002:map", [], mark, mark)
                replace(mapping, key, inner)
            mapping = inner
        replace(mapping, path[-1], scalar_or_list(value, mark, as_text=as_text))
        self._large.clear()

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
            self.wrong(node, f"{where or 'the file'} must hold keys with values, not {kind_of(node)}")
            return
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                shown = _under(where, str(key.value) if isinstance(key, yaml.ScalarNode) else "?")
                if key.tag == "tag:yaml.org,2002:merge":
                    self.wrong(key, f"{shown}: merge keys are refused; write the keys out instead")
                else:
                    self.wrong(key, f"{shown}: a key must be plain text; put it in quotes or remove it")
            elif key.value in seen:
                self.wrong(key, f"{_under(where, key.value)} stands here a second time; keep one of them")
            else:
                seen.add(key.value)
                yield key.value, key, value

    def _value(self, wanted: Any, node: yaml.Node, where: str) -> Any:
        origin, arguments = get_origin(wanted), get_args(wanted)
        if origin in (Union, types.UnionType) and type(None) in arguments:
            if is_null(node):
                return None
            rest = tuple(one for one in arguments if one is not type(None))
            return self._value(rest[0] if len(rest) == 1 else Union[rest], node, where)  # noqa: UP007  (known only now)
        if origin in (Union, types.UnionType):
            lists = [one for one in arguments if get_origin(one) is tuple]
            if lists and isinstance(node, yaml.SequenceNode):
                return self._value(lists[0], node, where)
            return self._scalar(next(one for one in arguments if one not in lists), node, where)
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
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, f"{where or 'the file'} must hold keys with values, not {kind_of(node)}")
            return None
        fields = {field.encode_name: field for field in msgspec.structs.fields(wanted)}
        values: dict[str, Any] = {}
        for key, key_node, value in self.entries(node, where=where):
            field = fields.get(key)
            if field is None:
                self.wrong(key_node, f"{_under(where, key)} is not known here; {suggestion(key, list(fields))}")
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
            self.wrong(node, f"{where} must be a single value, not {kind_of(node)}")
            return None
        if is_null(node):
            self.wrong(node, f"{where} has no value")
            return None
        try:
            value = yaml.SafeLoader("").construct_object(node) if constructs(node) else None
        except (ValueError, KeyError, AttributeError):  # the last two for a tag such as !!bool before another word
            self.wrong(node, f"{where}: {_shown(where, node)!r} is no possible date or number")
            return None
        kind = get_args(wanted)[0] if get_origin(wanted) is Annotated else wanted
        if kind is str and not isinstance(value, str):
            # 0201310765 would become another number, `no` would become False: what is meant as text stands in quotes.
            shown = _shown(where, node)
            self.wrong(node, f'{where}: {shown} is not read as text; write "{shown}" in quotes')
            return None
        try:
            return msgspec.convert(value, wanted, strict=True)
        except msgspec.ValidationError as error:
            self.wrong(node, f"{where}: {_remedy(str(error), _shown(where, node), kind)}")
            return None


def _shown(where: str, node: yaml.ScalarNode) -> str:
    """Return the value as a message may show it: a secret never."""
    return "…" if re.search(r"secrets?\b|token\b", where) else str(node.value)


def _remedy(error: str, shown: str, kind: Any) -> str:
    options = [str(getattr(one, "value", one)) for one in (get_args(kind) or getattr(kind, "__members__", {}).values())]
    if options:
        return f"{shown!r} is none of {', '.join(options)}"
    return f"{shown!r} does not fit: {error[0].lower()}{error[1:]}"


def suggestion(word: str, known: Sequence[str]) -> str:
    """Return what to write instead of an unknown word."""
    begins = [one for one in known if word and one.startswith(word)]
    close = begins[:1] or difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"


def _under(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
