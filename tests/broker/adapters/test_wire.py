from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.adapters.wire import NotUnderstood, read_json, read_plain


class Shape(msgspec.Struct):
    status: Literal["active", "paused"]
    count: int = 0


def test_a_text_is_read_into_its_shape_and_unknown_fields_are_ignored() -> None:
    assert read_json(b'{"status": "active", "new": 1}', Shape) == Shape(status="active")
    assert read_plain({"status": "paused", "new": 1}, Shape) == Shape(status="paused")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"status": "gone"}',
        b'{"status": "active", "count": "1"}',
        b"\xff",
        b'"\xff"',
    ],
)
def test_anything_else_is_not_understood(text: bytes) -> None:
    with pytest.raises(NotUnderstood):
        read_json(text, Shape)


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000])
def test_nesting_without_end_is_not_understood(text: bytes) -> None:
    with pytest.raises(NotUnderstood):
        read_json(text, Any)


@pytest.mark.parametrize("text", ['{"status": "82672100108"}', '{"status": "active", "count": "82672100108"}'])
def test_no_error_repeats_what_it_found(text: str) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        read_json(text, Shape)
    assert "82672100108" not in str(refusal.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_not_understood(text: bytes) -> None:
    try:
        read_json(text, Shape)
    except NotUnderstood:
        return
