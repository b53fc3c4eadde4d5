"""The configuration: every key, the environment, all problems at once, and plain http for localhost only."""

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest

from broker.config import ConfigurationInvalid, Secrets, Settings, Signals, load, peers_of
from tests.broker.adapters.registers.magda.authority import Authority

SECRET = "s" * 43

SMALL = """\
public_url: https://inkom.example
acm:
  issuer: https://acm.example/op
  client_id: inkom
  client_authentication: client_secret_basic
  client_secret: shared
registers: {idm: https://idm.example/v1, kbo: https://kbo.example/v1, token: bearer}
sessions:
  redis: rediss://redis.example:6379/0
  secrets: [ssssssssssssssssssssssssssssssssssssssssssssssss]
audit: {file: audit.jsonl}
assertion: {key_file: assertion.pem}
pseudonym: {key_file: pseudonym.key}
applications:
  kmo-portefeuille:
    title: {nl: Kmo-portefeuille, en: SME portfolio}
    upstream: http://10.0.0.5:9101
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the keys that the configuration names."""
    (tmp_path / "assertion.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    (tmp_path / "pseudonym.key").write_text(SECRET + "\n")
    (tmp_path / "secret").write_text(SECRET + "\n")
    return tmp_path


def loaded(folder: Path, text: str = SMALL, **environment: str) -> tuple[Settings, Secrets]:
    path = folder / "inkom.yaml"
    path.write_text(text)
    return load(path, environment)


def problems(folder: Path, text: str = SMALL, **environment: str) -> list[tuple[int, str]]:
    with pytest.raises(ConfigurationInvalid) as refused:
        loaded(folder, text, **environment)
    assert str(folder / "inkom.yaml") in str(refused.value)
    return [(problem.line, problem.message) for problem in refused.value.problems]


def test_a_small_file_is_enough_and_the_rest_has_defaults(folder: Path) -> None:
    settings, secrets = loaded(folder)
    assert settings.secure
    assert (settings.listen.host, settings.listen.port, settings.operators.port) == ("127.0.0.1", 8000, 8001)
    assert settings.policies == "policies"
    assert settings.applications["kmo-portefeuille"].max_body == 100_000_000
    assert settings.applications["kmo-portefeuille"].national_number is None
    assert settings.development.clock is None
    assert secrets.client_secret == "shared"
    assert secrets.register_token == "bearer"
    assert secrets.pseudonym_key == SECRET.encode()


def test_secrets_never_show_themselves(folder: Path) -> None:
    _, secrets = loaded(folder)
    assert repr(secrets) == str(secrets) == "Secrets(***)"


@pytest.mark.parametrize("source", ["json", "magda", "claims"])
def test_every_key_can_be_written(folder: Path, source: str) -> None:
    Authority(folder).issue("gateway")
    whole = _whole(source)
    settings, _ = loaded(folder, msgspec.yaml.encode(whole).decode())
    written = msgspec.json.decode(msgspec.json.encode(settings))
    # What the other two sources have is left at its default.
    written["registers"] = {key: written["registers"][key] for key in whole["registers"]}
    assert written == whole
    assert set(_paths(written)) == set(_paths(whole))


def test_every_key_of_every_topic_is_in_the_whole_example() -> None:
    examples = (_whole(source) for source in ("json", "magda", "claims"))
    whole = {
        path.replace("kmo-portefeuille", "*").replace("acm-test", "*").replace("other-host", "*")
        for example in examples
        for path in _paths(example)
    }
    for path in _declared(Settings):
        assert path in whole or any(one.startswith(f"{path}.") for one in whole), path


@pytest.mark.parametrize(
    ("name", "value", "path", "read"),
    [
        ("INKOM_PUBLIC_URL", "https://other.example", "public_url", "https://other.example"),
        ("INKOM_LISTEN_PORT", "8443", "listen.port", 8443),
        ("INKOM_LISTEN_HOST", "0.0.0.0", "listen.host", "0.0.0.0"),
        ("INKOM_LISTEN_WORKERS", "3", "listen.workers", 3),
        ("INKOM_LISTEN_LIMITS_KEEP_ALIVE", "20", "listen.limits.keep_alive", 20.0),
        ("INKOM_LISTEN_PROXY_PROTOCOL_FROM", "10.0.0.1/32", "listen.proxy_protocol.peers", ("10.0.0.1/32",)),
        ("INKOM_SESSIONS_IDLE", "60", "sessions.idle", 60.0),
        ("INKOM_ACM_SCOPES", "openid profile", "acm.scopes", ("openid", "profile")),
        ("INKOM_ACM_SCOPES", "[openid, rrn]", "acm.scopes", ("openid", "rrn")),
        ("INKOM_ACM_CLIENT_ID", "0123", "acm.client_id", "0123"),
        ("INKOM_ACM_CLIENT_ID", "no", "acm.client_id", "no"),
        ("INKOM_REGISTERS_TOKEN", "12345: [", "registers.token", "12345: ["),
        ("INKOM_SESSIONS_SECRETS", f"{'a' * 40},{'0' * 40}", "sessions.secrets", ("a" * 40, "0" * 40)),
        ("INKOM_DEVELOPMENT_CLOCK", "", "development.clock", ""),
        (
            "INKOM_APPLICATIONS_KMO_PORTEFEUILLE_UPSTREAM",
            "http://localhost:1",
            "applications.kmo-portefeuille.upstream",
            "http://localhost:1",
        ),
        ("INKOM_APPLICATIONS_KMO_PORTEFEUILLE_TITLE_NL", "KMO", "applications.kmo-portefeuille.title.nl", "KMO"),
        (
            "INKOM_APPLICATIONS_KMO_PORTEFEUILLE_UPSTREAM",
            "http://[::1]:1",
            "applications.kmo-portefeuille.upstream",
            "http://[::1]:1",
        ),
        (
            "INKOM_APPLICATIONS_KMO_PORTEFEUILLE_UPSTREAM",
            "http://a:1, http://[::1]:2",
            "applications.kmo-portefeuille.addresses",
            ("http://a:1", "http://[::1]:2"),
        ),
        (
            "INKOM_APPLICATIONS_KMO_PORTEFEUILLE_UPSTREAM",
            "[http://a:1 http://b:1]",
            "applications.kmo-portefeuille.addresses",
            ("http://a:1", "http://b:1"),
        ),
        (
            "INKOM_APPLICATIONS_KMO_PORTEFEUILLE_TIME_LIMITS_CONNECT",
            "1.5",
            "applications.kmo-portefeuille.time_limits.connect",
            1.5,
        ),
    ],
)
def test_the_environment_wins(folder: Path, name: str, value: str, path: str, read: Any) -> None:
    text = SMALL.replace("https://inkom.example", "http://localhost:8000")
    settings, _ = loaded(folder, text, **{name: value})
    found: Any = settings
    for key in path.split("."):
        found = found[key] if isinstance(found, dict) else getattr(found, key)
    assert found == read


@pytest.mark.parametrize(
    ("variable", "secret"),
    [
        ("INKOM_REGISTERS_TOKEN_FILE", "register_token"),
        ("INKOM_ACM_CLIENT_SECRET_FILE", "client_secret"),
        ("INKOM_SESSIONS_SECRETS_FILE", "session_secrets"),
    ],
)
def test_a_secret_may_come_from_a_file_that_the_environment_names(folder: Path, variable: str, secret: str) -> None:
    text = SMALL.replace(", token: bearer", "").replace("  client_secret: shared\n", "")
    text = text.replace(f"  secrets: [{'s' * 48}]\n", "")
    others = {
        "INKOM_REGISTERS_TOKEN": "bearer",
        "INKOM_ACM_CLIENT_SECRET": "shared",
        "INKOM_SESSIONS_SECRETS": "t" * 40,
    }
    others.pop(variable.removesuffix("_FILE"))
    _, secrets = loaded(folder, text, **others, **{variable: "secret"})
    found = getattr(secrets, secret)
    assert found == ((SECRET,) if secret == "session_secrets" else SECRET)


TEST_PROVIDER = """\
providers:
  acm-test:
    title: {nl: ACM-test, en: ACM test}
    issuer: https://acm-test.example/op
    client_id: inkom-test
    client_authentication: client_secret_basic
    client_secret: another
"""


def test_each_provider_has_secrets_of_its_own(folder: Path) -> None:
    settings, secrets = loaded(folder, SMALL + TEST_PROVIDER)
    assert list(settings.all_providers) == ["acm", "acm-test"]
    assert [secrets.clients[name].secret for name in settings.all_providers] == ["shared", "another"]
    assert "another" not in repr(secrets.clients["acm-test"])
    _, secrets = loaded(folder, SMALL + TEST_PROVIDER, INKOM_PROVIDERS_ACM_TEST_CLIENT_SECRET="0123")
    assert secrets.clients["acm-test"].secret == "0123"
    without = SMALL + TEST_PROVIDER.replace("    client_secret: another\n", "")
    _, secrets = loaded(folder, without, INKOM_PROVIDERS_ACM_TEST_CLIENT_SECRET_FILE="secret")
    assert secrets.clients["acm-test"].secret == SECRET


def test_an_application_accepts_acm_unless_it_names_others(folder: Path) -> None:
    settings, _ = loaded(folder, SMALL + TEST_PROVIDER)
    assert settings.applications["kmo-portefeuille"].providers == ("acm",)
    settings, _ = loaded(folder, SMALL + "    providers: [acm-test]\n" + TEST_PROVIDER)
    assert settings.applications["kmo-portefeuille"].providers == ("acm-test",)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("client_id: inkom-test", "client_name: inkom-test", "providers.acm-test.client_name is not known here"),
        ("    title: {nl: ACM-test, en: ACM test}\n", "", "providers.acm-test.title is missing"),
        ("{nl: ACM-test, en: ACM test}", "{nl: ACM-test}", "providers.acm-test.title: needs a text for en"),
        ("acm-test.example", "acm.example", "providers.acm-test.issuer: is acm's too; each provider has its own"),
        ("https://acm-test", "http://acm-test", "providers.acm-test.issuer: plain http is accepted for localhost only"),
        ("acm-test:", "Test_2:", "providers.Test_2: a provider's id has lower-case letters"),
        ("  acm-test:", "  acm:", "providers.acm: acm is the topic of that name"),
        ("    client_secret: another\n", "", "providers.acm-test.client_secret: client_secret_basic needs a secret"),
    ],
)
def test_a_provider_that_cannot_stand_beside_acm_is_a_problem(folder: Path, old: str, new: str, said: str) -> None:
    text = SMALL + TEST_PROVIDER.replace(old, new)
    assert any(said in message for _, message in problems(folder, text))


