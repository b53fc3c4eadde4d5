"""Policies from YAML files: `load` returns them all, or raises with every problem, failed tests included.

The keys are `policy_form.py`'s; here are the rules that span several of them. Operators read about both in
docs/operators/policies.md. The order of clauses in the file is the order in which they are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from broker.adapters.given_facts import given_facts, has_dates
from broker.adapters.policy_clauses import openings, requirements, sign_in
from broker.adapters.policy_form import CaseForm, ClauseForm, PolicyForm
from broker.config import ConfigurationInvalid
from broker.documents import Document, Problem, suggestion
from broker.domain.cases import Case, Expected, Verdict, judge, noon, reasons
from broker.domain.decide import Cause
from broker.domain.explain import because
from broker.domain.policy import Policy

# A case without `date` holds no dates either, so that which day this is makes no difference.
ANY_DAY = date(2000, 1, 1)
_WORD = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one test of a file came to, and the line it stands on."""

    line: int
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile:
    """One file that is in order, save perhaps for tests that fail."""

    file: str
    policy: Policy
    results: tuple[Result, ...]


def load(path: Path, *, applications: Collection[str] | None = None) -> tuple[Policy, ...]:
    """Return the policies of a folder, or of one file. Raises ConfigurationInvalid with every problem.

    With `applications`, each of these must have exactly one policy, and no policy may name another.
    """
    files, problems = gather(path, applications=applications)
    problems = (*problems, *failures(files))
    if problems:
        raise ConfigurationInvalid(list(problems))
    return tuple(file.policy for file in files)


def gather(
    path: Path, *, applications: Collection[str] | None = None
) -> tuple[tuple[PolicyFile, ...], tuple[Problem, ...]]:
    """Return the files that are in order with the results of their tests, and the problems of all files."""
    documents = [Document.read(file) for file in _files(path)]
    found = [(document, file) for document in documents if (file := _read(document)) is not None]
    _check_applications([(document, file.policy) for document, file in found], applications)
    problems = [problem for document in documents for problem in document.problems]
    if not documents:
        problems.append(Problem(file=str(path), line=1, message="no policy file (*.yaml) is here"))
    elif applications is not None and not problems:
        governed = {name for _, file in found for name in file.policy.applications}
        problems.extend(_ungoverned(name, path) for name in applications if name not in governed)
    return tuple(file for _, file in found), tuple(problems)


def failures(files: Collection[PolicyFile]) -> tuple[Problem, ...]:
    """Return a problem for each test that failed: expected against got, and every step."""
    return tuple(
        Problem(file=file.file, line=result.line, message=_failure(result.verdict))
        for file in files
        for result in file.results
        if not result.verdict.passed
    )


def _failure(verdict: Verdict) -> str:
    steps = [
        f"    {'holds' if step.finding.holds else 'fails'}  {step.clause}: {because(step, verdict.case.facts)}"
        for step in verdict.decision.steps
    ]
    head = f"the test {verdict.case.name!r} fails on {verdict.case.day}"
    return "\n".join([head, *(f"    {one}" for one in verdict.differences), *steps])


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix in {".yaml", ".yml"} and file.name[0] != ".")


def _ungoverned(name: str, path: Path) -> Problem:
    message = f"the application {name} has no policy; name it under `applications` of one file"
    return Problem(file=str(path), line=1, message=message)


def _read(document: Document) -> PolicyFile | None:
    form = document.into(PolicyForm)
    if form is None:
        return None
    _check_names(document, form)
    require = tuple(requirements(document, form.require))
    allow = tuple(openings(document, form.allow))
    asked = sign_in(document, form.sign_in)
    if document.problems:
        return None
    policy = Policy(
        id=form.policy,
        version=document.digest[:12],
        title=(("nl", form.title.nl), ("en", form.title.en)),
        applications=form.applications,
        require=require,
        allow=allow,
        sign_in=asked,
    )
    cases = [_case(document, policy, f"tests[{index}]", test) for index, test in enumerate(form.tests, start=1)]
    _check_every_clause_is_tested(document, form)
    if document.problems:
        return None
    results = tuple(
        Result(line=document.line(f"tests[{index}]"), verdict=judge(policy, case))
        for index, case in enumerate(cases, start=1)
        if case is not None
    )
    return PolicyFile(file=document.file, policy=policy, results=results)


