"""Client certificates at the provider (RFC 8705): to prove who we are, and to bind tokens to.

The mock government runs as a program with its second door, over real TLS; on our side stand the adapter and its own
back channel, as the gateway uses them.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from joserfc.jwk import ECKey

from broker.adapters.clock import SystemClock
from broker.adapters.http import BackChannel, Limits
from broker.adapters.oidc import KeyAuthentication, OidcProvider, OidcSettings
from broker.adapters.oidc.settings import Authentication, CertificateAuthentication, SenderConstraint
from broker.config.certificates import client_tls
from broker.ports import Mismatch, ProviderUnavailable, SignedIn, SignInRefused
from tests.broker.adapters.examples import attempt
from tests.broker.adapters.registers.magda.authority import Authority, Papers
from tests.conformance.government import Government, mock_government

CLIENT_ID, CALLBACK = "certified", "http://localhost:8000/_inkom/callback"
SCOPES = ("openid", "profile", "rrn")
CLIENT_KEY = ECKey.generate_key("P-256", {"kid": "client"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder)


@pytest.fixture(scope="module")
def own(authority: Authority) -> Papers:
    return authority.issue("inkom-gateway")


@pytest.fixture(scope="module")
def self_signed(folder: Path) -> Papers:
    key, now = ec.generate_private_key(ec.SECP256R1()), SystemClock().now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody else says so")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    papers = Papers(certificate=folder / "self-signed.crt", key=folder / "self-signed.key")
    papers.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    papers.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return papers


@pytest.fixture(scope="module")
def with_door(folder: Path, authority: Authority, self_signed: Papers) -> Iterator[Government]:
    """The mock government with a second door; it believes the authority, and the self-signed certificate."""
    server, believed = authority.issue("localhost"), folder / "believed.pem"
    believed.write_bytes(authority.file.read_bytes() + self_signed.certificate.read_bytes())
    files = {"--tls-certificate": server.certificate, "--tls-key": server.key, "--client-authorities": believed}
    options = [text for name, file in files.items() for text in (name, str(file))]
    with mock_government(folder, "--tls-port", "0", *options) as running:
        yield running


@pytest.fixture
def seen(record_property: Callable[[str, object], None]) -> Callable[[str, str], None]:
    def record(statement: str, what: str) -> None:
        record_property("statement", statement)
        record_property("seen", what)

    return record


def register(government: Government, **more: object) -> None:
    entry = {"client_id": CLIENT_ID, "redirect_uris": [CALLBACK], "scopes": list(SCOPES), **more}
    government.tell("/mock/clients", entry)


def context(authority: Authority, papers: Papers | None) -> ssl.SSLContext:
    certificate, key = (papers.certificate, papers.key) if papers else (None, None)
    return client_tls(certificate=certificate, key=key, authorities=authority.file)


async def sign_in(
    government: Government,
    authority: Authority,
    papers: Papers | None,
    authentication: Authentication,
    constraint: SenderConstraint = "mtls",
) -> SignedIn:
    settings = OidcSettings(
        issuer=government.issuer,
        client_id=CLIENT_ID,
        redirect_uri=CALLBACK,
        post_logout_redirect_uri="http://localhost:8000/_inkom/logged-out",
        entry_uri="http://localhost:8000/_inkom/login",
        authentication=authentication,
        scopes=SCOPES,
        request="pushed",
        sender_constrained=constraint,
    )
    channel = BackChannel(Limits(total=10), tls=context(authority, papers))
    us, trying = OidcProvider(settings, clock=SystemClock(), channel=channel), attempt()
    try:
        address = httpx2.URL(await us.authorization_url(trying))
        async with httpx2.AsyncClient(trust_env=False) as browser:
            answer = await browser.get(address.copy_merge_params({"mock_person": "employee", "mock_method": "eid"}))
        response = parse_qsl(urlsplit(answer.headers["location"]).query)
        return await us.identify(trying, response)
    finally:
        await us.aclose()


BY_CERTIFICATE = CertificateAuthentication(method="tls_client_auth")


async def test_a31_mtls_endpoint_aliases_are_used(
    with_door: Government, authority: Authority, own: Papers, seen: Callable[[str, str], None]
) -> None:
    # At the ordinary addresses nobody shows a certificate, so nothing would be given there.
    register(with_door, tls_client_auth_subject_dn="CN=inkom-gateway", tls_bound=True)

    signed = await sign_in(with_door, authority, own, BY_CERTIFICATE)

    assert signed.identity.given_name == "Britt"
    seen("A31: mtls_endpoint_aliases are used", "PAR, token and userinfo at the aliases; signed in")


async def test_a_certificate_is_known_by_its_dns_name_too(
    with_door: Government, authority: Authority, own: Papers
) -> None:
    register(with_door, tls_client_auth_san_dns="localhost")

    assert (await sign_in(with_door, authority, own, BY_CERTIFICATE, "none")).identity.given_name == "Britt"


async def test_a_self_signed_certificate_is_known_by_the_registered_keys(
    with_door: Government, authority: Authority, self_signed: Papers
) -> None:
    certificate = x509.load_pem_x509_certificate(self_signed.certificate.read_bytes())
    key = ECKey.import_key(self_signed.key.read_text()).as_dict(private=False)
    body = "".join(self_signed.certificate.read_text().splitlines()[1:-1])
    assert certificate.subject == certificate.issuer
    register(with_door, jwks={"keys": [{**key, "x5c": [body]}]}, tls_bound=True)
    authentication = CertificateAuthentication(method="self_signed_tls_client_auth")

    assert (await sign_in(with_door, authority, self_signed, authentication)).identity.given_name == "Britt"


async def test_tokens_of_a_client_with_a_key_are_bound_to_the_certificate_too(
    with_door: Government, authority: Authority, own: Papers
) -> None:
    register(with_door, jwks={"keys": [CLIENT_KEY.as_dict(private=False)]}, tls_bound=True)
    authentication = KeyAuthentication(private_key=CLIENT_KEY.as_pem(private=True).decode(), key_id="client")

    assert (await sign_in(with_door, authority, own, authentication)).identity.given_name == "Britt"


async def test_another_clients_certificate_proves_nothing(
    with_door: Government, authority: Authority, own: Papers
) -> None:
    register(with_door, tls_client_auth_subject_dn="CN=somebody-else")

    with pytest.raises(ProviderUnavailable, match="invalid_client"):
        await sign_in(with_door, authority, own, BY_CERTIFICATE)


async def test_a_bound_client_gets_no_token_at_the_ordinary_address(
    with_door: Government, authority: Authority
) -> None:
    register(with_door, jwks={"keys": [CLIENT_KEY.as_dict(private=False)]}, tls_bound=True)
    authentication = KeyAuthentication(private_key=CLIENT_KEY.as_pem(private=True).decode(), key_id="client")

    with pytest.raises(SignInRefused, match="invalid_request") as refusal:
        await sign_in(with_door, authority, None, authentication, "none")
    assert refusal.value.mismatch is Mismatch.PROVIDER_ERROR


def test_a_bound_token_is_of_no_use_without_its_certificate(
    with_door: Government, authority: Authority, own: Papers
) -> None:
    register(with_door, tls_client_auth_subject_dn="CN=inkom-gateway", tls_bound=True)
    metadata = httpx2.get(f"{with_door.issuer}/.well-known/openid-configuration", trust_env=False).json()
    aliases = metadata["mtls_endpoint_aliases"]
    request = {
        "client_id": CLIENT_ID,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "mock_person": "employee",
    }
    answer = httpx2.get(metadata["authorization_endpoint"], params=request, trust_env=False)
    code = dict(parse_qsl(urlsplit(answer.headers["location"]).query))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "client_id": CLIENT_ID}
    with httpx2.Client(verify=context(authority, own), trust_env=False) as client:
        token = client.post(aliases["token_endpoint"], data=form).json()["access_token"]
        shown = {"authorization": f"Bearer {token}"}
        assert client.get(aliases["userinfo_endpoint"], headers=shown).status_code == 200
        described = client.post(aliases["introspection_endpoint"], data={"token": token, "client_id": CLIENT_ID})
        assert "x5t#S256" in described.json()["cnf"]
    stranger = authority.issue("stranger")
    with httpx2.Client(verify=context(authority, stranger), trust_env=False) as client:
        assert client.get(aliases["userinfo_endpoint"], headers=shown).status_code == 401
    assert httpx2.get(metadata["userinfo_endpoint"], headers=shown, trust_env=False).status_code == 401
