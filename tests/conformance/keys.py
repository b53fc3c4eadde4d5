"""Keys that the parties of these tests prove themselves with: made anew for each run, written where a program reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey, KeySet, RSAKey

_RSA_BITS = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """`file` is the private half in PEM, `public_file` the other; `public` is a key set (RFC 7517).

    `private` is the one private key in the same form, for a program that reads that.
    """

    file: Path
    public_file: Path
    key_id: str
    public: dict[str, Any]
    private: dict[str, Any]


def rsa_key_pair(file: Path) -> KeyPair:
    """A new key for RS256."""
    _write(file, rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS))
    key = RSAKey.import_key(file.read_text(), {"use": "sig", "alg": "RS256"})
    return _pair(file, key)


def ec_key_pair(file: Path) -> KeyPair:
    """A new key for ES256."""
    _write(file, ec.generate_private_key(ec.SECP256R1()))
    key = ECKey.import_key(file.read_text(), {"use": "sig", "alg": "ES256"})
    return _pair(file, key)


def _pair(file: Path, key: RSAKey | ECKey) -> KeyPair:
    key.ensure_kid()
    public_file = file.with_suffix(".public.pem")
    public_file.write_bytes(key.as_pem(private=False))
    return KeyPair(
        file=file,
        public_file=public_file,
        key_id=str(key.kid),
        public=dict(KeySet([key]).as_dict(private=False)),
        private=dict(key.as_dict(private=True)),
    )


def _write(file: Path, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.touch(mode=0o600)
    file.write_bytes(pem)
