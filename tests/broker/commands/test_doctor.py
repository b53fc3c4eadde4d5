"""`inkom doctor` beside real parts: all well, and each of them ill in turn."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from broker.adapters.registrations import Database, migrate
from broker.cli import main
from tests.broker.adapters.conftest import MockGovernment
from tests.broker.adapters.registers.magda.authority import Authority
from tests.broker.adapters.registers.recordings import REFERENCE, recorded
from tests.redis_server import RedisServer

NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody listens there


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with keys, made once."""
    folder = tmp_path_factory.mktemp("keys")
    for kind in ("assertion", "client", "session", "pseudonym"):
        assert main(["keys", kind, "--out", str(folder / kind)]) == 0
    return folder


@pytest.fixture
def settings(keys: Path, tmp_path: Path, running_mock: MockGovernment, shared_redis: RedisServer) -> dict[str, Any]:
    """A configuration in which everything works."""
    mock = running_mock.origin
    return {
        "public_url": "http://localhost:8000",
        "acm": {"issuer": f"{mock}/op", "client_id": "inkom-gateway", "private_key_file": str(keys / "client")},
        "registers": {"idm": f"{mock}/idm/v1", "kbo": f"{mock}/kbo/v1", "token": running_mock.register_token},
        "sessions": {"redis": shared_redis.url, "secrets_file": str(keys / "session")},
        "registrations": {"database": f"sqlite:///{tmp_path}/registrations.db"},
        "audit": {"file": str(tmp_path / "audit.jsonl")},
        "assertion": {"key_file": str(keys / "assertion")},
        "pseudonym": {"key_file": str(keys / "pseudonym")},
        "applications": {"kmo-portefeuille": {"title": {"nl": "K", "en": "K"}, "upstream": "http://localhost:9101"}},
        "development": {"clock": f"{mock}/mock/clock"},
    }


