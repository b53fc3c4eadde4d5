"""`inkom policy`, `check`, `keys` and the frame of the command line, as a person and as a program see them."""

import json
import os
import stat
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from broker.cli import main
from broker.commands.cast import CastMember, member_facts
from broker.commands.terminal import Misuse, Paint, wrapped
from broker.ports import RegisterUnavailable

ROOT = Path(__file__).parents[2]
POLICIES = str(ROOT / "policies")
EMPLOYEE = """\
method: itsme
organisation: "1999.999.943"
working_relation: {from: 2018-06-26, until: 2028-06-26}
rights: [{name: VLAIO Inkom Gebruiker Nieuw, profile: Gebruiker, from: 2018-06-26, until: 2022-06-26}]
"""


@pytest.fixture
def given_file(tmp_path: Path) -> Path:
    """The facts of an employee whose right ended on 26 June 2022."""
    path = tmp_path / "given.yaml"
    path.write_text(EMPLOYEE)
    return path


def explain(given_file: Path, *more: str) -> int:
    return main(["policy", "explain", "--policies", POLICIES, "--given", str(given_file), *more])


def test_the_shipped_policies_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "test", POLICIES]) == 0
    printed = capsys.readouterr().out
    assert "  PASS  The last day counts in full\n" in printed
    assert printed.endswith(", 0 failed\n")
    assert "\x1b" not in printed


def test_the_results_can_be_read_by_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "test", POLICIES, "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert results["failed"] == 0
    assert results["passed"] == len(results["cases"]) > 30
    assert results["problems"] == []
    case = next(one for one in results["cases"] if one["name"] == "The day after, it has expired")
    assert case["expected"] == {"allowed": False, "reason": "right-expired"}
    assert case["got"] == {"allowed": False, "reason": "right-expired", "cause": "right-expired"}
    assert case["day"] == "2022-06-27"