def test_an_application_that_names_no_provider_or_an_unknown_one_is_a_problem(folder: Path) -> None:
    text = SMALL + "    providers: [acm-tset]\n" + TEST_PROVIDER
    assert problems(folder, text) == [
        (18, "applications.kmo-portefeuille.providers: there is no provider acm-tset; did you mean acm-test?")
    ]
    assert problems(folder, SMALL + "    providers: []\n")


def test_a_misspelt_variable_is_a_problem_and_those_of_the_demo_are_not(folder: Path) -> None:
    loaded(folder, INKOM_DEMO_GATEWAY_PORT="1", INKOM_MOCK_PORT="2", OTHER="3")
    ((_, message),) = problems(folder, INKOM_LISTEN_PROT="1")
    assert message == "the environment variable INKOM_LISTEN_PROT names no setting"


def test_a_wrong_value_in_the_environment_is_a_problem(folder: Path) -> None:
    for value in ("{a: b}", "[", "many"):
        ((_, message),) = problems(folder, INKOM_LISTEN_PORT=value)
        assert f"listen.port: {value!r} does not fit" in message


def test_all_problems_are_printed_at_once(folder: Path) -> None:
    text = SMALL.replace("public_url: https", "public_url: ftp").replace("https://acm", "http://acm")
    text = text.replace("en: SME portfolio", "fr: PME").replace("http://10.0.0.5:9101", "10.0.0.5")
    (folder / "pseudonym.key").write_text("short")
    (folder / "assertion.pem").unlink()
    assert [(line, message.partition(":")[0]) for line, message in problems(folder, text)] == [
        (1, "public_url"),
        (3, "acm.issuer"),
        (16, "applications.kmo-portefeuille.title"),
        (17, "applications.kmo-portefeuille.upstream"),
        (12, "assertion.key_file"),
        (13, "pseudonym.key_file"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("https://inkom.example", "http://inkom.example", 1, "plain http is accepted for localhost only"),
        ("https://inkom.example", "http://localhost.example", 1, "plain http is accepted for localhost only"),
        ("https://inkom.example", "https://inkom.example/path", 1, "without a path"),
        ("https://acm.example/op", "http://acm.example/op", 3, "plain http is accepted for localhost only"),
        ("https://acm.example/op", "https://acm.example:x/op", 3, "is no http or https address"),
        ("https://acm.example/op", "https://user@acm.example/op", 3, "is no http or https address"),
        ("https://idm.example/v1", "http://idm.example/v1", 7, "plain http is accepted for localhost only"),
        ("https://kbo.example/v1", "'https://kbo.example/v1?x=1'", 7, "scheme, host and port only"),
        ("http://10.0.0.5:9101", "http://10.0.0.5:9101/path", 17, "without a path"),
        ("http://10.0.0.5:9101", "http://169.254.169.254", 17, "link-local"),
        ("http://10.0.0.5:9101", "http://169.254.169.254.", 17, "link-local"),
        ("http://10.0.0.5:9101", "http://2852039166", 17, "link-local"),
        ("http://10.0.0.5:9101", "http://0xa9fea9fe", 17, "link-local"),
        ("http://10.0.0.5:9101", "'http://[::ffff:169.254.169.254]'", 17, "link-local"),
        ("http://10.0.0.5:9101", "'http://[fe80::1]'", 17, "link-local"),
        ("https://acm.example/op", "https://:secret@acm.example/op", 3, "is no http or https address"),
        ("http://10.0.0.5:9101", "ftp://10.0.0.5", 17, "is no http or https address"),
        ("http://10.0.0.5:9101", "http://10.0.0.5:0", 17, "is no http or https address"),
        ("  kmo-portefeuille:", "  Kmo_portefeuille:", 15, "lower-case letters, digits and hyphens"),
        ("  kmo-portefeuille:", "  -kmo:", 15, "lower-case letters, digits and hyphens"),
        ("rediss://redis.example:6379/0", "[a]", 9, "sessions.redis must be a single value"),
        ("secrets: [", "idle: 9\n  absolute: 8\n  secrets: [", 10, "must not be longer than sessions.absolute"),
        ("upstream:", "sessions: {idle: 1801}\n    upstream:", 17, "is longer than sessions.idle"),
        ("upstream:", "sessions: {absolute: 28801}\n    upstream:", 17, "is longer than sessions.absolute"),
        ("secrets: [", "idle: .inf\n  secrets: [", 10, "does not fit"),
        ("secrets: [", "idle: 0\n  secrets: [", 10, "does not fit"),
        ("[ssssssssssssss", "[short, ssssssssssssss", 10, "32 characters or more (`inkom keys session`)"),
        ("  client_authentication: client_secret_basic\n", "", 2, "private_key_jwt needs a private key"),
        ("  client_secret: shared\n", "", 2, "client_secret_basic needs a secret"),
        (", token: bearer", "", 7, "need a bearer token"),
        ("client_id: inkom", "client_idd: inkom", 4, "did you mean client_id?"),
        ("audit: {file: audit.jsonl}", "audit: {}", 11, "audit.file is missing"),
        ("public_url: https://inkom.example", "public_url: ''", 1, "does not fit"),
        ("audit: {file", "links: {agency: 'javascript:alert(1)'}\naudit: {file", 11, "no http or https address"),
        ("audit: {file", "development: {clock: http://localhost:9000/c}\naudit: {file", 11, "localhost only"),
        ("audit: {file", "signals: {jwks_uri: http://acm.example/k}\naudit: {file", 11, "plain http is accepted for"),
        ("audit: {file", "signals: {issuer: https://idm.example}\naudit: {file", 11, "needs signals.jwks_uri"),
        ("audit: {file", "signals: {token_file: nowhere}\naudit: {file", 11, "nowhere"),
        ("audit: {file", "signals: {access_token_file: nowhere}\naudit: {file", 11, "nowhere"),
        (
            "audit: {file",
            "signals: {poll: {endpoint: http://acm.example}}\naudit: {file",
            11,
            "plain http is accepted",
        ),
        ("upstream:", "national_number: {purpose: x}\n    upstream:", 17, "legal_basis is missing"),
    ],
)
def test_a_wrong_setting_is_told_with_its_line_and_what_to_write(
    folder: Path, old: str, new: str, line: int, said: str
) -> None:
    assert old in SMALL
    found = problems(folder, SMALL.replace(old, new, 1))
    assert any(said in message for _, message in found), found
    assert (line, True) in [(at, said in message) for at, message in found], found


