"""Policy files: a good one is loaded, a bad one is told with every problem, and nothing in between."""

from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.adapters.given_facts import read_question
from broker.adapters.policy_files import failures, gather, load
from broker.config import ConfigurationInvalid
from broker.domain.demand import Demand, Prompt
from broker.domain.numbers import EnterpriseNumber
from broker.domain.people import Assurance, RelationStatus, SignInMethod
from broker.domain.policy import (
    AssuranceAtLeast,
    HoldsRight,
    IsLegalRepresentative,
    MethodIsOneOf,
    OrganisationIs,
    SignedInWithin,
)

ENTERPRISE, OTHER = EnterpriseNumber("1999999943"), EnterpriseNumber("1999999844")

GOOD = """\
policy: inkom
title: {nl: Toegang, en: Access}
applications: [kmo-portefeuille, ecologiepremie-plus]
require:
  - id: active
    organisation: {active: true, registered: true}
allow:
  - id: representative
    legal_representative: true
  - id: user
    right: {name: Gebruiker Nieuw, predecessors: [Gebruiker Oud], profile: [Gebruiker]}
tests:
  - name: A representative
    given: &someone {method: eid, organisation: "1999.999.943", legal_representative: true}
    expect: {allowed: true, reason: representative}
  - name: A user
    date: 2022-06-26
    given:
      organisation: "1999.999.943"
      working_relation: {from: 2018-06-26, until: 2028-06-26}
      rights: [{name: Gebruiker Nieuw, profile: Gebruiker, from: 2018-06-26, until: 2022-06-26}]
    expect: {allowed: true, reason: user}
  - name: Ceased
    given: {method: eid, organisation: "1999.999.943", active: false}
    expect: {allowed: false, reason: active, cause: organisation-ceased}
"""


