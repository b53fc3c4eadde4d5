"""The published JSON Schema of the configuration: fresh, itself valid, and in agreement with the reader."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from broker.cli import main
from tests.project.places import ROOT

PUBLISHED = ROOT / "docs" / "operators" / "inkom.schema.json"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    published: dict[str, Any] = json.loads(PUBLISHED.read_text())
    return published


def test_the_published_schema_is_the_one_of_this_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--schema"]) == 0
    printed = capsys.readouterr().out
    assert PUBLISHED.read_text() == printed, "run: inkom check --schema > docs/operators/inkom.schema.json"


def test_it_is_a_schema_and_the_demos_configuration_satisfies_it(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    configuration = yaml.safe_load((ROOT / "inkom.yaml").read_text())
    assert list(Draft202012Validator(schema).iter_errors(configuration)) == []


def test_it_marks_unknown_keys_and_wrong_types(schema: dict[str, Any]) -> None:
    configuration = yaml.safe_load((ROOT / "inkom.yaml").read_text())
    configuration["sesions"] = {}
    configuration["acm"]["client_authentication"] = "none"
    del configuration["registers"]
    wrong = " ".join(error.message for error in Draft202012Validator(schema).iter_errors(configuration))
    for part in ("sesions", "none", "registers"):
        assert part in wrong
