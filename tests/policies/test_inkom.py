"""The shipped policy: it holds, it is for the shipped applications, and its tests show every cause that it can give."""

from datetime import timedelta
from pathlib import Path

import pytest

from broker.adapters.policy_files import PolicyFile, gather, load
from broker.domain.cases import misses_of, noon
from broker.domain.decide import Cause, decide
from broker.domain.people import SignInMethod
from broker.domain.policy import HoldsRight

FILE = Path(__file__).parents[2] / "policies" / "inkom.yaml"
APPLICATIONS = ("kmo-portefeuille", "ecologiepremie-plus", "coronamaatregelen")


@pytest.fixture(scope="module")
def inkom() -> PolicyFile:
    """The shipped file."""
    (file,), problems = gather(FILE, applications=APPLICATIONS)
    assert problems == ()
    return file


def test_the_folder_loads_for_the_three_applications() -> None:
    (policy,) = load(FILE.parent, applications=APPLICATIONS)
    assert policy.id == "inkom"


def test_every_test_in_the_file_passes(inkom: PolicyFile) -> None:
    assert [result.verdict.case.name for result in inkom.results if not result.verdict.passed] == []


def test_every_cause_that_the_policy_can_give_is_shown_and_expected_by_some_test(inkom: PolicyFile) -> None:
    clauses = [(clause.id, clause.condition) for clause in inkom.policy.require]
    clauses += [(clause.id, clause.condition) for clause in inkom.policy.allow]
    possible = {(clause, cause) for clause, condition in clauses for cause in misses_of(condition)}
    shown: set[tuple[str, Cause]] = set()
    for result in inkom.results:
        settled = result.verdict.decision.settled_by
        shown.add((settled.clause, settled.finding.cause))
        shown.update(result.verdict.case.expected.steps)
    assert possible - shown == set()
    assert {clause for clause, _ in clauses} <= {clause for clause, _ in shown}


def test_every_method_of_the_guide_is_accepted(inkom: PolicyFile) -> None:
    used = {result.verdict.case.facts.method for result in inkom.results if result.verdict.decision.allowed}
    assert used == set(SignInMethod) - {SignInMethod.CLIENT_CREDENTIALS}


def test_a_day_decides_nothing_where_a_case_names_none(inkom: PolicyFile) -> None:
    undated = [result.verdict for result in inkom.results if result.verdict.case.day.year == 2000]
    assert undated
    for verdict in undated:
        for days in (-10000, 10000):
            day = verdict.case.day + timedelta(days=days)
            other = decide(inkom.policy, application=APPLICATIONS[0], facts=verdict.case.facts, day=day, now=noon(day))
            assert (other.allowed, other.reason) == (verdict.decision.allowed, verdict.decision.reason)


def test_removing_any_test_that_alone_shows_a_clause_is_noticed(tmp_path: Path, inkom: PolicyFile) -> None:
    text = FILE.read_text()
    unregistered = text[: text.index("  - name: A sign-in by an unknown method")]
    path = tmp_path / "inkom.yaml"
    path.write_text(unregistered)
    _, problems = gather(path)
    assert [problem.message.partition(";")[0] for problem in problems] == [
        "require[1]: no test shows what sign-in-method does",
        "require[2]: no test shows what organisation-active does",
    ]


def test_without_the_predecessor_the_older_name_no_longer_opens(tmp_path: Path) -> None:
    text = FILE.read_text()
    line = "      predecessors: [VLAIO Inkom Gebruiker]\n"
    assert line in text
    path = tmp_path / "inkom.yaml"
    path.write_text(text.replace(line, ""))
    (file,), _ = gather(path)
    assert isinstance(file.policy.allow[1].condition, HoldsRight)
    assert [result.verdict.case.name for result in file.results if not result.verdict.passed] == [
        "The older name of the right still counts"
    ]