def test_signals_need_nothing_but_their_topic_when_acm_transmits_them(folder: Path) -> None:
    settings, secrets = loaded(folder, SMALL + "signals: {}\n")
    assert settings.signals == Signals()
    assert secrets.signals_token is None


@pytest.mark.parametrize(
    "address", ["http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000", "https://inkom.example/"]
)
def test_plain_http_is_accepted_for_this_machine(folder: Path, address: str) -> None:
    settings, _ = loaded(folder, SMALL.replace("https://inkom.example", f"'{address}'"))
    assert settings.secure is address.startswith("https")


def test_without_an_application_nothing_starts(folder: Path) -> None:
    text = SMALL[: SMALL.index("applications:")] + "applications: {}\n"
    assert problems(folder, text) == [(14, "applications: name at least one application")]


FROM_REGISTERS = "registers: {idm: https://idm.example/v1, kbo: https://kbo.example/v1, token: bearer}"
IDM = "idm: https://idm.example, token: t"
MAGDA = "functions: 'http://localhost:8080/f', enterprise: 'http://localhost:8080/e', sender: a"


@pytest.mark.parametrize(
    ("registers", "said"),
    [
        ("token: t", ["registers.idm: write the address", "registers.kbo: write the address"]),
        (f"source: registers, {IDM}", ["registers.kbo: write the address"]),
        (f"{IDM}, kbo: https://kbo.example, magda: {{{MAGDA}}}", ["not by both"]),
        ("source: claims, idm: https://idm.example", ["registers.idm: with `source: claims` no register is asked"]),
        ("source: claims, kbo: https://kbo.example", ["registers.kbo: with `source: claims`"]),
        (f"source: claims, magda: {{{MAGDA}}}", ["registers.magda: with `source: claims`"]),
        ("source: claims, token: t", ["registers.token: with `source: claims`"]),
        ("source: claims, token_file: secret", ["registers.token_file: with `source: claims`"]),
        ("source: both", ["registers.source"]),
        ("source: claims, claims: {rights: {A-B: C}}", ["before the first hyphen"]),
        ("source: claims, claims: {rights: {'A:B': C}}", ["before the first hyphen"]),
        ("source: claims, claims: {rights: {Abc: A, aBC: B}}", ["rights.aBC: stands there twice"]),
        ("source: claims, claims: {profiles: {Abc: A, ABC: B}}", ["profiles.ABC: stands there twice"]),
        ("source: claims, claims: {rights: {A: ''}}", ["does not fit"]),
        (f"{IDM}, kbo: https://kbo.example, claims: {{rights: {{}}}}", ["where an application has an `api`"]),
        (f"{IDM}, magda: {{{MAGDA.replace('localhost:8080/f', 'magda.example/f')}}}", ["plain http"]),
        (f"{IDM}, magda: {{{MAGDA.replace('http://', 'https://')}}}", ["client certificate"]),
        (f"{IDM}, magda: {{{MAGDA}, key_file: secret}}", ["go together"]),
        (f"{IDM}, magda: {{{MAGDA}, key_file: secret, certificate_file: secret}}", ["are PEM"]),
        (f"{IDM}, magda: {{{MAGDA}, key_file: none, certificate_file: none}}", ["cannot be read"]),
        (f"{IDM}, magda: {{functions: 'https://magda.example', sender: a}}", ["enterprise is missing"]),
    ],
)
def test_registers_that_do_not_go_together_are_problems(folder: Path, registers: str, said: list[str]) -> None:
    found = [message for _, message in problems(folder, SMALL.replace(FROM_REGISTERS, f"registers: {{{registers}}}"))]
    assert len(found) == len(said)
    for message, part in zip(found, said, strict=True):
        assert part in message