def examined(settings: dict[str, Any], folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    path = folder / "inkom.yaml"
    path.write_text(json.dumps(settings))  # JSON is YAML
    code = main(["doctor", "--config", str(path), "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert code == (0 if answer["works"] else 1)
    return {one["part"]: one for one in answer["parts"]}


def test_when_all_is_well_every_part_says_so(
    settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = examined(settings, tmp_path, capsys)
    assert list(parts) == ["redis", "acm", "idm", "kbo", "keys", "database", "audit", "clock"]
    assert [part for part, one in parts.items() if not one["works"]] == []
    assert "the mock's day" in parts["clock"]["finding"]
    assert "will be made" in parts["database"]["finding"]
    assert not (tmp_path / "audit.jsonl").exists()
    assert not (tmp_path / "registrations.db").exists()


def test_how_we_prove_ourselves_to_the_provider_is_said(
    settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finding = examined(settings, tmp_path, capsys)["acm"]["finding"]
    assert "client private_key_jwt (for the token-endpoint), requests in the address, tokens not bound" in finding
    settings["acm"].update(request="signed-and-pushed", sender_constrained="dpop", assertion_audience="issuer")
    finding = examined(settings, tmp_path, capsys)["acm"]["finding"]
    assert "(for the issuer), requests signed and pushed, tokens bound by DPoP" in finding


def test_what_the_provider_does_not_offer_is_said(
    settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    issued = Authority(tmp_path).issue("gateway")  # the mock of these tests has no door for certificates
    settings["acm"].update(
        sender_constrained="mtls", tls_certificate_file=str(issued.certificate), tls_key_file=str(issued.key)
    )
    part = examined(settings, tmp_path, capsys)["acm"]
    assert not part["works"]
    assert "does not bind access tokens to certificates" in part["finding"]
    assert "acm.sender_constrained" in part["remedy"]


def test_every_provider_is_asked(settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = {**settings["acm"], "issuer": NOWHERE, "title": {"nl": "Test", "en": "Test"}}
    parts = examined({**settings, "providers": {"acm-test": other}}, tmp_path, capsys)
    assert list(parts)[:3] == ["redis", "acm", "acm-test"]
    assert parts["acm"]["works"]
    assert "does not answer" in parts["acm-test"]["finding"]
    assert "mend providers.acm-test.issuer" in parts["acm-test"]["remedy"]


def test_the_certificate_that_browsers_see_is_told_with_its_end(
    settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue("gateway", hosts=("localhost", "other.example"), lasts=timedelta(days=40))
    tls = {"certificate": str(issued.certificate), "key": str(issued.key)}
    settings.update(public_url="https://localhost:8443", listen={"tls": tls})
    part = examined(settings, tmp_path, capsys)["tls"]
    assert part["works"]
    assert "listen.tls for localhost, other.example is valid until 20" in part["finding"]
    assert "(39 days)" in part["finding"] or "(40 days)" in part["finding"]
    assert "none is for" not in part["finding"]
    authority.issue("gateway", hosts=("else.example",))
    assert "none is for localhost, as it must be" in examined(settings, tmp_path, capsys)["tls"]["finding"]
    authority.issue("gateway", lasts=timedelta(days=-1))
    part = examined(settings, tmp_path, capsys)["tls"]
    assert not part["works"]
    assert "expired on 20" in part["finding"]
    assert "reads them without a restart" in part["remedy"]


def test_a_person_reads_a_line_for_each_part_and_what_to_do(
    settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings["registers"]["token"] = "another"
    path = tmp_path / "inkom.yaml"
    path.write_text(json.dumps(settings))
    assert main(["doctor", "--config", str(path)]) == 1
    printed = capsys.readouterr().out
    assert "ok      redis     the session store answers\n" in printed
    assert "failed  kbo       refuses our token (401)\n                  -> renew registers.token\n" in printed


@pytest.mark.parametrize(
    ("topic", "key", "value", "part", "finding"),
    [
        ("sessions", "redis", "redis://127.0.0.1:9/0", "redis", "session store does not work"),
        ("sessions", "redis", "http://localhost", "redis", "must begin with"),
        ("acm", "issuer", NOWHERE, "acm", "does not answer"),
        ("registers", "idm", NOWHERE, "idm", "does not answer"),
        ("registers", "kbo", NOWHERE, "kbo", "does not answer"),
        ("registers", "token", "another", "idm", "refuses our token (401)"),
        ("development", "clock", NOWHERE, "clock", "does not answer"),
        ("assertion", "key_file", __file__, "keys", "cannot be used"),
    ],
)
def test_a_part_that_is_ill_is_named_and_the_others_are_still_examined(
    settings: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    topic: str,
    key: str,
    value: str,
    part: str,
    finding: str,
) -> None:
    settings[topic][key] = value
    parts = examined(settings, tmp_path, capsys)
    assert len(parts) == 8
    assert finding in parts[part]["finding"]
    assert parts[part]["remedy"]
    assert {name for name, one in parts.items() if not one["works"]} <= {part, "kbo" if key == "token" else part}


@pytest.mark.parametrize(
    ("topic", "key", "path", "part", "finding"),
    [
        ("acm", "issuer", "/op/", "acm", "calls itself"),
        ("acm", "issuer", "/nowhere", "acm", "answers with status 404"),
        ("registers", "kbo", "/nowhere", "kbo", "is not there (404)"),
        ("development", "clock", "/op/v1/keys", "clock", "not with the document that belongs there"),
    ],
)
def test_a_wrong_address_is_told_from_one_that_does_not_answer(
    settings: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    running_mock: MockGovernment,
    topic: str,
    key: str,
    path: str,
    part: str,
    finding: str,
) -> None:
    settings[topic][key] = running_mock.origin + path
    assert finding in examined(settings, tmp_path, capsys)[part]["finding"]


def test_an_audit_file_that_cannot_be_written_is_found(
    settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings["audit"]["file"] = str(tmp_path)
    assert "cannot be written" in examined(settings, tmp_path, capsys)["audit"]["finding"]
    settings["audit"]["file"] = str(tmp_path / "absent" / "audit.jsonl")
    assert "cannot be written" in examined(settings, tmp_path, capsys)["audit"]["finding"]


def test_a_database_that_is_there_or_cannot_be_is_found(
    settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    migrate(Database.at("sqlite:///registrations.db", near=tmp_path))
    assert "has this version's tables" in examined(settings, tmp_path, capsys)["database"]["finding"]
    settings["registrations"]["database"] = "sqlite:////dev/null/registrations.db"
    assert "cannot be written" in examined(settings, tmp_path, capsys)["database"]["finding"]
    settings["registrations"]["database"] = f"postgresql:///inkom?host={tmp_path}"
    assert "does not work" in examined(settings, tmp_path, capsys)["database"]["finding"]


def test_without_a_moved_clock_the_machine_s_own_day_counts(
    settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del settings["development"]
    finding = examined(settings, tmp_path, capsys)["clock"]["finding"]
    assert finding.startswith("in Brussels it is ")
    assert "mock" not in finding


def test_a_broken_configuration_is_told_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "inkom.yaml"
    path.write_text("public_url: x\n")
    assert main(["doctor", "--config", str(path)]) == 1
    assert f"{path}:1:" in capsys.readouterr().err


def test_without_registers_there_is_none_to_examine(
    settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings["registers"] = {"source": "claims"}
    parts = examined(settings, tmp_path, capsys)
    assert list(parts) == ["redis", "acm", "registers", "keys", "database", "audit", "clock"]
    assert parts["registers"]["works"]
    assert "none is asked" in parts["registers"]["finding"]


def test_magda_is_asked_about_nobodys_enterprise(
    settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with magda_in_a_thread("enterprise-unknown") as origin:
        settings["registers"] = with_magda(settings, origin)
        assert "MAGDA answers" in examined(settings, tmp_path, capsys)["kbo"]["finding"]
    with magda_in_a_thread("request-refused", service="GeefFuncties") as origin:
        settings["registers"] = with_magda(settings, origin)
        parts = examined(settings, tmp_path, capsys)
    assert parts["idm"]["works"]
    assert not parts["kbo"]["works"]
    assert "do not understand" in parts["kbo"]["finding"]
    settings["registers"] = with_magda(settings, NOWHERE)
    kbo = examined(settings, tmp_path, capsys)["kbo"]
    assert "the connection failed" in kbo["finding"]
    assert NOWHERE in kbo["remedy"]


def with_magda(settings: dict[str, Any], origin: str) -> dict[str, Any]:
    registers = {key: value for key, value in settings["registers"].items() if key in {"idm", "token"}}
    magda = {"functions": f"{origin}/GeefFuncties", "enterprise": f"{origin}/GeefOnderneming", "sender": "inkom"}
    return {**registers, "magda": magda}


@contextmanager
def magda_in_a_thread(recording: str, *, service: str = "GeefOnderneming") -> Iterator[str]:
    """Answer every question with one recording; the command runs its own event loop."""

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = self.rfile.read(int(self.headers["content-length"])).decode()
            reference = question.split("<Referte>", 1)[1].partition("</Referte>")[0]
            body = recorded(recording).replace(REFERENCE.encode(), reference.encode())
            body = body.replace(b"GeefFuncties", service.encode())
            self.send_response(200)
            self.send_header("content-type", "text/xml")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def test_a_register_is_not_believed_on_the_word_of_the_provider_s_authorities(
    settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor does the gateway: what the doctor finds is what people will."""
    authority = Authority(tmp_path)
    settings["acm"]["tls_authorities_file"] = str(authority.file)
    with answering_over_tls(authority) as origin:
        settings["registers"]["idm"] = origin
        part = examined(settings, tmp_path, capsys)["idm"]
    assert not part["works"]
    assert "does not answer" in part["finding"]


@contextmanager
def answering_over_tls(authority: Authority) -> Iterator[str]:
    """An IDM that knows nothing, behind a certificate of an authority."""

    class Empty(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        server.socket = authority.plain_context().wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("status", "closed"), [(404, True), (400, False), (200, False), (401, False), (303, False)])
def test_a_proxy_that_lets_visitors_ask_is_found_out(
    settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], status: int, closed: bool
) -> None:
    with answering_everything_with(status) as origin:
        settings |= {"public_url": origin, "forward_auth": {"nginx": ["127.0.0.1"]}}
        part = examined(settings, tmp_path, capsys)["visitors"]
    assert part["works"] is closed
    assert f"{origin}/_inkom/auth" in part["finding"]
    assert ("let the proxy answer 404" in part["remedy"]) is not closed


def test_whether_visitors_may_ask_is_tried_only_where_somebody_may_and_answers(
    settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "visitors" not in examined(settings, tmp_path, capsys)
    settings["public_url"] = NOWHERE
    settings["forward_auth"] = {"nginx": ["127.0.0.1"]}
    part = examined(settings, tmp_path, capsys)["visitors"]
    assert part["works"]
    assert "not tried" in part["finding"]


@contextmanager
def answering_everything_with(status: int) -> Iterator[str]:
    """A site that gives one answer to everything."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
