"""An authority of the test's own that issues certificates, for a server that wants to see who asks."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from broker.adapters.clock import SystemClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """Issues certificates that only those who trust `file` believe."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._certificate(self._name, self._key, authority=True).public_bytes(Encoding.PEM))

    def issue(
        self,
        name: str,
        *,
        password: bytes | None = None,
        hosts: tuple[str, ...] = ("localhost",),
        lasts: timedelta = timedelta(hours=1),
    ) -> Papers:
        """Issue a certificate for hosts on this machine, or for a client of that name; `lasts` may be in the past."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        papers = Papers(certificate=self._folder / f"{name}.crt", key=self._folder / f"{name}.key")
        papers.certificate.write_bytes(
            self._certificate(subject, key, hosts=hosts, lasts=lasts).public_bytes(Encoding.PEM)
        )
        lock = BestAvailableEncryption(password) if password else NoEncryption()
        papers.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
        return papers

    def plain_context(self) -> ssl.SSLContext:
        """A server's context that asks for nobody's certificate."""
        papers = self.issue("server")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(papers.certificate, papers.key)
        return context

    def server_context(self) -> ssl.SSLContext:
        """A server's context that demands a certificate of this authority."""
        papers = self.issue("server")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.file)
        context.load_cert_chain(papers.certificate, papers.key)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _certificate(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        authority: bool = False,
        hosts: tuple[str, ...] = ("localhost",),
        lasts: timedelta = timedelta(hours=1),
    ) -> x509.Certificate:
        now = SystemClock().now()
        addresses = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), *(x509.DNSName(host) for host in hosts)]
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + lasts)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
            .sign(self._key, hashes.SHA256())
        )
