"""Subject identifiers that no decent transmitter sends."""

from __future__ import annotations

from typing import Any

import pytest

from broker.adapters.signals.subjects import Speaker, named
from broker.ports import NamedPerson, SignalRefused

SPEAKER = Speaker(issuers=("https://acm.example/op",))
PERSON = {"format": "iss_sub", "iss": SPEAKER.issuers[0], "sub": "somebody"}


def test_a_complex_subject_names_its_user() -> None:
    assert named({"format": "complex", "user": PERSON}, SPEAKER) == (
        NamedPerson(issuer=SPEAKER.issuers[0], subject="somebody"),
    )


@pytest.mark.parametrize("depth", [1, 5000])
def test_a_complex_subject_within_another_is_refused_however_deep(depth: int) -> None:
    subject: dict[str, Any] = PERSON
    for _ in range(depth + 1):
        subject = {"format": "complex", "user": subject}
    with pytest.raises(SignalRefused, match="within"):
        named(subject, SPEAKER)
