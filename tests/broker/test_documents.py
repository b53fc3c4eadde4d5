"""Strict YAML: every bad file is one clear problem at the right line, and nothing else ever happens."""

from datetime import date
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.documents import MAX_NODES, MAX_SIZE, Document, Problem, suggestion


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A form with one value of each kind."""

    name: str
    number: str | None = None
    age: int | None = None
    share: float = 0.5
    glad: bool = False
    since: date | None = None
    method: Literal["eid", "itsme"] = "eid"
    words: str | tuple[str, ...] = ()
    titles: dict[str, str] = {}
    friends: tuple["Person", ...] = ()

    def __post_init__(self) -> None:
        if self.name == "nobody":
            raise ValueError("nobody is no person")


def read(text: str) -> tuple[Person | None, list[Problem]]:
    document = Document.parse(text, file="f.yaml")
    return document.into(Person), document.problems


def only_problem(text: str) -> tuple[int, str]:
    value, problems = read(text)
    assert value is None
    assert len(problems) == 1, [str(problem) for problem in problems]
    assert problems[0].file == "f.yaml"
    return problems[0].line, problems[0].message


def test_a_good_file_becomes_a_value() -> None:
    value, problems = read(
        "name: An\nnumber: '0201.310.765'\nage: 5\nshare: 1\nglad: true\nsince: 2022-06-26\nmethod: itsme\n"
        "words: [a, b]\ntitles: {nl: x}\nfriends: [{name: Jo, words: one}]\n"
    )
    assert problems == []
    assert value == Person(
        name="An",
        number="0201.310.765",
        age=5,
        share=1.0,
        glad=True,
        since=date(2022, 6, 26),
        method="itsme",
        words=("a", "b"),
        titles={"nl": "x"},
        friends=(Person(name="Jo", words="one"),),
    )


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "the file is empty"),
        ("# only a comment\n", 1, "the file is empty"),
        ("name: a\nname: b\n", 2, "name stands here a second time"),
        ("name: a\nfriends:\n  - name: b\n    name: c\n", 4, "friends[1].name stands here a second time"),
        ("name: a\n---\nname: b\n", 3, "more than one document"),
        ("name: a\n\tage: 5\n", 2, "not valid YAML"),
        ("name: a\nage: [1, 2\n", 3, "not valid YAML"),
        ("name: a\ntitles: {nl: x\n", 3, "not valid YAML"),
        ("name: 'a\n", 2, "not valid YAML"),
        ("name: *nowhere\n", 1, "not valid YAML"),
        ("name: a\x07b\n", 1, "a character that YAML does not allow"),
        ("name: a\nnumber: b\x00\n", 2, "a character that YAML does not allow"),
        ("name: a\nnumber: 0201310765\n", 2, 'number: 0201310765 is not read as text; write "0201310765" in quotes'),
        ("name: no\n", 1, 'name: no is not read as text; write "no" in quotes'),
        ("name: 2022-06-26\n", 1, "is not read as text"),
        ("name: 1.5\n", 1, "is not read as text"),
        ("name:\n", 1, "name has no value"),
        ("name: !!python/object:os.system x\n", 1, "name:"),
        ("name: a\nglad: !!bool perhaps\n", 2, "no possible date or number"),
        ("name: a\nsince: !!timestamp soon\n", 2, "no possible date or number"),
        ("name: a\nsince: 2022-13-45\n", 2, "no possible date or number"),
        ("name: a\nsince: 2022-06-26 12:00:00\n", 2, "does not fit"),
        ("name: a\nsince: soon\n", 2, "does not fit"),
        ("name: a\nage: old\n", 2, "does not fit: expected `int`"),
        ("name: a\nage: 1.5\n", 2, "does not fit"),
        ("name: a\nage: true\n", 2, "does not fit"),
        ("name: a\nglad: 1\n", 2, "does not fit"),
        ("name: a\nmethod: eID\n", 2, "method: 'eID' is none of eid, itsme"),
        ("name: a\nwords: {a: b}\n", 2, "must be a single value, not keys with values"),
        ("name: [a]\n", 1, "name must be a single value, not a list"),
        ("name: a\nfriends: b\n", 2, "friends must be a list"),
        ("name: a\nfriends:\n  - b\n", 3, "friends[1] must hold keys with values, not 'b'"),
        ("name: a\ntitles: [nl]\n", 2, "titles must hold keys with values, not a list"),
        ("- name: a\n", 1, "the file must hold keys with values, not a list"),
        ("just words\n", 1, "the file must hold keys with values, not 'just words'"),
        ("name: a\nagee: 5\n", 2, "agee is not known here; did you mean age?"),
        ("name: a\nxyz: 5\n", 2, "xyz is not known here; known are name, number, age"),
        ("age: 5\n", 1, "name is missing"),
        ("name: a\nfriends:\n  - age: 5\n", 3, "friends[1].name is missing"),
        ("name: nobody\n", 1, "nobody is no person"),
        ("name: a\nfriends:\n- name: nobody\n", 3, "friends[1]: nobody is no person"),
        ("name: a\nno: 5\n", 2, "no: a key must be plain text"),
        ("name: a\n? [x]\n: 5\n", 2, "a key must be plain text"),
        ("name: a\n1: 5\n", 2, "1: a key must be plain text"),
        ("name: a\ntitles: &t {nl: x}\nfriends: [{<<: *t, name: b}]\n", 3, "merge keys are refused"),
        ("name: a\nfriends: &f\n  - name: b\n    friends: *f\n", 1, f"more than {MAX_NODES} values"),
        ("name: a\nfriends: " + "[" * 5000 + "\n", 1, "nested too deeply"),
    ],
)
def test_a_bad_file_is_one_clear_problem_at_its_line(text: str, line: int, said: str) -> None:
    at, message = only_problem(text)
    assert said in message
    assert at == line


def test_all_problems_are_told_at_once() -> None:
    _, problems = read("nam: a\nage: old\nfriends: [{name: no}]\n")
    assert [(problem.line, problem.message.split(":")[0].split(" ")[0]) for problem in problems] == [
        (1, "nam"),
        (2, "age"),
        (3, "friends[1].name"),
        (1, "name"),
    ]


def test_an_alias_bomb_is_counted_and_not_unfolded() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for inner, outer in zip("abcdefgh", "bcdefghi", strict=True):
        bomb += f"{outer}: &{outer} [{', '.join([f'*{inner}'] * 9)}]\n"
    assert only_problem(bomb) == (1, f"the file holds more than {MAX_NODES} values, aliases unfolded")


def test_an_alias_that_is_not_abused_is_welcome() -> None:
    value, problems = read("name: &n An\nfriends: [{name: *n}]\n")
    assert problems == []
    assert value is not None
    assert value.friends[0].name == "An"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name: \xe9\xe9\n", "is not UTF-8"),
        ("name: a\n".encode("utf-16"), "is not UTF-8"),
        (b"x" * (MAX_SIZE + 1), f"is larger than {MAX_SIZE} bytes"),
    ],
)
def test_a_file_that_is_no_text_of_ours_is_one_problem(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(content)
    document = Document.read(path)
    assert document.into(Person) is None
    assert [(problem.line, said in problem.message) for problem in document.problems] == [(1, True)]


def test_a_file_that_cannot_be_read_is_one_problem(tmp_path: Path) -> None:
    (missing,) = Document.read(tmp_path / "absent.yaml").problems
    assert "No such file" in str(missing)
    (folder,) = Document.read(tmp_path).problems
    assert "Is a directory" in str(folder)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: An\n")
    assert Document.read(path).into(Person) == Person(name="An")


def test_the_digest_is_the_one_that_sha256sum_prints(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"name: An\n")
    assert Document.read(path).digest == "c25d61dae53caee8100c0c278dad8cf0b7ee8f56df2da4300c4996d1b06b85de"


def test_a_secret_is_never_repeated() -> None:
    class Secretive(msgspec.Struct, kw_only=True):
        client_secret: str
        token: str
        secrets: tuple[str, ...]

    document = Document.parse("client_secret: 12345\ntoken: 67890\nsecrets: [11111]\n", file="f.yaml")
    assert document.into(Secretive) is None
    told = "\n".join(str(problem) for problem in document.problems)
    assert told.count("in quotes") == 3
    assert not {"12345", "67890", "11111"} & set(told.replace("'", " ").replace('"', " ").split())


def test_a_place_is_found_by_its_path() -> None:
    document = Document.parse("name: a\nfriends:\n  - name: b\n  - name: 'c'\n    titles: {nl: x}\n", file="f.yaml")
    assert document.line("friends") == 2
    assert document.line("friends[2]") == 4
    assert document.line("friends[2].titles.nl") == 5
    assert document.line("friends[9].name") == 2
    assert document.line("name[1]") == 1
    assert document.line("other") == 1
    assert document.quoted("friends[2].name")
    assert not document.quoted("friends[1].name")
    assert not document.quoted("friends[7].name")
    document.wrong_at("friends[1].name", "is odd")
    document.wrong_at("friends[1].name", "is odd")
    assert [str(problem) for problem in document.problems] == ["f.yaml:3: friends[1].name: is odd"]


def test_an_unknown_word_gets_a_suggestion() -> None:
    known = ["kmo-portefeuille", "coronamaatregelen"]
    assert suggestion("kmo", known) == "did you mean kmo-portefeuille?"
    assert suggestion("coronamaatregel", known) == "did you mean coronamaatregelen?"
    assert suggestion("xyz", known) == "known are kmo-portefeuille, coronamaatregelen"


@given(st.text(st.characters(codec="utf-8")) | st.text("{}[]&*!|>'\"%@`:-? ,#\n\tab0123.<", max_size=80))
def test_any_text_is_a_value_or_problems(text: str) -> None:
    value, problems = read(text)
    assert (value is None) == bool(problems)
    assert all(1 <= problem.line <= text.count("\n") + text.count("\r") + 2 for problem in problems)
