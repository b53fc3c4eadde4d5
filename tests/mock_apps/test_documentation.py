"""The Python on the page for backend teams is run as it stands there, and its table is the one the code uses."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import pytest
from joserfc.jwk import KeySet

from mock_apps.assertion import CLAIM_OF
from tests.mock_apps.stand_in import AUDIENCE, ISSUER, NOW, StandIn, new_key

PAGE = (Path(__file__).parents[2] / "docs" / "backend-teams" / "receiving-identity.md").read_text()

Identify = Callable[[Mapping[str, str], KeySet], dict[str, object]]


def sample() -> dict[str, object]:
    """The sample as a module's names, with the gateway of the tests and a clock that stands."""
    found = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    code = found[1].replace("https://inkom.example", ISSUER).replace("    leeway=5,", f"    now={NOW},\n    leeway=5,")
    names: dict[str, object] = {"__name__": "sample"}
    exec(compile(code, "receiving-identity.md", "exec"), names)  # noqa: S102 - our own page
    return names


def test_the_sample_believes_what_the_gateway_sends() -> None:
    gateway = StandIn()
    identity = cast(Identify, sample()["identity"])
    claims = identity(gateway.headers(), KeySet([gateway.key, new_key()]))
    assert claims["organisation"] == "1999999943"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "http://elsewhere.example"},
        {"aud": [AUDIENCE, "another"]},
        {"exp": NOW - 6},
        {"exp": NOW + 61},
        {"jti": None},
    ],
    ids=str,
)
def test_the_sample_refuses_what_is_not_for_it(changes: dict[str, object]) -> None:
    gateway, names = StandIn(), sample()
    identity, refused = cast(Identify, names["identity"]), cast(type[Exception], names["Refused"])
    with pytest.raises(refused):
        identity(gateway.headers(**changes), KeySet([gateway.key]))


def test_the_sample_refuses_a_stranger_a_liar_and_a_request_without_assertion() -> None:
    gateway, names = StandIn(), sample()
    identity, refused = cast(Identify, names["identity"]), cast(type[Exception], names["Refused"])
    for headers in (
        StandIn().headers(),
        {**gateway.headers(), "x-inkom-organisation": "1999999844"},
        {},
    ):
        with pytest.raises(refused):
            identity(headers, KeySet([gateway.key]))


def test_the_table_of_headers_is_the_one_the_backends_use() -> None:
    rows = re.findall(r"^\| `(X-Inkom-[A-Za-z-]+)` \| `([a-z_]+)` \|", PAGE, re.MULTILINE)
    assert {header.lower(): claim for header, claim in rows} == CLAIM_OF