def test_a_failed_test_says_expected_got_and_every_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "policies" / "inkom.yaml").read_text()
    path = tmp_path / "inkom.yaml"
    path.write_text(text.replace("      predecessors: [VLAIO Inkom Gebruiker]\n", ""))
    assert main(["policy", "test", str(path), "--failed"]) == 1
    printed = capsys.readouterr().out
    assert "FAIL  The older name of the right still counts" in printed
    assert "expected allowed, inkom-user; got refused, right-missing" in printed
    assert "✗ inkom-user: has no right 'VLAIO Inkom Gebruiker Nieuw' with profile" in printed
    assert "PASS" not in printed
    assert "36 passed, 1 failed" in printed
    assert main(["policy", "test", str(path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["failed"] == 1


def test_a_broken_file_fails_with_its_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "inkom.yaml"
    path.write_text("polici: x\n")
    assert main(["policy", "test", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert f"{path}:1: polici is not known here; did you mean policy?" in printed
    assert "0 passed, 0 failed, 6 problems" in printed


def test_an_explanation_for_a_program_has_the_published_form(
    given_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--json", "--application", "ecologiepremie-plus", "--at", "2022-06-26")
    assert explain(given_file, *asked) == 0
    answer = json.loads(capsys.readouterr().out)
    assert {key: answer[key] for key in ("allowed", "reason", "application", "policy")} == {
        "allowed": True,
        "reason": "inkom-user",
        "application": "ecologiepremie-plus",
        "policy": "inkom",
    }
    assert (answer["cause"], answer["day"], answer["organisation"]) == ("right-valid", "2022-06-26", "1999999943")
    assert len(answer["version"]) == 12
    assert [step["condition"] for step in answer["steps"]] == [
        "sign-in-method",
        "organisation-active",
        "legal-representative",
        "inkom-user",
    ]
    assert answer["steps"][2] == {
        "condition": "legal-representative",
        "holds": False,
        "because": "holds no function in KBO for 1999.999.943",
        "cause": "function-missing",
    }


def test_a_refusal_is_an_answer_and_a_readable_tree(given_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(given_file, "--at", "2022-06-27") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("✗ refused right-expired\n  kmo-portefeuille for 1999.999.943 on 2022-06-27\n")
    assert "  ✗ inkom-user  <- the reason\n" in printed
    assert "it expired on\n      2022-06-26" in printed
    assert all(len(line) <= 80 for line in printed.splitlines())


def test_a_case_with_its_day_is_judged_on_that_day(given_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    indented = "".join(f"  {line}\n" for line in EMPLOYEE.splitlines())
    given_file.write_text(f"date: 2020-01-01\ngiven:\n{indented}")
    assert explain(given_file, "--json") == 0
    assert json.loads(capsys.readouterr().out)["day"] == "2020-01-01"
    assert explain(given_file, "--json", "--at", "2030-01-01") == 0
    assert json.loads(capsys.readouterr().out)["reason"] == "relation-ended"


def test_another_organisation_can_be_asked_for(given_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(given_file, "--json", "--organisation", "1999.999.844", "--at", "2022-06-26") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["organisation"], answer["reason"]) == ("1999999844", "right-elsewhere")


def test_somebody_of_the_cast_is_explained_without_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["policy", "explain", "--policies", POLICIES, "--json", "--person"]
    for key, reason in (
        ("legal-representative", "legal-representative"),
        ("employee", "inkom-user"),
        ("expired-right", "right-expired"),
        ("right-elsewhere", "right-elsewhere"),
        ("nobody", "no-organisation"),
    ):
        assert main([*asked, key]) == 0
        assert json.loads(capsys.readouterr().out)["reason"] == reason
    assert main([*asked[:-2], "--person", "citizen"]) == 0
    assert "refused no-organisation" in capsys.readouterr().out
    assert main([*asked, "nobody", "--organisation", "1999.999.943"]) == 0
    assert json.loads(capsys.readouterr().out)["reason"] == "right-missing"
    assert main([*asked, "stranger"]) == 2
    assert "stranger" in capsys.readouterr().err


MEMBER = CastMember(
    method="itsme",
    organisations=("1999999943", "1999999844"),
    idm={"person": {"status": "active"}, "relations": [], "administers": []},
    kbo={"functions": []},
    enterprises={},
)


def test_of_several_organisations_one_is_named() -> None:
    with pytest.raises(Misuse, match="choose with --organisation one of 1999999943, 1999999844"):
        member_facts(MEMBER, "two", organisation=None, day=date(2026, 1, 1))


@pytest.mark.parametrize(
    "member",
    [
        CastMember(method="x", organisations=("1",), idm=None, kbo=None, enterprises={}),
        CastMember(method="x", organisations=("1999999943",), idm=None, kbo=None, enterprises={}),
    ],
)
def test_an_answer_of_the_mock_that_is_not_understood_is_no_traceback(member: CastMember) -> None:
    with pytest.raises(RegisterUnavailable, match="not understood"):
        member_facts(member, "odd", organisation=None, day=date(2026, 1, 1))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--application", "kmo"], "did you mean kmo-portefeuille?"),
        (["--policies", str(ROOT / ".ci")], "no policy file"),
    ],
)
def test_what_is_not_there_is_told(
    given_file: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    code = main(["policy", "explain", "--policies", POLICIES, "--given", str(given_file), *arguments])
    assert code == (2 if "--application" in arguments else 1)
    assert said in capsys.readouterr().err


def test_of_several_policies_the_application_says_which(
    tmp_path: Path, given_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "policies" / "inkom.yaml").read_text()
    folder = tmp_path / "several"
    folder.mkdir()
    (folder / "a.yaml").write_text(text.replace("policy: inkom", "policy: a").replace("[kmo-portefeuille, ", "["))
    other = text.replace("policy: inkom", "policy: b")
    start, end = other.index("applications: ["), other.index("]", other.index("applications: ["))
    (folder / "b.yaml").write_text(f"{other[:start]}applications: [kmo-portefeuille{other[end:]}")
    asked = ["policy", "explain", "--policies", str(folder), "--given", str(given_file)]
    assert main(asked) == 2
    assert "choose with --application one of ecologiepremie-plus" in capsys.readouterr().err
    assert main([*asked, "--json", "--application", "kmo-portefeuille"]) == 0
    assert json.loads(capsys.readouterr().out)["policy"] == "b"


def test_broken_facts_are_told_with_their_line(given_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given_file.write_text("method: fax\n")
    assert explain(given_file) == 1
    assert f"{given_file}:1: method: 'fax' is none of eid" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["policy"],
        ["unknown"],
        ["policy", "explain"],
        ["policy", "explain", "--given", "a", "--person", "b"],
        ["policy", "explain", "--given", "a", "--at", "tomorrow"],
        ["policy", "explain", "--given", "a", "--organisation", "1999.999.944"],
        ["keys", "house"],
        ["keys", "session", "--public", "x"],
        ["policy", "test", "--jso"],
    ],
)
def test_wrong_use_is_exit_code_2_and_says_what_is_meant(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = main(arguments)
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize(
    "verb",
    [[], ["serve"], ["check"], ["doctor"], ["policy"], ["policy", "test"], ["policy", "explain"], ["keys"], ["demo"]],
)
def test_every_verb_explains_itself_with_an_example(verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*verb, "--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert "example" in printed
    assert f"  inkom {' '.join(verb)}".rstrip() in printed


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("inkom 0.")


def test_the_command_line_runs_as_a_process_and_survives_a_reader_that_stops(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "broker", "policy", "test", POLICIES]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    whole = subprocess.run(command, capture_output=True, check=False, env=environment, timeout=60)
    assert whole.returncode == 0
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        cut = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, check=False, env=environment, timeout=60)
    assert cut.stderr == b""


def test_the_shipped_configuration_is_checked_with_its_policies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _configuration(tmp_path)
    assert main(["check", "--config", str(path)]) == 0
    assert "in order:" in capsys.readouterr().out
    assert main(["check", "--config", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"problems": []}


def test_check_prints_the_problems_of_both_kinds_of_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _configuration(tmp_path)
    policy = tmp_path / "policies" / "inkom.yaml"
    policy.write_text(policy.read_text().replace("policy: inkom", "polici: inkom"))
    assert main(["check", "--config", str(path)]) == 1
    assert f"{policy}:3: polici is not known here" in capsys.readouterr().out
    path.write_text(path.read_text().replace("audit:", "audits:"))
    assert main(["check", "--config", str(path)]) == 1
    printed = capsys.readouterr().out
    assert "audits is not known here; did you mean audit?" in printed
    assert "polici is not known here" in printed
    assert "4 problems" in printed
    policy.unlink()
    policy.parent.rmdir()
    assert main(["check", "--config", str(path), "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["problems"]) == 2


def test_an_application_without_policy_is_found_before_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _configuration(tmp_path)
    text = path.read_text()
    path.write_text(text.replace("  kmo-portefeuille:", "  unruled:"))
    assert main(["check", "--config", str(path)]) == 1
    assert "kmo-portefeuille is no application" in capsys.readouterr().out
    assert main(["serve", "--config", str(path)]) == 1
    assert "kmo-portefeuille is no application" in capsys.readouterr().err


@pytest.mark.parametrize(("kind", "shape"), [("assertion", ec.EllipticCurvePrivateKey), ("client", rsa.RSAPrivateKey)])
def test_a_fresh_key_is_written_for_its_owner_only(tmp_path: Path, kind: str, shape: type) -> None:
    path = tmp_path / "key.pem"
    assert main(["keys", kind, "--out", str(path)]) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, shape)
    assert isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey))
    assert key.key_size == {"assertion": 256, "client": 3072}[kind]


def test_the_public_half_of_the_client_key_holds_nothing_private(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public = tmp_path / "client.jwk.json"
    assert main(["keys", "client", "--public", str(public)]) == 0
    assert capsys.readouterr().out.startswith("-----BEGIN PRIVATE KEY-----\n")
    assert set(json.loads(public.read_text())) == {"kty", "n", "e", "kid", "use"}


@pytest.mark.parametrize("kind", ["session", "pseudonym"])
def test_a_fresh_secret_is_printed_and_another_each_time(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", kind]) == 0
    assert main(["keys", kind]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first != second
    assert len(first) >= 43


def test_a_key_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "key"
    path.write_text("precious")
    assert main(["keys", "session", "--out", str(path)]) == 2
    assert "exists, and a key is never overwritten" in capsys.readouterr().err
    assert path.read_text() == "precious"
    assert main(["keys", "session", "--out", str(tmp_path / "absent" / "key")]) == 2
    assert "cannot be written" in capsys.readouterr().err


class Terminal:
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "colours"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colour_is_for_terminals_that_want_it(environment: dict[str, str], colours: bool) -> None:
    paint = Paint.of(Terminal(), environment)
    assert paint.colours is colours
    assert paint.good("PASS") == ("\x1b[32mPASS\x1b[0m" if colours else "PASS")


def test_long_texts_are_wrapped_at_80_columns() -> None:
    lines = wrapped("word " * 40, indent=6).splitlines()
    assert all(line.startswith("      word") and len(line) <= 80 for line in lines)
    assert len(f"  PASS  {wrapped('word ' * 40, indent=8, used=8)}".splitlines()[0]) <= 80


def _configuration(folder: Path) -> Path:
    """The shipped configuration and policies, with keys of their own."""
    text = (ROOT / "inkom.yaml").read_text().replace(".demo/keys/", "").replace(".demo/", "")
    path = folder / "inkom.yaml"
    path.write_text(text)
    for kind, name in (("client", "acm-client.pem"), ("assertion", "assertion.pem")):
        assert main(["keys", kind, "--out", str(folder / name)]) == 0
    for name in ("session-secrets", "pseudonym.key", "register-token", "signals-token"):
        assert main(["keys", "session", "--out", str(folder / name)]) == 0
    (folder / "policies").mkdir()
    (folder / "policies" / "inkom.yaml").write_text((ROOT / "policies" / "inkom.yaml").read_text())
    return path
