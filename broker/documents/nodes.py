"""The nodes of parsed YAML: finding, counting, replacing and naming them. They keep the place they had in the file."""

from __future__ import annotations

import re

import yaml

MAX_NODES = 250_000  # ten thousand applications with room to spare


def steps(path: str) -> list[str | int]:
    return [int(index) if index else key for key, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path)]


def entry(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node | None, yaml.Node | None]:
    """Return where an entry of a mapping or a list (counted from 1) stands, and its value."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == step), (None, None))
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and 0 < step <= len(node.value):
        return node.value[step - 1], node.value[step - 1]
    return None, None


def replace(mapping: yaml.MappingNode, key: str, value: yaml.Node) -> None:
    name = yaml.ScalarNode("tag:yaml.org,2002:str", key, mapping.start_mark, mapping.end_mark)
    mapping.value = [*((one, other) for one, other in mapping.value if one.value != key), (name, value)]


def scalar_or_list(value: str | list[str], mark: yaml.Mark, *, as_text: bool) -> yaml.Node:
    if isinstance(value, list):
        inner = [scalar_or_list(one, mark, as_text=True) for one in value]
        return yaml.SequenceNode("tag:yaml.org,2002:seq", inner, mark, mark)
    try:
        node = None if as_text else yaml.compose(value, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        node = None
    tag = node.tag if isinstance(node, yaml.ScalarNode) else "tag:yaml.org,2002:str"
    return yaml.ScalarNode(tag, value, mark, mark)


def constructs(node: yaml.ScalarNode) -> bool:
    return node.tag in {f"tag:yaml.org,2002:{one}" for one in ("str", "int", "float", "bool", "timestamp")}


def is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def kind_of(node: yaml.Node) -> str:
    match node:
        case yaml.MappingNode():
            return "keys with values"
        case yaml.SequenceNode():
            return "a list"
        case _:
            return f"{node.value!r}"


def count(root: yaml.Node) -> int:
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
