"""XML from outside, as a small tree: elements, attributes and text, and nothing else that XML can do.

A document type declaration is refused, and with it every entity (billion laughs, files of ours, addresses to fetch), as
are bytes that are no UTF-8 and anything too long, too deep or of too many elements. No message repeats what was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from broker.adapters.wire import NotUnderstood

_LONGEST = 1024 * 1024
_DEEPEST = 40
_MOST_ELEMENTS = 50_000
_SEPARATOR = " "  # stands in no namespace and in no name


@dataclass(slots=True)
class Element:
    """One element. `namespace` is empty for a name that is not qualified."""

    namespace: str
    name: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def all(self, name: str, *, namespace: str = "") -> Iterator[Element]:
        """Yield the children of that name."""
        return (one for one in self.children if one.name == name and one.namespace == namespace)

    def only(self, name: str, *, namespace: str = "") -> Element | None:
        """Return the child of that name, or None. Raises NotUnderstood when there are several."""
        found = list(self.all(name, namespace=namespace))
        if len(found) > 1:
            raise NotUnderstood(f"{name} stands there more than once")
        return found[0] if found else None

    def needed(self, name: str, *, namespace: str = "") -> Element:
        """Return the child of that name. Raises NotUnderstood."""
        found = self.only(name, namespace=namespace)
        if found is None:
            raise NotUnderstood(f"{name} is missing")
        return found

    def text(self, *path: str) -> str | None:
        """Return the text at the end of a path, or None for what is absent or blank. Raises NotUnderstood."""
        at: Element | None = self
        for name in path:
            at = None if at is None else at.only(name)
        if at is None:
            return None
        if at.children:
            raise NotUnderstood(f"{at.name} holds elements in the place of a text")
        return "".join(at.texts).strip() or None


def read_markup(document: bytes) -> Element:
    """Return the outermost element of a document. Raises NotUnderstood."""
    if len(document) > _LONGEST:
        raise NotUnderstood("too long")
    tree = _Tree()
    # UTF-8 whatever the document declares: with two encodings, the same bytes could be read in two ways.
    parser = expat.ParserCreate(encoding="utf-8", namespace_separator=_SEPARATOR)
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_declaration
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.characters
    try:
        parser.Parse(document.decode("utf-8").encode(), True)
    except (expat.ExpatError, UnicodeDecodeError):
        raise NotUnderstood("no well-formed XML in UTF-8") from None
    if tree.root is None:
        raise NotUnderstood("no well-formed XML in UTF-8")
    return tree.root


class _Tree:
    """Grows as the parser goes, within bounds."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > _MOST_ELEMENTS or len(self._open) >= _DEEPEST:
            raise NotUnderstood("too many elements, or too deep")
        namespace, _, local = name.rpartition(_SEPARATOR)
        element = Element(namespace, local, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, _: str) -> None:
        self._open.pop()

    def characters(self, text: str) -> None:
        self._open[-1].texts.append(text)


def _refuse_declaration(*_: object) -> NoReturn:
    raise NotUnderstood("a document type declaration, which is refused")