SECRET_CLIENT = "  client_authentication: client_secret_basic\n  client_secret: shared\n"


@pytest.mark.parametrize(
    ("client", "said"),
    [
        ("", ["acm.private_key_file: private_key_jwt needs a private key"]),
        ("private_key_file: secret\n  private_key_files: [secret]", ["acm.private_key_files: give this or"]),
        ("private_key_files: [secret, none]", ["acm.private_key_files: none cannot be read"]),
        ("client_authentication: client_secret_post", ["acm.client_secret: client_secret_post needs a secret"]),
        ("client_authentication: tls_client_auth", ["acm.tls_certificate_file: tls_client_auth needs a certificate"]),
        ("private_key_file: secret\n  sender_constrained: mtls", ["acm.tls_certificate_file: tokens bound"]),
        ("private_key_file: secret\n  tls_key_file: secret", ["acm.tls_certificate_file: a certificate and its key"]),
        ("private_key_file: secret\n  tls_authorities_file: secret", ["acm.tls_authorities_file: certificate, key"]),
        (
            "client_authentication: client_secret_basic\n  client_secret: shared\n  request: signed-and-pushed",
            ["acm.request: signed requests need a private key"],
        ),
    ],
)
def test_a_client_that_cannot_prove_itself_as_it_says_is_a_problem(folder: Path, client: str, said: list[str]) -> None:
    found = [message for _, message in problems(folder, SMALL.replace(SECRET_CLIENT, f"  {client}\n"))]
    assert len(found) == len(said)
    for message, part in zip(found, said, strict=True):
        assert part in message


def test_of_several_client_keys_the_first_stays_first(folder: Path) -> None:
    (folder / "older").write_text("o" * 40)
    _, secrets = loaded(folder, SMALL.replace(SECRET_CLIENT, "  private_key_files: [secret, older]\n"))
    assert secrets.client_keys == (SECRET, "o" * 40)


