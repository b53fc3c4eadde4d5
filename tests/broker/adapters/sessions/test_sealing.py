from __future__ import annotations

import os
import zlib

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from broker.adapters.sessions.sealing import Sealing, ShortSealing, address_of

OLD, NEW = "o" * 32, "n" * 32
SEALING = Sealing("session", secrets=(NEW, OLD))
SHORT = ShortSealing("index", secrets=(NEW, OLD))
TOKEN = bytes(range(32))
ADDRESS = address_of("session", TOKEN)


@given(st.binary(max_size=2000))
def test_a_record_comes_back_as_it_was(record: bytes) -> None:
    assert SEALING.open(SEALING.seal(record, token=TOKEN, address=ADDRESS), token=TOKEN, address=ADDRESS) == record


def test_a_sealed_record_shows_nothing_of_what_it_holds() -> None:
    assert b"82672100108" not in SEALING.seal(b"82672100108", token=TOKEN, address=ADDRESS)


def test_the_same_record_is_never_sealed_the_same_way_twice() -> None:
    assert len({SEALING.seal(b"record", token=TOKEN, address=ADDRESS) for _ in range(50)}) == 50


def test_the_secrets_alone_open_nothing() -> None:
    sealed = SEALING.seal(b"record", token=TOKEN, address=ADDRESS)
    assert SEALING.open(sealed, token=bytes(32), address=ADDRESS) is None


def test_the_token_alone_opens_nothing() -> None:
    sealed = SEALING.seal(b"record", token=TOKEN, address=ADDRESS)
    assert Sealing("session", secrets=("x" * 32,)).open(sealed, token=TOKEN, address=ADDRESS) is None


def test_a_record_moved_to_another_address_is_nothing() -> None:
    sealed = SEALING.seal(b"record", token=TOKEN, address=ADDRESS)
    assert SEALING.open(sealed, token=TOKEN, address=address_of("session", b"other")) is None


def test_a_record_of_another_purpose_is_nothing() -> None:
    sealed = Sealing("attempt", secrets=(NEW,)).seal(b"record", token=TOKEN, address=ADDRESS)
    assert SEALING.open(sealed, token=TOKEN, address=ADDRESS) is None


def test_a_record_sealed_with_a_former_secret_is_opened_until_that_secret_is_removed() -> None:
    sealed = Sealing("session", secrets=(OLD,)).seal(b"record", token=TOKEN, address=ADDRESS)
    assert SEALING.open(sealed, token=TOKEN, address=ADDRESS) == b"record"
    assert Sealing("session", secrets=(NEW,)).open(sealed, token=TOKEN, address=ADDRESS) is None


def test_secrets_with_the_same_mark_are_all_tried() -> None:
    # One byte tells 256 secrets apart: among 300 some share theirs.
    secrets = tuple(f"{number:032d}" for number in range(300))
    all_of_them = Sealing("session", secrets=secrets)
    for secret in secrets[::37]:
        sealed = Sealing("session", secrets=(secret,)).seal(b"record", token=TOKEN, address=ADDRESS)
        assert all_of_them.open(sealed, token=TOKEN, address=ADDRESS) == b"record"


def test_every_changed_byte_is_noticed() -> None:
    sealed = SEALING.seal(b"record", token=TOKEN, address=ADDRESS)
    for place in range(len(sealed)):
        changed = bytes([*sealed[:place], sealed[place] ^ 1, *sealed[place + 1 :]])
        assert SEALING.open(changed, token=TOKEN, address=ADDRESS) is None, place


@given(st.binary(max_size=100))
def test_any_bytes_are_nothing_and_never_an_error(sealed: bytes) -> None:
    assert SEALING.open(sealed, token=TOKEN, address=ADDRESS) is None


def test_an_address_tells_the_purpose_and_nothing_of_the_token() -> None:
    assert ADDRESS.startswith("inkom:session:")
    assert address_of("attempt", TOKEN).rpartition(":")[2] != ADDRESS.rpartition(":")[2]


