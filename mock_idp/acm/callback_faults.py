"""Faults of the authorization response: what the browser carries back to the relying party."""

from __future__ import annotations

from collections.abc import Callable

from mock_idp.faults import Fault, Stage

Parameters = list[tuple[str, str]]


def change(name: str, parameters: Parameters) -> Parameters:
    return _changes()[name](parameters)


def _changes() -> dict[str, Callable[[Parameters], Parameters]]:
    return {}


def catalogue() -> tuple[Fault, ...]:
    return ()


def _unused() -> Stage:
    return Stage.CALLBACK
