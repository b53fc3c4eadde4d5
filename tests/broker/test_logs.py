"""The log: JSON lines without colour codes, and control characters escaped."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from broker import logs


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level


def test_an_event_is_one_json_line_with_its_facts(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    logging.getLogger("inkom.test").warning(
        "sign-in refused", extra={"reference": "r\n{}\x1b", "color_message": "\x1b[36m"}
    )
    (line,) = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert event["event"] == "sign-in refused"
    assert event["reference"] == "r\n{}\x1b"
    assert (event["level"], event["logger"]) == ("warning", "inkom.test")
    assert "color_message" not in event


def test_libraries_that_talk_of_addresses_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    logging.getLogger("httpx2").info("HTTP Request: GET http://localhost/?code=secret")
    assert capsys.readouterr().err == ""