def written(folder: Path, text: str = GOOD, name: str = "inkom.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def problems(path: Path, applications: tuple[str, ...] | None = None) -> list[tuple[int, str]]:
    with pytest.raises(ConfigurationInvalid) as refused:
        load(path, applications=applications)
    return [(problem.line, problem.message) for problem in refused.value.problems]


def test_a_good_file_becomes_a_policy(tmp_path: Path) -> None:
    (policy,) = load(written(tmp_path), applications=("kmo-portefeuille", "ecologiepremie-plus"))
    assert (policy.id, policy.applications) == ("inkom", ("kmo-portefeuille", "ecologiepremie-plus"))
    assert policy.title == (("nl", "Toegang"), ("en", "Access"))
    assert [clause.id for clause in policy.require] == ["active"]
    assert policy.require[0].condition == OrganisationIs(active=True, registered=True)
    assert policy.allow[0].condition == IsLegalRepresentative()
    assert policy.allow[1].condition == HoldsRight(
        name="Gebruiker Nieuw", predecessors=("Gebruiker Oud",), profiles=("Gebruiker",)
    )


def test_the_version_changes_with_the_file_and_only_with_it(tmp_path: Path) -> None:
    first, again = load(written(tmp_path)), load(written(tmp_path, name="copy.yml"))
    other = load(written(tmp_path, GOOD + "# a remark\n", name="other.yaml"))
    assert first[0].version == again[0].version != other[0].version
    assert len(first[0].version) == 12


def test_every_condition_has_its_form(tmp_path: Path) -> None:
    clauses = """require:
  - id: by
    method: [eid, sms]
  - id: level
    assurance: substantial
  - id: registered
    organisation: {registered: true}
  - id: also
    right: {name: A, profile: B, predecessors: C}
"""
    tests = "".join(
        f"""  - name: {reason}
    given: {{organisation: "1999.999.943", {given_}}}
    expect: {{allowed: false, reason: {reason}}}
"""
        for reason, given_ in (
            ("by", "method: app"),
            ("level", "method: eid, assurance: low"),
            ("registered", "method: eid, registered: false"),
            ("also", "method: eid"),
        )
    )
    before, _, rest = GOOD.partition("require:")
    allow = rest[rest.index("allow:") :].partition("tests:")[0]
    opens = """  - name: representative
    given:
      organisation: "1999.999.943"
      method: eid
      legal_representative: true
      working_relation: {}
      rights: [{name: C, profile: B}]
    expect: {allowed: true, reason: representative}
  - name: user
    given:
      organisation: "1999.999.943"
      method: eid
      working_relation: {}
      rights: [{name: C, profile: B}, {name: Gebruiker Oud, profile: [x, Gebruiker]}]
    expect: {allowed: true, reason: user, steps: {representative: function-missing}}
"""
    (policy,) = load(written(tmp_path, f"{before}{clauses}{allow}tests:\n{tests}{opens}"))
    assert [clause.condition for clause in policy.require] == [
        MethodIsOneOf(methods=frozenset({SignInMethod.EID, SignInMethod.SMS})),
        AssuranceAtLeast(level=Assurance.SUBSTANTIAL),
        OrganisationIs(active=False, registered=True),
        HoldsRight(name="A", predecessors=("C",), profiles=("B",)),
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("policy: inkom", "policy: Inkom", 1, "must be lower-case words with hyphens"),
        ("policy: inkom", "polici: inkom", 1, "did you mean policy?"),
        ("title: {nl: Toegang, en: Access}", "title: {nl: Toegang}", 2, "title.en is missing"),
        ("[kmo-portefeuille, ecologiepremie-plus]", "[]", 3, "must not be empty"),
        ("[kmo-portefeuille, ecologiepremie-plus]", "[kmo, kmo]", 3, "'kmo' stands here a second time"),
        ("[kmo-portefeuille, ecologiepremie-plus]", "[no]", 3, 'write "no" in quotes'),
        ("  - id: active\n", "  - id: user\n", 10, "'user' stands here a second time"),
        ("  - id: active\n", "  - id: right-expired\n", 5, "is the word of a cause"),
        ("organisation: {active: true, registered: true}", "organisation: {active: false}", 6, "only true means"),
        ("organisation: {active: true, registered: true}", "organisation: {}", 6, "only true means"),
        ("organisation: {active: true, registered: true}", "organisation:", 5, "exactly one condition of method"),
        ("organisation: {active: true, registered: true}", "method: []", 6, "name at least one method"),
        ("organisation: {active: true, registered: true}", "method: [eid, fax]", 6, "'fax' is none of eid, itsme"),
        ("organisation: {active: true, registered: true}", "assurance: medium", 6, "'medium' is none of low, subst"),
        ("organisation: {active: true, registered: true}", "everyone: true", 6, "everyone is not known here"),
        ("    legal_representative: true", "    legal_representative: false", 9, "only true means something"),
        ("    legal_representative: true", "    method: [eid]", 9, "cannot open anything"),
        ("    legal_representative: true", "    assurance: low", 9, "cannot open anything"),
        ("    legal_representative: true", "    organisation: {active: true}", 9, "cannot open anything"),
        ("    legal_representative: true", "    legal_representative: yes please", 9, "does not fit"),
        (
            "    legal_representative: true",
            "    legal_representative: true\n    right: {name: A, profile: B}",
            8,
            "it has legal_representative and right",
        ),
        (", profile: [Gebruiker]}", "}", 11, "allow[2].right.profile is missing"),
        (", profile: [Gebruiker]}", ", profile: []}", 11, "name at least one profile"),
        (", profile: [Gebruiker]}", ", profile: ['']}", 11, "name at least one profile"),
        ('organisation: "1999.999.943", active: false', "organisation: 1999.999.943, active: false", 24, "in quotes"),
        (
            'organisation: "1999.999.943", active: false',
            'organisation: "1999.999.944", active: false',
            24,
            "check digits",
        ),
        ('organisation: "1999.999.943", active: false', "organisation: 1999999943, active: false", 24, "in quotes"),
        ('organisation: "1999.999.943", active: false', "active: false", 24, "an organisation is needed"),
        ("    date: 2022-06-26\n", "", 16, "needs a `date` on which it is judged"),
        ("    date: 2022-06-26\n", "    date: 26/06/2022\n", 17, "does not fit"),
        ("until: 2028-06-26}", "until: 2008-06-26}", 20, "lies before its beginning"),
        ("profile: Gebruiker, from", "profil: Gebruiker, from", 21, "did you mean profile?"),
        ("profile: Gebruiker, from", "organisation: '0', profile: Gebruiker, from", 21, "is written as"),
        ("active: false}", "functions: [{code: 10002}], active: false}", 24, 'write "10002" in quotes'),
        ("active: false}", 'functions: [{code: "director"}], active: false}', 24, "up to five digits"),
        (
            "active: false}",
            "legal_representative: true, kbo_lists_nobody: true, active: false}",
            24,
            "a representing function contradicts this",
        ),
        ("reason: active, cause", "reason: activ, cause", 25, "did you mean active?"),
        ("reason: active, cause", "reason: representative, cause", 25, "never refuses for 'representative'"),
        ("cause: organisation-ceased", "cause: ceased", 25, "'ceased' is none of method-accepted"),
        (
            "cause: organisation-ceased",
            "steps: {use: right-missing}",
            25,
            "is no clause of this policy; did you",
        ),
        ("name: Ceased", "name: A user", 23, "'A user' stands here a second time"),
        ("reason: user}", "reason: representative}", 10, "no test shows what user does"),
        ("given: &someone {method", "given: {<<: {method: eid}, method", 14, "merge keys are refused"),
    ],
)
def test_a_broken_rule_is_told_with_its_line_and_what_to_write(
    tmp_path: Path, old: str, new: str, line: int, said: str
) -> None:
    assert old in GOOD
    found = problems(written(tmp_path, GOOD.replace(old, new, 1)))
    assert (line, True) in [(at, said in message) for at, message in found], found


