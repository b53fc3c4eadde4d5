"""Demands on a sign-in in addresses: written when a person is sent away, read when they arrive.

An address may be forged by anybody. What is read here is only ever joined to what the policy asks, which can make a
sign-in stricter and never weaker; whatever is not understood is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from starlette.datastructures import QueryParams

from broker.domain.demand import Demand, Prompt
from broker.domain.people import Assurance
from broker.web.return_to import address_with_return

_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)
_MOST_VALUES = 20


def address_with_demand(page: str, return_to: str, demand: Demand, *, asks_anew: bool = False) -> str:
    """Return the address of a sign-in; one that a person chose themselves `asks_anew`, so that it cannot be silent."""
    prompt = demand.joined(Demand(prompt=(Prompt.LOGIN,))).prompt if asks_anew else demand.prompt
    written = {
        "level": demand.level.word if demand.level else "",
        "max_age": "" if demand.max_age is None else str(demand.max_age),
        "acr_values": " ".join(demand.acr_values),
        "prompt": " ".join(one.value for one in prompt),
    }
    return address_with_return(page, return_to, **{name: value for name, value in written.items() if value})


def demand_in(query: QueryParams, *, acr_values: Collection[str] = ()) -> Demand:
    """Return what an address asks for; of its `acr` values only those that may be asked for."""
    age = query.get("max_age", "")
    asked = query.get("acr_values", "").split(" ")[:_MOST_VALUES]
    prompts = query.get("prompt", "").split(" ")
    return Demand(
        level=next((level for level in Assurance if level.word == query.get("level")), None),
        max_age=int(age) if _SECONDS.fullmatch(age) else None,
        acr_values=tuple(value for value in dict.fromkeys(asked) if value in acr_values),
        prompt=tuple(one for one in Prompt if one.value in prompts),
    )
