"""Reads `names.yaml`: the parts from which names of people and enterprises are combined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mock_idp.strict_yaml import Fields, read_yaml

_FILE = Path(__file__).parent / "names.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """`given` is by sex, as the national number tells it (see `numbers.sex_of`)."""

    given: Mapping[str, tuple[str, ...]]
    families: tuple[str, ...]
    trades: tuple[str, ...]
    places: tuple[str, ...]
    forms: tuple[str, ...]


def read_names() -> Names:
    fields = Fields(read_yaml(_FILE))
    names = Names(
        given={"V": fields.texts("women"), "M": fields.texts("men")},
        families=fields.texts("families"),
        trades=fields.texts("trades"),
        places=fields.texts("places"),
        forms=fields.texts("forms"),
    )
    fields.finish()
    return names