def test_a_requirement_without_a_test_is_told(tmp_path: Path) -> None:
    text = GOOD[: GOOD.index("  - name: Ceased")]
    ((line, message),) = problems(written(tmp_path, text))
    assert line == 5
    assert message.endswith("no test shows what active does; add one with expect: {allowed: false, reason: active}")


def test_a_policy_without_openings_or_tests_is_refused(tmp_path: Path) -> None:
    allow = GOOD[GOOD.index("allow:") : GOOD.index("tests:")]
    assert (7, True) in [
        (line, "must not be empty" in message)
        for line, message in problems(written(tmp_path, GOOD.replace(allow, "allow: []\n")))
    ]
    text = GOOD[: GOOD.index("tests:")]
    assert problems(written(tmp_path, text)) == [(1, "tests is missing")]


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    written(tmp_path, "policy: [\n", name="a.yaml")
    written(tmp_path, GOOD.replace("title:", "titel:").replace("code", "cod"), name="b.yaml")
    with pytest.raises(ConfigurationInvalid) as refused:
        load(tmp_path)
    assert {Path(problem.file).name for problem in refused.value.problems} == {"a.yaml", "b.yaml"}
    assert len(refused.value.problems) == 3


def test_a_failed_test_is_told_with_expected_got_and_every_step(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD.replace("until: 2022-06-26}", "until: 2022-06-25}"))
    ((line, message),) = problems(path)
    assert line == 16
    assert message.splitlines() == [
        "the test 'A user' fails on 2022-06-26",
        "    expected allowed, user; got refused, right-expired",
        "    holds  active: 1999.999.943 is active in KBO and registered on INKOM",
        "    fails  representative: holds no function in KBO for 1999.999.943",
        "    fails  user: had 'Gebruiker Nieuw' for 1999.999.943, but it expired on 2022-06-25",
    ]
    files, others = gather(path)
    assert others == ()
    assert len(failures(files)) == 1


