"""The facts of a written case (`given:`) as domain values: numbers checked, defaults filled in.

Used for the tests in policy files and for `inkom policy explain --given`. Judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

from broker.adapters.durations import HOW, length_of
from broker.adapters.policy_form import (
    FunctionForm,
    GivenForm,
    GivenRightForm,
    QuestionForm,
    RelationForm,
    SpanForm,
    Texts,
)
from broker.config import ConfigurationInvalid
from broker.documents import Document
from broker.domain.cases import noon
from broker.domain.numbers import EnterpriseNumber, InvalidNumberError
from broker.domain.people import (
    REPRESENTING_FUNCTIONS,
    Assurance,
    Facts,
    KboFunction,
    RelationStatus,
    SignInMethod,
    UserRight,
    WorkingRelation,
)
from broker.domain.validity import Period

DIRECTOR = "10002"  # the function that `legal_representative: true` stands for


def read_question(
    path: Path, *, organisation: EnterpriseNumber | None, today: date, at: date | None = None
) -> tuple[Facts, date]:
    """Read the facts and the day from a file that holds a whole case, or its `given` alone.

    The day is `at`, else the file's, else today. When an `organisation` is passed in, it is the one decided for; the
    file's rights and functions stay where they are. Raises ConfigurationInvalid.
    """
    document = Document.read(path)
    if "given" in document.keys(()):
        question = document.into(QuestionForm)
        given, day, where = (question.given, question.day, "given") if question else (None, None, "given")
    else:
        given, day, where = document.into(GivenForm), None, ""
    day = at or day or today
    facts = given_facts(document, given, where=where, now=noon(day), organisation=organisation) if given else None
    if facts is None:
        raise ConfigurationInvalid(document.problems)
    return replace(facts, organisation=organisation or facts.organisation), day


def given_facts(
    document: Document,
    given: GivenForm,
    *,
    where: str,
    now: datetime,
    organisation: EnterpriseNumber | None = None,
) -> Facts | None:
    """Return the facts that stand at `where` in a document, or None when a problem was noted there.

    They are facts of the instant `now`. `organisation` serves where the file names none.
    """
    before = len(document.problems)
    own = enterprise_number(document, _under(where, "organisation"), given.organisation) or organisation
    if own is None:
        if given.organisation is None:
            document.wrong_at(where or "organisation", "an organisation is needed, by its number in quotes")
        return None
    relation = _relation(document, given.working_relation, own, where=where)
    functions = tuple(_functions(document, given, own, where=where))
    rights = tuple(_rights(document, given.rights, own, relation, where=where))
    if given.kbo_lists_nobody and any(one.represents and one.organisation == own for one in functions):
        document.wrong_at(_under(where, "kbo_lists_nobody"), "a representing function contradicts this; keep one")
    authenticated_at = _authenticated_at(document, _under(where, "signed_in"), given.signed_in, now)
    if len(document.problems) != before:
        return None
    method = SignInMethod(given.method) if given.method else None
    return Facts(
        organisation=own,
        active=given.active,
        registered=given.registered,
        method=method,
        assurance=Assurance[given.assurance.upper()] if given.assurance else (method.assurance if method else None),
        functions=functions,
        rights=rights,
        administrator=given.administrator,
        has_representative=not given.kbo_lists_nobody,
        authenticated_at=authenticated_at,
    )


def has_dates(given: GivenForm) -> bool:
    """Whether any fact begins or ends on some day, so that the answer depends on the day."""
    relation = (given.working_relation,) if given.working_relation else ()
    spans: tuple[SpanForm, ...] = (*relation, *given.functions, *given.rights)
    return any(span.begins or span.until for span in spans)


def texts(value: Texts) -> tuple[str, ...]:
    """Return one text or several as several."""
    return (value,) if isinstance(value, str) else value


def enterprise_number(document: Document, path: str, text: str | None) -> EnterpriseNumber | None:
    """Return the number that stands at a path; one without quotes is a problem, as YAML may read another in it."""
    if text is None:
        return None
    if not document.quoted(path):
        document.wrong_at(path, f'identity numbers stand in quotes; write "{text}"')
    try:
        return EnterpriseNumber.parse(text)
    except InvalidNumberError as error:
        document.wrong_at(path, f"{error}; look at {text!r} again")
        return None


def _authenticated_at(document: Document, at: str, written: str | None, now: datetime) -> datetime | None:
    """Return when the person signed in: so long before now, just now unless said otherwise."""
    if written == "unknown":
        return None
    ago = timedelta(0) if written is None else length_of(written)
    if ago is None:
        document.wrong_at(at, f"{HOW}: how long ago the person signed in, or `unknown`")
        return None
    return now - ago


def _relation(
    document: Document, form: RelationForm | None, own: EnterpriseNumber, *, where: str
) -> WorkingRelation | None:
    if form is None:
        return None
    period = _period(document, _under(where, "working_relation"), form)
    return WorkingRelation(organisation=own, status=RelationStatus(form.status), period=period)


def _functions(document: Document, given: GivenForm, own: EnterpriseNumber, *, where: str) -> Iterator[KboFunction]:
    if given.legal_representative:
        yield KboFunction(organisation=own, code=DIRECTOR, period=Period(begins=date.min, until=None))
    for index, form in enumerate(given.functions, start=1):
        at = _under(where, f"functions[{index}]")
        if not form.code.isdigit() or len(form.code) > 5:
            known = ", ".join(sorted(REPRESENTING_FUNCTIONS))
            document.wrong_at(f"{at}.code", f"a code has up to five digits; those that represent are {known}")
        organisation = _place(document, at, form, own)
        yield KboFunction(organisation=organisation, code=form.code, period=_period(document, at, form))


def _rights(
    document: Document,
    forms: tuple[GivenRightForm, ...],
    own: EnterpriseNumber,
    relation: WorkingRelation | None,
    *,
    where: str,
) -> Iterator[UserRight]:
    for index, form in enumerate(forms, start=1):
        at = _under(where, f"rights[{index}]")
        organisation = _place(document, at, form, own)
        yield UserRight(
            organisation=organisation,
            name=form.name,
            profiles=texts(form.profile),
            period=_period(document, at, form),
            relation=relation if organisation == own else None,
        )


def _place(document: Document, at: str, form: FunctionForm | GivenRightForm, own: EnterpriseNumber) -> EnterpriseNumber:
    return enterprise_number(document, f"{at}.organisation", form.organisation) or own


def _period(document: Document, at: str, span: SpanForm) -> Period:
    if span.begins and span.until and span.until < span.begins:
        document.wrong_at(f"{at}.until", f"{span.until} lies before its beginning, {span.begins}")
    return Period(begins=span.begins or date.min, until=span.until)


def _under(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