def test_authorities_of_the_provider_alone_need_no_certificate(folder: Path) -> None:
    Authority(folder)
    _, secrets = loaded(folder, SMALL.replace(SECRET_CLIENT, SECRET_CLIENT + "  tls_authorities_file: authority.pem\n"))
    assert secrets.acm_tls is not None


def test_claims_need_no_register_and_no_token(folder: Path) -> None:
    settings, secrets = loaded(folder, SMALL.replace(FROM_REGISTERS, "registers: {source: claims}"))
    assert settings.registers.claims.rights == {"VLAIOInkomGebruikerNieuw": "VLAIO Inkom Gebruiker Nieuw"}
    assert (secrets.register_token, secrets.magda_tls) == (None, None)


def test_claims_without_an_organisation_are_a_problem(folder: Path) -> None:
    text = SMALL.replace(FROM_REGISTERS, "registers: {source: claims}")
    ((_, message),) = problems(folder, text, INKOM_ACM_SCOPES="openid rrn")
    assert message == "acm.scopes: add vo: without it ACM names no organisation, and nobody gets in"


def test_magda_on_this_machine_needs_no_certificate(folder: Path) -> None:
    registers = f"registers: {{{IDM}, magda: {{{MAGDA}}}}}"
    _, secrets = loaded(folder, SMALL.replace(FROM_REGISTERS, registers))
    assert secrets.magda_tls is None


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("mysql://inkom:top-secret@db.example/inkom", "is no database that the gateway knows"),
        ("postgres://inkom:top-secret@db.example/inkom", "write postgresql:// in place of postgres://"),
        ("postgresql://inkom:top-secret@db.example", "names no database"),
        ("postgresql://inkom:top-secret@db.example:x/inkom", "is no database that the gateway knows"),
        ("sqlite:registrations.db", "names no file for SQLite"),
        ("sqlite:///", "names no file for SQLite"),
        ("sqlite:///:memory:", "in memory only"),
        ("", "is no database that the gateway knows"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_without_its_password(folder: Path, address: str, said: str) -> None:
    ((_, message),) = problems(folder, SMALL, INKOM_REGISTRATIONS_DATABASE=address)
    assert message.startswith("registrations.database: ")
    assert said in message
    assert "top-secret" not in message


def test_what_is_wrong_with_a_database_in_a_file_is_told_at_the_file(folder: Path) -> None:
    (folder / "address").write_text("mysql://inkom:top-secret@db.example/inkom\n")
    ((_, message),) = problems(folder, SMALL, INKOM_REGISTRATIONS_DATABASE_FILE="address")
    assert message.startswith("registrations.database_file: is no database")
    assert "top-secret" not in message


def test_the_database_is_a_file_beside_the_configuration_unless_another_is_named(folder: Path) -> None:
    assert loaded(folder)[1].database == "sqlite:///state/registrations.db"
    (folder / "address").write_text("postgresql:///inkom?host=/run/postgresql\n")
    _, secrets = loaded(folder, SMALL, INKOM_REGISTRATIONS_DATABASE_FILE="address")
    assert secrets.database == "postgresql:///inkom?host=/run/postgresql"
    both = {"INKOM_REGISTRATIONS_DATABASE": "sqlite:///a.db", "INKOM_REGISTRATIONS_DATABASE_FILE": "address"}
    ((_, message),) = problems(folder, SMALL, **both)
    assert "not both" in message


@pytest.mark.parametrize("content", [b"", b"\xff\xfe"])
def test_a_key_file_that_holds_no_text_is_a_problem(folder: Path, content: bytes) -> None:
    (folder / "assertion.pem").write_bytes(content)
    ((line, message),) = problems(folder)
    assert line == 12
    assert message.startswith("assertion.key_file: assertion.pem ")


@pytest.mark.parametrize("text", ["", "[", "a: b", "- x\n"])
def test_a_file_that_is_no_configuration_is_refused_and_not_overridden(folder: Path, text: str) -> None:
    assert problems(folder, text, INKOM_LISTEN_PORT="1")


API = "issuer: https://acm.example/op, audience: kmo-portefeuille, scopes: [kmo.read]"
ASKING = "endpoint: https://acm.example/introspect, client_id: inkom"


def with_api(api: str) -> str:
    return f"{SMALL}    api: {{{api}}}\n"


def test_programs_are_served_only_where_an_api_is_written(folder: Path) -> None:
    assert loaded(folder)[0].applications["kmo-portefeuille"].api is None
    settings, secrets = loaded(folder, with_api(API))
    api = settings.applications["kmo-portefeuille"].api
    assert api is not None
    assert (api.token_types, api.max_lifetime, api.forward_token) == (("at+jwt",), 3600, False)
    assert dict(secrets.introspection_secrets) == {}


def test_the_secret_for_introspection_may_stand_in_a_file_or_in_the_environment(folder: Path) -> None:
    text = with_api(f"{API}, introspection: {{{ASKING}}}")
    variable = "INKOM_APPLICATIONS_KMO_PORTEFEUILLE_API_INTROSPECTION_CLIENT_SECRET"
    for name, value, secret in ((variable, "told", "told"), (f"{variable}_FILE", "secret", SECRET)):
        _, secrets = loaded(folder, text, **{name: value})
        assert dict(secrets.introspection_secrets) == {"kmo-portefeuille": secret}


@pytest.mark.parametrize(
    ("api", "said"),
    [
        (API.replace("[kmo.read]", "[]"), "name at least one scope"),
        (API.replace("[kmo.read]", "['kmo read']"), "a scope is one word"),
        (API.replace("kmo-portefeuille", "''"), "audience"),
        (API.replace("https://acm", "http://acm"), "plain http"),
        (f"{API}, algorithms: []", "at least one each"),
        (f"{API}, algorithms: [HS256]", "algorithms"),
        (f"{API}, jwks_uri: 'http://keys.example'", "plain http"),
        (f"{API}, introspection: {{{ASKING}}}", "needs a secret"),
        (f"{API}, introspection: {{{ASKING}, client_secret: é}}", "ASCII"),
        (f"{API}, introspection: {{{ASKING}, client_secret: s, cached: 3600}}", "cached"),
        (f"{API}, jwks_uri: 'https://a.example', introspection: {{{ASKING}, client_secret: s}}", "remove one"),
    ],
)
def test_an_api_that_would_accept_too_much_is_a_problem(folder: Path, api: str, said: str) -> None:
    (found,) = [message for _, message in problems(folder, with_api(api))]
    assert said in found


def test_an_application_has_one_address_or_several(folder: Path) -> None:
    settings, _ = loaded(folder)
    assert settings.applications["kmo-portefeuille"].addresses == ("http://10.0.0.5:9101",)
    settings, _ = loaded(folder, SMALL.replace("http://10.0.0.5:9101", "[http://10.0.0.5:9101, http://10.0.0.6:9101]"))
    assert settings.applications["kmo-portefeuille"].addresses == ("http://10.0.0.5:9101", "http://10.0.0.6:9101")


@pytest.mark.parametrize(
    ("upstream", "where", "said"),
    [
        ("[]", "upstream", "at least one address"),
        ("[http://a, ftp://b]", "upstream[2]", "no http or https address"),
        ("[http://a, http://b/path]", "upstream[2]", "without a path"),
        ("[http://a, http://169.254.169.254]", "upstream[2]", "link-local"),
        ("[http://a, http://b, http://A/]", "upstream[3]", "a second time"),
        ("[http://a, https://b]", "upstream", "all https"),
    ],
)
def test_an_address_that_cannot_be_one_of_several_is_a_problem(
    folder: Path, upstream: str, where: str, said: str
) -> None:
    found = problems(folder, SMALL.replace("http://10.0.0.5:9101", upstream))
    assert [line for line, _ in found] == [17] * len(found)
    place = f"applications.kmo-portefeuille.{where}: "
    assert any(message.startswith(place) and said in message for _, message in found), found


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("max_response_head: 1000", "max_response_head: '1000' does not fit"),
        ("time_limits: {total: 0}", "time_limits.total: '0' does not fit"),
        ("health: {}", "health.path is missing"),
        ("health: {path: ready}", "health.path: write the path to ask for"),
        ("health: {path: '/a b'}", "health.path: write the path to ask for"),
        ("health: {path: '/a#b'}", "health.path: write the path to ask for"),
        ("health: {path: /, statuses: 300-200}", "write the lower status first: 200-300"),
        ("health: {path: /, statuses: 200}", 'write "200" in quotes'),
        ("health: {path: /, statuses: 2xx}", "health.statuses: '2xx' does not fit"),
        ("health: {path: /, unhealthy_after: 0}", "health.unhealthy_after: '0' does not fit"),
        ("ejection: {time: 20, longest: 10}", "ejection.time: must not be longer"),
        ("ejection: {share: 2}", "ejection.share: '2' does not fit"),
        ("breaker: {pause: 0}", "breaker.pause: '0' does not fit"),
        ("tls: {}", "tls: the backend is reached by plain http"),
        ("path: {prefix: app}", "path.prefix: write a path such as /app"),
        ("path: {prefix: /}", "path.prefix: write a path such as /app"),
        ("path: {prefix: /app/}", "path.prefix: write a path such as /app"),
        ("path: {prefix: /a//b}", "path.prefix: write a path such as /app"),
        ("path: {prefix: /a/../b}", "path.prefix: write a path such as /app"),
        ("path: {prefix: /a%2fb}", "path.prefix: write a path such as /app"),
        ("path: {prefix: '/a?b'}", "path.prefix: write a path such as /app"),
        ("path: {strip: 1}", "path.strip: '1' does not fit"),
        ("response_headers: {set: {Content-Length: '1'}}", "set: Content-Length cannot be changed"),
        ("response_headers: {add: {X-Inkom-Person: p}}", "add: X-Inkom-Person cannot be changed"),
        ("response_headers: {remove: [Transfer-Encoding]}", "remove: Transfer-Encoding cannot be changed"),
        ("response_headers: {remove: [Sec-WebSocket-Accept]}", "remove: Sec-WebSocket-Accept cannot be changed"),
        ("response_headers: {add: {Set-Cookie: a=b}}", "add: cookies are not set here"),
        ("response_headers: {set: {'a b': c}}", "set: 'a b' is no name"),
        ("response_headers: {set: {a: 'b\u00e9'}}", "set: the value of a holds what cannot be sent"),
        ('response_headers: {set: {a: "b\\r\\nc: d"}}', "set: the value of a holds what cannot be sent"),
        ("response_headers: {set: {a: ''}}", "set: the value of a holds what cannot be sent"),
        ("response_headers: {set: {Server: x}, remove: [server]}", "remove: server stands in set already"),
        ("response_headers: {replace: {a: b}}", "response_headers.replace is not known here"),
    ],
)
def test_a_way_to_a_backend_that_cannot_be_is_a_problem(folder: Path, written: str, said: str) -> None:
    found = problems(folder, f"{SMALL}    {written}\n")
    assert [(line, said in message) for line, message in found] == [(18, True)], found