def test_tokens_cannot_be_shifted_from_one_to_the_next() -> None:
    assert address_of("attempt", b"ab", b"c") != address_of("attempt", b"a", b"bc")


def test_a_secret_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="less than 32 bytes"):
        Sealing("session", secrets=("short",))


def _hkdf(secret: str, *, salt: bytes | None, purpose: bytes, octets: int = 32) -> bytes:
    return HKDF(algorithm=SHA256(), length=octets, salt=salt, info=purpose).derive(secret.encode())


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_keys_are_those_of_rfc_5869_so_that_records_of_former_versions_open(secret: str) -> None:
    mark = _hkdf(secret, salt=None, purpose=b"inkom mark of session", octets=1)
    key = _hkdf(secret, salt=TOKEN, purpose=b"inkom record of session")
    nonce = os.urandom(12)
    sealed = b"\x01" + mark + nonce + AESGCM(key).encrypt(nonce, zlib.compress(b"record", 1), ADDRESS.encode())
    assert SEALING.open(sealed, token=TOKEN, address=ADDRESS) == b"record"


@given(st.binary(min_size=1, max_size=200))
def test_a_short_record_comes_back_as_it_was_and_grows_by_eighteen_octets(record: bytes) -> None:
    sealed = SHORT.seal(record, token=TOKEN, address=ADDRESS)
    assert len(sealed) == len(record) + 18
    assert SHORT.open(sealed, token=TOKEN, address=ADDRESS) == record


def test_a_short_record_shows_nothing_of_what_it_holds_and_none_is_like_another() -> None:
    places = [("a", TOKEN), ("b", TOKEN), ("a", bytes(32))]
    sealed = [SHORT.seal(b"82672100108", token=token, address=address) for address, token in places]
    assert not any(b"82672100108" in one for one in sealed)
    assert len({one[2:] for one in sealed}) == 3


def test_a_short_record_opens_with_its_token_address_purpose_and_a_known_secret_only() -> None:
    sealed = ShortSealing("index", secrets=(OLD,)).seal(b"record", token=TOKEN, address=ADDRESS)
    assert SHORT.open(sealed, token=TOKEN, address=ADDRESS) == b"record"
    assert SHORT.open(sealed, token=bytes(32), address=ADDRESS) is None
    assert SHORT.open(sealed, token=TOKEN, address="elsewhere") is None
    assert ShortSealing("owner", secrets=(NEW, OLD)).open(sealed, token=TOKEN, address=ADDRESS) is None
    assert ShortSealing("index", secrets=(NEW,)).open(sealed, token=TOKEN, address=ADDRESS) is None


@given(st.integers(min_value=0, max_value=23), st.integers(min_value=1, max_value=255))
def test_a_short_record_that_was_changed_anywhere_is_nothing(place: int, by: int) -> None:
    sealed = bytearray(SHORT.seal(b"record", token=TOKEN, address=ADDRESS))
    sealed[place] ^= by
    assert SHORT.open(bytes(sealed), token=TOKEN, address=ADDRESS) is None


@pytest.mark.parametrize("sealed", [None, b"", b"\x02", b"\x01" * 60, b"\x02" * 60, "text"])
def test_what_is_no_short_record_is_nothing(sealed: object) -> None:
    assert SHORT.open(sealed, token=TOKEN, address=ADDRESS) is None


def test_short_records_of_secrets_with_the_same_mark_are_all_tried() -> None:
    secrets = tuple(f"{number:032d}" for number in range(300))
    all_of_them = ShortSealing("index", secrets=secrets)
    for secret in secrets[::37]:
        sealed = ShortSealing("index", secrets=(secret,)).seal(b"record", token=TOKEN, address=ADDRESS)
        assert all_of_them.open(sealed, token=TOKEN, address=ADDRESS) == b"record"
