"""What is printed: 80 columns, no escape sequences into a pipe, a line that begins with `ready`."""

import io

import pytest

from broker.demo.screen import Person, Place, Screen

PLACES = (
    Place(title="kmo-portefeuille", url="http://localhost:8000/kmo-portefeuille/"),
    Place(title="Mock government", url="http://localhost:9000/"),
)
PEOPLE = (
    Person(key="employee", name="Britt Proefman", story="Has a valid right.", outcome="allowed"),
    Person(
        key="many-organisations",
        name="Maximiliaan Van den Bossche-Vandersteene-Overal",
        story="Acts for three hundred enterprises and has to find one among them, which takes more than a line.",
        outcome="refused",
    ),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, environment: dict[str, str]) -> str:
    screen = Screen.of(stream, io.StringIO(), environment)
    screen.table(PLACES, PEOPLE)
    screen.ready(PLACES[0].url)
    return stream.getvalue()


def test_nothing_is_wider_than_80_columns_in_a_pipe() -> None:
    assert max(len(line) for line in shown(io.StringIO(), {}).splitlines()) == 80


def test_a_pipe_receives_no_escape_sequences() -> None:
    assert "\x1b" not in shown(io.StringIO(), {})


def test_a_terminal_receives_colour() -> None:
    assert "\x1b[1m" in shown(Terminal(), {})


def test_no_color_is_respected() -> None:
    assert "\x1b" not in shown(Terminal(), {"NO_COLOR": "1"})


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["pipe", "terminal"])
def test_the_last_line_begins_with_ready_and_says_what_to_open(stream: io.StringIO) -> None:
    last = shown(stream, {}).splitlines()[-1]

    assert last.startswith("ready")
    assert PLACES[0].url in last


def test_every_person_is_shown_with_name_and_story() -> None:
    table = shown(io.StringIO(), {})

    assert "employee" in table
    assert "Britt Proefman: Has a valid right." in table


def test_a_problem_goes_to_the_error_stream() -> None:
    output, errors = io.StringIO(), io.StringIO()

    Screen.of(output, errors, {}).problem("Port 8000 is in use")

    assert output.getvalue() == ""
    assert errors.getvalue() == "inkom demo: Port 8000 is in use\n"