def _check_names(document: Document, form: PolicyForm) -> None:
    clauses = [(f"{part}[{index}].id", clause.id) for part, index, clause in _clauses(form)]
    applications = [(f"applications[{index}]", name) for index, name in enumerate(form.applications, start=1)]
    for at, name in [("policy", form.policy), *applications, *clauses]:
        if _WORD.fullmatch(name) is None:
            document.wrong_at(at, f"{name!r} must be lower-case words with hyphens between, such as inkom-user")
    words = {cause.value for cause in Cause}
    for at, name in clauses:
        if name in words:
            document.wrong_at(at, f"{name} is the word of a cause; a reason could mean either, so choose another id")
    tests = [(f"tests[{index}].name", test.name) for index, test in enumerate(form.tests, start=1)]
    for named in (clauses, applications, tests):
        seen: set[str] = set()
        for at, name in named:
            if name in seen:
                document.wrong_at(at, f"{name!r} stands here a second time; each needs a name of its own")
            seen.add(name)
    for part in ("applications", "allow"):
        if not getattr(form, part):
            document.wrong_at(part, "must not be empty: without it the policy could let nobody in")


def _clauses(form: PolicyForm) -> Iterator[tuple[str, int, ClauseForm]]:
    for part, clauses in (("require", form.require), ("allow", form.allow)):
        for index, clause in enumerate(clauses, start=1):
            yield part, index, clause


def _case(document: Document, policy: Policy, at: str, form: CaseForm) -> Case | None:
    if form.day is None and has_dates(form.given):
        document.wrong_at(at, f"{form.name!r} speaks of dates, so it needs a `date` on which it is judged")
    day = form.day or ANY_DAY
    facts = given_facts(document, form.given, where=f"{at}.given", now=noon(day))
    known = reasons(policy, allowed=form.expect.allowed)
    if form.expect.reason not in known:
        verb = "allows" if form.expect.allowed else "refuses"
        message = f"the policy never {verb} for {form.expect.reason!r}; {suggestion(form.expect.reason, known)}"
        document.wrong_at(f"{at}.expect.reason", message)
    clauses = [clause.id for clause in policy.require] + [clause.id for clause in policy.allow]
    for clause in form.expect.steps:
        if clause not in clauses:
            document.wrong_at(
                f"{at}.expect.steps.{clause}", f"is no clause of this policy; {suggestion(clause, clauses)}"
            )
    if facts is None:
        return None
    expected = Expected(
        allowed=form.expect.allowed,
        reason=form.expect.reason,
        cause=form.expect.cause,
        steps=tuple(form.expect.steps.items()),
    )
    return Case(name=form.name, day=day, facts=facts, expected=expected)


def _check_every_clause_is_tested(document: Document, form: PolicyForm) -> None:
    shown = {(test.expect.allowed, test.expect.reason) for test in form.tests}
    for part, index, clause in _clauses(form):
        opens = part == "allow"
        if (opens, clause.id) not in shown:
            case = f"expect: {{allowed: {str(opens).lower()}, reason: {clause.id}}}"
            document.wrong_at(f"{part}[{index}]", f"no test shows what {clause.id} does; add one with {case}")


def _check_applications(found: list[tuple[Document, Policy]], applications: Collection[str] | None) -> None:
    taken: dict[tuple[str, str], str] = {}
    for document, policy in found:
        claims = [("policy", "policy", policy.id)]
        claims += [("application", f"applications[{i}]", name) for i, name in enumerate(policy.applications, start=1)]
        for kind, at, name in claims:
            if (kind, name) in taken:
                document.wrong_at(at, f"the {kind} {name} has a policy already, in {taken[kind, name]}; keep one")
            elif kind == "application" and applications is not None and name not in applications:
                document.wrong_at(at, f"{name} is no application; {suggestion(name, sorted(applications))}")
            taken.setdefault((kind, name), document.file)
