"""Reads what was typed about a working relation, for linking and for changing: every problem of the form at once."""

from __future__ import annotations

from collections.abc import Mapping

from mock_idp.idm import relations, rules
from mock_idp.idm.relations import RelationForm
from mock_idp.idm.rules import Problem, RuleBrokenError


def read_relation(fields: Mapping[str, str]) -> RelationForm:
    """Raises RuleBrokenError for days that are none, together with what is wrong beside them."""
    unreadable: list[Problem] = []
    days = {}
    for name in ("first", "last"):
        try:
            days[name] = rules.read_day(name, fields.get(name, ""))
        except RuleBrokenError as broken:
            unreadable += broken.problems
    category, phone, email = (fields.get(name, "") for name in ("category", "phone", "email"))
    if unreadable:
        beside = relations.contact_problems(category, phone, email, fields.get("reason", ""))
        raise RuleBrokenError(*unreadable, *beside)
    return RelationForm(category=category, first=days["first"], last=days["last"], phone=phone, email=email)