OVER_TLS = SMALL.replace("http://10.0.0.5", "https://10.0.0.5")


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ("{certificate_file: gateway.crt}", "tls.key_file: a certificate and its key go together"),
        ("{key_file: gateway.key}", "tls.certificate_file: a certificate and its key go together"),
        ("{certificate_file: gateway.crt, key_file: other.key}", "tls.certificate_file: certificate, key and authorit"),
        ("{certificate_file: gateway.crt, key_file: none.key}", "tls.certificate_file: a file of the certificate cann"),
        ("{authorities_file: none.pem}", "tls.authorities_file: a file of the certificate cannot be read"),
        ("{authorities_file: secret}", "tls.authorities_file: certificate, key and authorities are PEM"),
        ("{server_name: 'backend:8443'}", "tls.server_name: write the host name"),
    ],
)
def test_a_certificate_towards_a_backend_that_cannot_be_used_is_a_problem(folder: Path, tls: str, said: str) -> None:
    authority = Authority(folder)
    authority.issue("gateway")
    authority.issue("other")
    (found,) = problems(folder, f"{OVER_TLS}    tls: {tls}\n")
    assert found[0] == 18
    assert f"applications.kmo-portefeuille.{said}" in found[1]


def test_certificates_towards_backends_are_read_at_the_start(folder: Path) -> None:
    Authority(folder).issue("gateway")
    files = "authorities_file: authority.pem, certificate_file: gateway.crt, key_file: gateway.key"
    _, secrets = loaded(folder, f"{OVER_TLS}    tls: {{{files}}}\n")
    assert list(secrets.backend_tls) == ["kmo-portefeuille"]
    assert dict(loaded(folder)[1].backend_tls) == {}


