"""`inkom keys`: fresh keys and secrets, printed, or written to a file that only its owner can read.

An existing file is never overwritten: a key that is in use cannot be made again.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import RSAKey

from broker.commands.terminal import Misuse

KINDS = {
    "assertion": "the key that signs what backends receive (P-256, PEM): assertion.key_file",
    "client": "the key that proves the gateway to ACM (RSA of 3072 bits, PEM): acm.private_key_file;\n"
    "its public half for the integration file (a JWK) is printed beside it",
    "session": "a secret for sessions and their cookies (256 bits, base64url): sessions.secrets_file",
    "pseudonym": "the key behind the pseudonyms (256 bits, base64url): pseudonym.key_file;\n"
    "another key gives every person another pseudonym",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("kind", choices=tuple(KINDS), metavar="KIND", help="one of " + ", ".join(KINDS))
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it there with mode 0600 (default: print it)")
    parser.add_argument("--public", type=Path, metavar="FILE", help="of `client`: write the public JWK there")


def run(arguments: argparse.Namespace) -> int:
    """Make one key."""
    if arguments.public and arguments.kind != "client":
        raise Misuse("--public goes with `inkom keys client` only")
    private, public = _made(arguments.kind)
    _place(private, arguments.out)
    if public is not None:
        _place(public, arguments.public)
    return 0


def _made(kind: str) -> tuple[str, str | None]:
    match kind:
        case "assertion":
            return _pem(ec.generate_private_key(ec.SECP256R1())), None  # ES256, RFC 7518 section 3.4
        case "client":
            pem = _pem(rsa.generate_private_key(public_exponent=65537, key_size=3072))  # RS256 or PS256
            key = RSAKey.import_key(pem)
            jwk = {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig"}
            return pem, json.dumps(jwk, indent=2) + "\n"
        case _:
            return secrets.token_urlsafe(32) + "\n", None


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _place(content: str, path: Path | None) -> None:
    if path is None:
        sys.stdout.write(content)
        return
    try:
        # Readable by its owner only from its first moment on, whatever the umask.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Misuse(f"{path} exists, and a key is never overwritten; choose another name or move it away") from None
    except OSError as error:
        raise Misuse(f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    print(f"written: {path}", file=sys.stderr)
