"""The `repeated_enterprises` of `world.yaml`: many enterprises from one entry, the same ones at every load.

For a list that is long enough to need a search field. Names are combined from two lists of words, numbers count up.
"""

from __future__ import annotations

from dataclasses import dataclass

from mock_idp.numbers import enterprise_number, is_never_issued
from mock_idp.strict_yaml import Fields, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedEnterprise:
    key: str
    number: str
    name: str
    address: str
    began_on: Place | None
    place: Place
    function: Place | None
    relation: Place | None
    relation_person: Place | None


def read_repeats(entries: tuple[Place, ...]) -> tuple[RepeatedEnterprise, ...]:
    return tuple(repeated for entry in entries for repeated in _repeat(entry))


def _repeat(entry: Place) -> tuple[RepeatedEnterprise, ...]:
    fields = Fields(entry)
    key = fields.text("key")
    first = fields.required("first_eight_digits")
    front, back = fields.texts("name_begins"), fields.texts("name_ends")
    address, began_on = fields.text_or("address", ""), fields.optional("began_on")
    function = fields.optional("function")
    relation, relation_person = fields.optional("relation"), fields.optional("relation_of")
    fields.finish()
    if "{n}" not in key:
        raise entry.problem("'key' needs {n}, the place where the count goes")
    if not first.text().isdigit() or len(first.text()) != 8 or not is_never_issued(first.text()):
        raise first.problem("eight digits that begin with 1999 are needed; the check digits are added")
    names = [f"{begin} {end}" for begin in front for end in back]
    return tuple(
        RepeatedEnterprise(
            key=key.replace("{n}", str(n)),
            number=enterprise_number(int(first.text()) + n),
            name=name,
            address=address.replace("{n}", str(n)),
            began_on=began_on,
            place=entry,
            function=function,
            relation=relation,
            relation_person=relation_person,
        )
        for n, name in enumerate(names, start=1)
    )
