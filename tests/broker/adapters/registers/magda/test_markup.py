"""XML that is meant to hurt: none of it is read, all of it is the same error, and nothing of it is repeated."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.adapters.registers.magda.markup import read_markup
from broker.adapters.wire import NotUnderstood

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
HOSTILE = {
    "billion laughs": f'<!DOCTYPE a [<!ENTITY l0 "secret">{LAUGHS}]><a>&l9;</a>',
    "external entity": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "external subset": '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/secret.dtd"><a/>',
    "parameter entity": '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:1/secret"> %p;]><a/>',
    "an empty declaration": "<!DOCTYPE a><a/>",
    "an entity that nobody declared": "<a>&secret;</a>",
    "deep nesting": "<a>" * 41 + "</a>" * 41,
    "deeper nesting": "<a>" * 200_000,
    "many elements": "<a>" + "<b/>" * 50_001 + "</a>",
    "huge": "<a>" + "x" * 1_100_000 + "</a>",
    "truncated": "<a><b>secret</b>",
    "nothing": "",
    "a text": "secret",
    "two documents": "<a/><a/>",
    "an unbound prefix": "<web:a/>",
    "the same attribute twice": '<a b="1" b="2"/>',
    "JSON": '{"secret": 1}',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_markup_is_not_understood(text: str) -> None:
    with pytest.raises(NotUnderstood) as refused:
        read_markup(text.encode())
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "document",
    [
        '<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'.encode("latin-1"),
        '<?xml version="1.0" encoding="UTF-8"?><a>é</a>'.encode("latin-1"),
        '<?xml version="1.0" encoding="UTF-16"?><a>é</a>'.encode("utf-16"),
        "<a>é</a>".encode("utf-32"),
        b"<a>\xc0\xbcb></a>",
        b"<a>\x00</a>",
    ],
    ids=["Latin-1", "Latin-1 that says UTF-8", "UTF-16", "UTF-32", "overlong", "null"],
)
def test_bytes_that_are_no_utf8_are_not_understood(document: bytes) -> None:
    with pytest.raises(NotUnderstood):
        read_markup(document)


def test_a_file_is_never_read(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("content")
    with pytest.raises(NotUnderstood, match="declaration"):
        read_markup(f'<!DOCTYPE a [<!ENTITY x SYSTEM "{file.as_uri()}">]><a>&x;</a>'.encode())


def test_names_are_read_with_their_namespaces() -> None:
    root = read_markup(b'\xef\xbb\xbf<w:a xmlns:w="urn:w"><b c="d"> x <!-- y --> z </b><w:b/></w:a>')
    assert (root.namespace, root.name) == ("urn:w", "a")
    assert root.text("b") == "x  z"
    assert root.needed("b").attributes == {"c": "d"}
    assert root.needed("b", namespace="urn:w").texts == []
    assert root.text("b", "nothing") is None


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_not_to_be_understood(document: bytes) -> None:
    with suppress(NotUnderstood):
        read_markup(document)