def test_each_application_has_exactly_one_policy(tmp_path: Path) -> None:
    written(tmp_path, name="a.yaml")
    other = GOOD.replace("policy: inkom", "policy: other").replace("[kmo-portefeuille, ecologiepremie-plus]", "[kmo]")
    written(tmp_path, other, name="b.yaml")
    applications = ("kmo-portefeuille", "ecologiepremie-plus", "kmo")
    assert len(load(tmp_path, applications=applications)) == 2
    assert problems(tmp_path, (*applications, "unruled")) == [
        (1, "the application unruled has no policy; name it under `applications` of one file")
    ]
    ((line, message),) = problems(tmp_path, applications[:2])
    assert line == 3
    assert "kmo is no application; did you mean kmo-portefeuille?" in message


def test_two_policies_for_one_application_or_of_one_name_are_refused(tmp_path: Path) -> None:
    written(tmp_path, name="a.yaml")
    written(tmp_path, GOOD.replace("ecologiepremie-plus", "coronamaatregelen"), name="b.yaml")
    assert [(line, message.partition(": ")[2]) for line, message in problems(tmp_path)] == [
        (1, f"the policy inkom has a policy already, in {tmp_path / 'a.yaml'}; keep one"),
        (3, f"the application kmo-portefeuille has a policy already, in {tmp_path / 'a.yaml'}; keep one"),
    ]


def test_a_folder_without_policies_and_a_missing_file_are_problems(tmp_path: Path) -> None:
    (tmp_path / ".hidden.yaml").write_text("x")
    (tmp_path / "notes.txt").write_text("x")
    assert problems(tmp_path) == [(1, "no policy file (*.yaml) is here")]
    ((_, message),) = problems(tmp_path / "absent.yaml")
    assert "No such file" in message


RECENT = GOOD.replace(
    "require:\n", "sign_in: SIGN_IN\nrequire:\n  - id: recent\n    signed_in_within: WITHIN\n"
).replace(
    "tests:\n",
    "tests:\n"
    "  - name: Too long ago\n"
    '    given: {signed_in: AGO, organisation: "1999.999.943"}\n'
    "    expect: {allowed: false, reason: recent}\n",
)


def recent(*, sign_in: str = "{max_age: 1h}", within: str = "15m", ago: str = "16m") -> str:
    return RECENT.replace("SIGN_IN", sign_in).replace("WITHIN", within).replace("AGO", ago)


@pytest.mark.parametrize(
    ("sign_in", "demand"),
    [
        ("{prompt: login}", Demand(prompt=(Prompt.LOGIN,))),
        ("{prompt: [select_account, login]}", Demand(prompt=(Prompt.LOGIN, Prompt.SELECT_ACCOUNT))),
        ("{acr_values: urn:one, max_age: 1h}", Demand(acr_values=("urn:one",), max_age=3600)),
        ("{acr_values: [urn:one, urn:two, urn:one]}", Demand(acr_values=("urn:one", "urn:two"))),
    ],
)
def test_a_policy_says_how_the_provider_is_asked(tmp_path: Path, sign_in: str, demand: Demand) -> None:
    (policy,) = load(written(tmp_path, recent(sign_in=sign_in, ago="unknown")))
    assert policy.sign_in == demand
    assert policy.require[0].condition == SignedInWithin(limit=timedelta(minutes=15))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (recent(within="15"), "write"),
        (recent(within='"15"'), "write a length of time such as 15m"),
        (recent(within="59s"), "the shortest is 1m"),
        (recent(within="1d"), "write a length of time such as 15m"),
        (recent(ago="yesterday"), "how long ago the person signed in, or `unknown`"),
        (recent(sign_in="{}"), "asks for nothing"),
        (recent(sign_in="{prompt: none}"), "none of login, consent, select_account"),
        (recent(sign_in="{acr_values: 'a b'}"), "is no acr value"),
        (recent(sign_in="{max_age: 5s}"), "the shortest is 1m"),
    ],
)
def test_a_sign_in_that_cannot_be_asked_for_is_told(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in message for _, message in problems(written(tmp_path, text)))


