"""The form of a policy file as typed structures: which keys there are, and of what type each value is.

What the values mean, and the rules that span several keys, stand in `policy_files.py`; the form is described for
operators in docs/operators/policies.md.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec

from broker.domain.decide import Cause

Text = Annotated[str, msgspec.Meta(min_length=1)]
Texts = str | tuple[str, ...]
MethodWord = Literal["eid", "itsme", "federal-token", "app", "sms", "client-credentials"]
LevelWord = Literal["low", "substantial", "high"]
PromptWord = Literal["login", "consent", "select_account"]
Length = Text
StatusWord = Literal["active", "paused", "pending"]


class TitleForm(msgspec.Struct, frozen=True, kw_only=True):
    """The title in both languages of the pages."""

    nl: Text
    en: Text


class OrganisationForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the organisation must be."""

    active: bool | None = None
    registered: bool | None = None


class RightForm(msgspec.Struct, frozen=True, kw_only=True):
    """Which right the person must hold."""

    name: Text
    profile: Texts
    predecessors: Texts = ()


class ClauseForm(msgspec.Struct, frozen=True, kw_only=True):
    """One clause: its id and exactly one of the conditions."""

    id: Text
    method: tuple[MethodWord, ...] | None = None
    assurance: LevelWord | None = None
    signed_in_within: Length | None = None
    organisation: OrganisationForm | None = None
    legal_representative: bool | None = None
    right: RightForm | None = None


class SignInForm(msgspec.Struct, frozen=True, kw_only=True):
    """How the provider is asked to sign people in."""

    prompt: PromptWord | tuple[PromptWord, ...] = ()
    acr_values: Texts = ()
    max_age: Length | None = None


class SpanForm(msgspec.Struct, frozen=True, kw_only=True):
    """The days on which something holds, both included; a side left out is open."""

    begins: date | None = msgspec.field(name="from", default=None)
    until: date | None = None


class FunctionForm(SpanForm, frozen=True, kw_only=True):
    """A function in KBO, of the case's organisation unless another is named."""

    code: Text
    organisation: str | None = None


class RelationForm(SpanForm, frozen=True, kw_only=True):
    """The working relation with the case's organisation."""

    status: StatusWord = "active"


class GivenRightForm(SpanForm, frozen=True, kw_only=True):
    """A right, in the case's organisation unless another is named."""

    name: Text
    profile: Texts = ()
    organisation: str | None = None


class GivenForm(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of a case."""

    organisation: str | None = None
    method: MethodWord | None = None
    assurance: LevelWord | None = None
    signed_in: Length | None = None
    active: bool = True
    registered: bool = True
    legal_representative: bool = False
    functions: tuple[FunctionForm, ...] = ()
    kbo_lists_nobody: bool = False
    working_relation: RelationForm | None = None
    rights: tuple[GivenRightForm, ...] = ()
    administrator: bool = False


class ExpectForm(msgspec.Struct, frozen=True, kw_only=True):
    """The answer that a case must get."""

    allowed: bool
    reason: Text
    cause: Cause | None = None
    steps: dict[str, Cause] = {}


class CaseForm(msgspec.Struct, frozen=True, kw_only=True):
    """One test."""

    name: Text
    day: date | None = msgspec.field(name="date", default=None)
    given: GivenForm
    expect: ExpectForm


class QuestionForm(msgspec.Struct, frozen=True, kw_only=True):
    """A case as `inkom policy explain --given` reads it: name and expected answer may be absent, and are not judged."""

    name: str | None = None
    day: date | None = msgspec.field(name="date", default=None)
    given: GivenForm
    expect: ExpectForm | None = None


class PolicyForm(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file."""

    policy: Text
    title: TitleForm
    source: str | None = None
    sign_in: SignInForm | None = None
    applications: tuple[Text, ...]
    require: tuple[ClauseForm, ...] = ()
    allow: tuple[ClauseForm, ...]
    tests: tuple[CaseForm, ...]