REGISTERS: dict[str, dict[str, Any]] = {
    "json": {
        "source": "registers",
        "idm": "https://idm.example/v1",
        "kbo": "https://kbo.example/v1",
        "token": "bearer",
        "token_file": "secret",
        "facts_max_age": 60.0,
        "time_limit": 2.0,
    },
    "magda": {
        "source": "registers",
        "idm": "https://idm.example/v1",
        "magda": {
            "functions": "https://magda.example/GeefFunctiesDienst-02.00/soap/WebService",
            "enterprise": "https://magda.example/GeefOndernemingDienst-02.00/soap/WebService",
            "sender": "inkom.example/gateway",
            "capacity": "9999",
            "recipient": "vip.vlaanderen.be",
            "certificate_file": "gateway.crt",
            "key_file": "gateway.key",
            "authorities_file": "authority.pem",
        },
        "token": "bearer",
    },
    "claims": {
        "source": "claims",
        "claims": {"rights": {"InkomRecht": "Inkom recht"}, "profiles": {"Lezer": "Lezer"}},
    },
}


def _provider(issuer: str) -> dict[str, Any]:
    return {
        "title": {"nl": "Toegangsbeheer", "en": "Access management"},
        "issuer": issuer,
        "client_id": "inkom",
        "client_authentication": "client_secret_post",
        "client_secret": "shared",
        "client_secret_file": "secret",
        "private_key_file": "secret",
        "private_key_files": [],
        "assertion_audience": "issuer",
        "request": "signed-and-pushed",
        "sender_constrained": "mtls",
        "tls_certificate_file": "gateway.crt",
        "tls_key_file": "gateway.key",
        "tls_authorities_file": "authority.pem",
        "scopes": ["openid", "rrn", "vo"],
        "algorithms": ["ES256"],
        "acr": {"urn:be:vlaanderen:authmech:eid": "eid"},
        "role_claim": "role",
        "national_number_claim": "egovNRN",
        "front_channel_logout": True,
        "refresh": True,
        "leeway": 10.0,
        "time_limit": 3.0,
        "response_mode": "form_post",
    }


