"""docs/operators/policies.md is carried out as it stands: files written, changes made, commands run, outputs compared.

In an expected output, `…` stands for anything. Each chapter begins with the shipped policies.
"""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from broker.adapters.policy_form import ClauseForm, ExpectForm, GivenForm, PolicyForm
from broker.cli import main
from broker.domain.decide import Cause

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operators" / "policies.md").read_text()
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CHAPTERS = {title: body for title, _, body in (part.partition("\n") for part in PAGE.split("\n## ")[1:])}


@pytest.mark.parametrize("title", [title for title, body in CHAPTERS.items() if "```console" in body])
def test_a_chapter_prints_what_it_says(
    title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    monkeypatch.chdir(tmp_path)
    for kind, file, content in BLOCK.findall(CHAPTERS[title]):
        if kind == "console":
            _converse(content, capsys)
        elif kind == "diff":
            _change(tmp_path / file, content)
        else:
            (tmp_path / file).write_text(content)


def test_the_page_shows_four_changes() -> None:
    assert len([title for title in CHAPTERS if title.startswith("A change: ")]) == 4


def test_every_key_and_every_miss_is_on_the_page() -> None:
    keys = [key for form in (PolicyForm, ClauseForm, GivenForm, ExpectForm) for key in form.__struct_encode_fields__]
    misses = [cause.value for cause in Cause if cause.value.startswith(("right-", "relation-", "function-", "kbo-"))]
    assert [word for word in (*keys, *misses) if f"`{word}" not in PAGE and word != "right-valid"] == []


def _converse(conversation: str, capsys: pytest.CaptureFixture[str]) -> None:
    for exchange in re.split(r"^\$ ", conversation, flags=re.MULTILINE)[1:]:
        command, _, expected = exchange.partition("\n")
        program, *arguments = shlex.split(command)
        assert program == "inkom"
        capsys.readouterr()
        main(arguments)
        printed = capsys.readouterr().out
        pattern = ".*".join(re.escape(part) for part in expected.strip().split("…"))
        assert re.fullmatch(pattern, printed.strip(), re.DOTALL), f"$ {command}\n{printed}"


def _change(path: Path, difference: str) -> None:
    lines = difference.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))