def test_the_facts_of_a_case_are_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(
        """\
name: Somebody
date: 2022-06-26
given:
  organisation: "1999.999.943"
  method: sms
  registered: false
  administrator: true
  functions: [{code: "10021"}, {code: "10002", organisation: "1999.999.844", from: 2020-01-01, until: 9999-12-31}]
  working_relation: {status: paused, from: 2018-06-26}
  rights: [{name: A, profile: [B, C]}, {name: D, organisation: "1999.999.844"}]
"""
    )
    facts, day = read_question(path, organisation=None, today=date(2000, 1, 1))
    assert day == date(2022, 6, 26)
    assert (facts.organisation, facts.active, facts.registered) == (ENTERPRISE, True, False)
    assert (facts.method, facts.assurance) == (SignInMethod.SMS, Assurance.SUBSTANTIAL)
    assert [(one.code, one.organisation) for one in facts.functions] == [("10021", ENTERPRISE), ("10002", OTHER)]
    first, second = facts.rights
    assert (first.name, first.profiles, first.organisation) == ("A", ("B", "C"), ENTERPRISE)
    assert first.relation is not None
    assert first.relation.status is RelationStatus.PAUSED
    assert (second.profiles, second.organisation, second.relation) == ((), OTHER, None)
    assert facts.administrator
    assert facts.has_representative


def test_a_question_may_be_the_facts_alone_in_json_and_for_another_organisation(tmp_path: Path) -> None:
    path = tmp_path / "given.json"
    path.write_text('{"organisation": "1999.999.943", "kbo_lists_nobody": true, "assurance": "low"}')
    facts, day = read_question(path, organisation=None, today=date(2000, 1, 1))
    assert (facts.organisation, facts.assurance, facts.has_representative) == (ENTERPRISE, Assurance.LOW, False)
    assert day == date(2000, 1, 1)
    facts, _ = read_question(path, organisation=OTHER, today=date(2000, 1, 1))
    assert facts.organisation == OTHER
    path.write_text("{}")
    facts, _ = read_question(path, organisation=OTHER, today=date(2000, 1, 1))
    assert (facts.organisation, facts.method) == (OTHER, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("{}", "an organisation is needed"),
        ("given: {}", "an organisation is needed"),
        ("given: {organisation: '1'}", "is written as"),
        ("given: {method: fax}", "'fax' is none of"),
        ("given: {}\nfacts: {}", "facts is not known here"),
        ("{metod: eid}", "did you mean method?"),
    ],
)
def test_a_question_that_cannot_be_read_is_told(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "given.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationInvalid, match=said):
        read_question(path, organisation=None, today=date(2000, 1, 1))


WORDS = ["", "eid", "1999.999.943", "2022-06-26", "legal-representative", "right-expired", "yes"]
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(WORDS)
    | st.builds(list[str])
    | st.dictionaries(st.sampled_from(["a", "id"]), st.lists(st.integers(), max_size=1), max_size=1)
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The good file with a few values replaced, removed or added somewhere."""
    root = yaml.safe_load(GOOD)
    for _ in range(draw(st.integers(1, 4))):
        place = root
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            inner = place[key]
            if isinstance(inner, (dict, list)) and inner and draw(st.booleans()):
                place = inner
                continue
            if isinstance(place, dict) and draw(st.booleans()):
                del place[key]
            else:
                place[key] = draw(VALUES)
            break
    text: str = yaml.safe_dump(root)
    return text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(mutated() | st.text(st.characters(codec="utf-8")) | st.integers(0, len(GOOD)).map(lambda end: GOOD[:end]))
def test_any_text_is_a_policy_or_problems_and_nothing_else(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, "")
    path.write_bytes(text.encode())
    try:
        loaded = load(path, applications=("kmo-portefeuille", "ecologiepremie-plus"))
    except ConfigurationInvalid as invalid:
        assert invalid.problems  # noqa: PT017  (either outcome is right)
    else:
        assert len(loaded) == 1