def _whole(source: str) -> dict[str, Any]:
    return {
        "public_url": "https://inkom.example",
        "listen": {
            "host": "0.0.0.0",
            "port": 8443,
            "workers": 4,
            "fast_path": False,
            "tls": {
                "certificate": "gateway.crt",
                "key": "gateway.key",
                "more": {"other-host": {"certificate": "gateway.crt", "key": "gateway.key"}},
            },
            "http2": True,
            "proxy_protocol": {"from": ["10.1.0.0/16", "2001:db8::/32"], "time_limit": 2.0},
            "limits": {
                "connections": 5000,
                "connections_per_address": 50,
                "keep_alive": 30.0,
                "requests": 500,
                "pipelined": 4,
                "head_time": 5.0,
                "body_time": 10.0,
                "body_floor": 100,
                "reader_time": 30.0,
                "linger": 1.0,
                "swallow": 1000,
                "target": 4096,
                "headers": 16384,
                "fields": 50,
                "cookies": 8192,
            },
        },
        "operators": {"host": "10.0.0.1", "port": 8444},
        "acm": _provider("https://acm.example/op"),
        "providers": {"acm-test": _provider("https://acm-test.example/op")},
        "registers": REGISTERS[source],
        "sessions": {
            "redis": "rediss://redis.example:6379/0",
            "secrets": ["t" * 40],
            "secrets_file": "secret",
            "idle": 600.0,
            "absolute": 3600.0,
            "parked_body": 1000,
        },
        "policies": "rules",
        "audit": {"file": "audit.jsonl"},
        "registrations": {"database": "postgresql://inkom:secret@db.example/inkom", "database_file": None},
        "assertion": {"key_file": "assertion.pem"},
        "pseudonym": {"key_file": "pseudonym.key"},
        "applications": {
            "kmo-portefeuille": {
                "title": {"nl": "Kmo-portefeuille", "en": "SME portfolio"},
                "upstream": ["https://backend-1.example", "https://backend-2.example:8443"],
                "providers": ["acm", "acm-test"],
                "max_body": 1000,
                "max_response_head": 2000,
                "connections": 50,
                "time_limits": {"connect": 1.0, "first_byte": 2.0, "idle": 3.0, "total": 4.0},
                "health": {
                    "path": "/ready?full",
                    "interval": 10.0,
                    "time_limit": 1.0,
                    "statuses": "200",
                    "healthy_after": 1,
                    "unhealthy_after": 5,
                },
                "ejection": {"failures": 3, "time": 20.0, "longest": 60.0, "share": 0.3},
                "breaker": {"failures": 0, "pause": 1.0},
                "tls": {
                    "authorities_file": "authority.pem",
                    "certificate_file": "gateway.crt",
                    "key_file": "gateway.key",
                    "server_name": "backend.example",
                },
                "path": {"strip": True, "prefix": "/app"},
                "response_headers": {
                    "set": {"X-Frame-Options": "DENY"},
                    "add": {"Vary": "Cookie"},
                    "remove": ["Server"],
                },
                "step_up": True,
                "national_number": {"purpose": "aid", "legal_basis": "Act of 8 August 1983, article 8"},
                "api": {
                    "issuer": "https://acm.example/op",
                    "audience": "kmo-portefeuille",
                    "scopes": ["kmo.read"],
                    "jwks_uri": None,
                    "introspection": {
                        "endpoint": "https://acm.example/op/v1/introspect",
                        "client_id": "inkom",
                        "client_secret": "introspects",
                        "client_secret_file": "secret",
                        "cached": 10.0,
                    },
                    "algorithms": ["ES256"],
                    "token_types": ["at+jwt", "JWT"],
                    "organisation_claim": "org",
                    "role_claim": "roles",
                    "max_lifetime": 900.0,
                    "dpop_required": True,
                    "forward_token": True,
                },
                "sessions": {"idle": 300.0, "absolute": 1800.0},
            }
        },
        "forward_auth": {
            "nginx": ["10.0.0.1"],
            "haproxy": ["10.0.0.2"],
            "caddy": ["10.0.0.3"],
            "traefik": ["10.0.0.4"],
            "envoy": ["10.0.1.0/24", "2001:db8::/64"],
            "host": "inkom-gateway:8000",
        },
        "signals": {
            "jwks_uri": "https://acm.example/op/v1/keys",
            "issuer": "https://acm.example/op",
            "audience": "https://inkom.example",
            "algorithms": ["RS256", "ES256"],
            "token": "a-token",
            "token_file": None,
            "access_token": "another-token",
            "access_token_file": None,
            "poll": {"endpoint": "https://acm.example/op/poll", "max_events": 50, "time_limit": 60},
        },
        "links": {
            "user_management": "https://gebruikers.example/",
            "ask_for_right": "https://gebruikers.example/aanvraag",
            "my_profile": "https://profiel.example/",
            "kbo_search": "https://kbo.example/zoek",
            "kbo_change": "https://kbo.example/wijzig",
            "administrators": "https://beheer.example/",
            "agency": "https://agentschap.example/",
        },
        "development": {"clock": None},
    }


def _paths(value: Any, above: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, f"{above}.{key}" if above else key)
    else:
        yield above


def _declared(topic: type[msgspec.Struct], above: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(topic):
        inner = next((one for one in (field.type, *get_args(field.type)) if _is_struct(one)), None)
        repeated = ".*" if get_origin(field.type) is dict and inner else ""
        path = f"{above}{field.encode_name}{repeated}"
        yield from _declared(inner, f"{path}.") if inner else [path]


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


FORWARD_AUTH = "forward_auth: {nginx: [127.0.0.1, 10.0.0.0/24], envoy: ['2001:db8::/64'], host: 'inkom-gateway:8000'}\n"


def test_proxies_that_may_ask_are_named_by_product_and_address(folder: Path) -> None:
    settings, _ = loaded(folder, SMALL + FORWARD_AUTH)
    assert settings.forward_auth is not None
    assert peers_of(settings.forward_auth) == {
        "nginx": (ip_network("127.0.0.1/32"), ip_network("10.0.0.0/24")),
        "envoy": (ip_network("2001:db8::/64"),),
    }
    named, _ = loaded(folder, SMALL + FORWARD_AUTH, INKOM_FORWARD_AUTH_CADDY="192.0.2.7, 192.0.2.8")
    assert named.forward_auth is not None
    assert named.forward_auth.caddy == ("192.0.2.7", "192.0.2.8")


def test_nobody_may_ask_unless_named(folder: Path) -> None:
    settings, _ = loaded(folder)
    assert settings.forward_auth is None


@pytest.mark.parametrize(
    ("topic", "part"),
    [
        ("{nginx: [proxy.example]}", "no address and no network"),
        ("{nginx: [10.0.0.1/24]}", "no address and no network"),
        ("{nginx: [0.0.0.0/0]}", "is everybody"),
        ("{nginx: ['::/0']}", "is everybody"),
        ("{nginx: [10.0.0.0/24], caddy: [10.0.0.7]}", "an address belongs to one"),
        ("{traefik: ['2001:db8::1'], envoy: ['2001:db8::/64']}", "an address belongs to one"),
        ("{}", "names no proxy"),
        ("{host: 'inkom-gateway:8000'}", "names no proxy"),
        ("{nginx: [10.0.0.1], host: 'http://inkom-gateway'}", "write a host and its port"),
        ("{apache: [10.0.0.1]}", "apache"),
    ],
)
def test_a_mistake_in_who_may_ask_is_explained(folder: Path, topic: str, part: str) -> None:
    ((line, message),) = problems(folder, f"{SMALL}forward_auth: {topic}\n")
    assert line == SMALL.count("\n") + 1
    assert part in message
