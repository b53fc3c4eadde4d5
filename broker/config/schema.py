"""The JSON Schema of the configuration file, with which editors complete keys and mark mistakes while one types."""

from __future__ import annotations

from inspect import cleandoc
from typing import Any

import msgspec

from broker.config.topics import Settings


def schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12), made from the same types that the file is read into."""
    (top,), definitions = msgspec.json.schema_components([Settings], ref_template="#/$defs/{name}")
    for definition in definitions.values():
        if "description" in definition:
            definition["description"] = cleandoc(definition["description"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of the INKOM gateway",
        **top,
        "$defs": dict(sorted(definitions.items())),
    }
