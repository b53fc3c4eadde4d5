"""The sample backend over the wire: who gets in, what the pages say, what programs can ask of it."""

import asyncio
import hashlib
import json
import re
import socket

import httpx2
import pytest
import websockets
from websockets.exceptions import InvalidStatus

import mock_apps
from mock_apps.measures import MEASURES
from mock_apps.pages import HERE, Pages
from tests.mock_apps.stand_in import StandIn, backend

APP = "/kmo-portefeuille"
SCRIPT = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    "path", ["/", "/upload", "/live", "/talk", "/events", "/api/echo", "/api/slow", "/static/kit/kit.css", "/nowhere"]
)
def test_nothing_is_shown_to_a_request_that_did_not_pass_the_gateway(visitor: httpx2.Client, path: str) -> None:
    answer = visitor.get(APP + path)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] == "there is no assertion: this request did not pass the gateway"


def test_headers_without_assertion_open_nothing(visitor: httpx2.Client, gateway: StandIn) -> None:
    headers = gateway.headers()
    del headers["x-inkom-assertion"]
    assert visitor.get(f"{APP}/", headers=headers).status_code == 403


def test_health_is_open_and_stands_outside_the_prefix(visitor: httpx2.Client) -> None:
    assert visitor.get("/health").json() == {"status": "ok"}
    assert visitor.get(f"{APP}/health").status_code == 403


def test_without_the_gateways_keys_the_answer_is_try_later(gateway: StandIn) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        closed = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    with backend(closed) as origin:
        assert httpx2.get(f"{origin}{APP}/", headers=gateway.headers(), trust_env=False).status_code == 503


def test_the_start_page_says_who_you_are_for_whom_and_why(visitor: httpx2.Client, gateway: StandIn) -> None:
    page = visitor.get(f"{APP}/", headers={**gateway.headers(), "accept-language": "nl"}).text
    for words in ("Ann Désirée Peeters", "Bakkerij De Korrel", "1999.999.943", "gebruikersrecht", "substantieel"):
        assert words in page
    for way_back in ("/_inkom/organisation?return_to=/kmo-portefeuille/", "/_inkom/profile"):
        assert f'href="{way_back}"' in page


def test_the_start_page_speaks_english_and_remembers_a_click(visitor: httpx2.Client, gateway: StandIn) -> None:
    headers = gateway.headers(role="legal-representative", right=None, profile=None)
    chosen = visitor.get(f"{APP}/?lang=en", headers={**headers, "accept-language": "nl"})
    assert '<html lang="en">' in chosen.text
    assert "legal representative" in chosen.text
    assert '<html lang="en">' in visitor.get(f"{APP}/talk", headers={**headers, "accept-language": "nl"}).text


def test_the_address_without_slash_leads_to_the_start(visitor: httpx2.Client, gateway: StandIn) -> None:
    answer = visitor.get(APP, headers=gateway.headers())
    assert (answer.status_code, answer.headers["location"]) == (308, f"{APP}/")


@pytest.mark.parametrize("path", ["/nowhere", "/upload/", "/static/kit/none.css"])
def test_what_does_not_exist_is_a_page_with_a_way_back(visitor: httpx2.Client, gateway: StandIn, path: str) -> None:
    answer = visitor.get(APP + path, headers={**gateway.headers(), "accept-language": "nl"})
    assert answer.status_code == 404
    assert "Deze pagina bestaat niet" in answer.text


def test_a_client_that_leaves_halfway_does_no_harm(origin: str, visitor: httpx2.Client, gateway: StandIn) -> None:
    host, port = origin.removeprefix("http://").split(":")
    lines = [f"POST {APP}/api/echo HTTP/1.1", f"Host: {host}", "Content-Length: 1000"]
    lines += [f"{name}: {value}" for name, value in gateway.headers().items()]
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall("\r\n".join((*lines, "", "only this")).encode())
    assert visitor.get(f"{APP}/api/headers", headers=gateway.headers()).status_code == 200


def test_markup_in_a_name_is_shown_and_not_run(visitor: httpx2.Client, gateway: StandIn) -> None:
    page = visitor.get(f"{APP}/", headers=gateway.headers(organisation_name=f"100% {SCRIPT}")).text
    assert SCRIPT not in page
    assert "100% &lt;script&gt;" in page


def test_a_national_number_is_shown_masked_and_only_when_it_came(visitor: httpx2.Client, gateway: StandIn) -> None:
    assert "x-inkom-national-number" not in visitor.get(f"{APP}/", headers=gateway.headers()).text
    page = visitor.get(f"{APP}/", headers=gateway.headers(national_number="82672100108")).text
    assert "82672100108" not in page
    assert "•••••••••08" in page


def test_the_assertion_itself_is_not_printed(visitor: httpx2.Client, gateway: StandIn) -> None:
    headers = gateway.headers()
    assert headers["x-inkom-assertion"][:40] not in visitor.get(f"{APP}/", headers=headers).text


def test_pages_carry_the_security_headers(visitor: httpx2.Client, gateway: StandIn) -> None:
    policy = visitor.get(f"{APP}/", headers=gateway.headers()).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "connect-src 'self';" in policy  # the page's own event stream, which tells when access is over
    assert "unsafe" not in policy


def test_an_upload_is_counted_and_hashed(visitor: httpx2.Client, gateway: StandIn) -> None:
    content = bytes(range(256)) * 8000
    answer = visitor.post(
        f"{APP}/upload?lang=en",
        headers=gateway.headers(),
        data={"note": "not the file"},
        files={"document": ("jaarrekening é <b>.pdf", content, "application/pdf")},
    )
    assert "2,048,000" in answer.text
    assert hashlib.sha256(content).hexdigest() in answer.text
    assert "jaarrekening é &lt;b&gt;.pdf" in answer.text


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="document"; filename=""\r\n\r\n\r\n--x--\r\n',
        ),
        ("multipart/form-data; boundary=x", b"no such thing"),
        ("multipart/form-data", b""),
        ("application/x-www-form-urlencoded", b"document=a"),
        ("", b""),
    ],
)
def test_a_form_without_file_asks_for_one(
    visitor: httpx2.Client, gateway: StandIn, content_type: str, body: bytes
) -> None:
    headers = {**gateway.headers(), "content-type": content_type, "accept-language": "nl"}
    answer = visitor.post(f"{APP}/upload", headers=headers, content=body)
    assert answer.status_code == 400
    assert "Kies eerst een document." in answer.text


def test_echo_tells_what_arrived_to_the_byte(origin: str, gateway: StandIn) -> None:
    host, port = origin.removeprefix("http://").split(":")
    lines = [
        f"PUT {APP}/api/echo/a%2Fb//c%20d?x=%C3%A9&x HTTP/1.1",
        f"Host: {host}:{port}",
        "Connection: close",
        "X-Twice: one",
        "X-Twice: two",
        "Content-Length: 5",
        *(f"{name}: {value}" for name, value in gateway.headers().items()),
    ]
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall("\r\n".join((*lines, "", "hello")).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    echoed = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert echoed["method"] == "PUT"
    assert echoed["target"] == f"{APP}/api/echo/a%2Fb//c%20d?x=%C3%A9&x"
    assert [value for name, value in echoed["headers"] if name == "x-twice"] == ["one", "two"]
    assert echoed["body"] == {"length": 5, "sha256": hashlib.sha256(b"hello").hexdigest()}


def test_headers_come_back_with_what_was_verified(visitor: httpx2.Client, gateway: StandIn) -> None:
    answer = visitor.get(f"{APP}/api/headers", headers=gateway.headers()).json()
    assert answer["verified"]["organisation"] == "1999999943"
    assert ["x-inkom-role", "user"] in answer["headers"]


def test_cookies_are_set_as_asked(visitor: httpx2.Client, gateway: StandIn) -> None:
    answer = visitor.get(f"{APP}/api/set-cookie?a=1&__Host-b=2", headers=gateway.headers())
    assert answer.headers.get_list("set-cookie") == ["a=1; Path=/; HttpOnly", "__Host-b=2; Path=/; HttpOnly"]


@pytest.mark.parametrize(
    ("code", "body"),
    [(200, b'{"status":200}'), (204, b""), (304, b""), (418, b'{"status":418}'), (599, b'{"status":599}')],
)
def test_any_status_can_be_had(visitor: httpx2.Client, gateway: StandIn, code: int, body: bytes) -> None:
    answer = visitor.get(f"{APP}/api/status/{code}", headers=gateway.headers())
    assert (answer.status_code, answer.content) == (code, body)


def test_a_status_may_point_elsewhere(visitor: httpx2.Client, gateway: StandIn) -> None:
    answer = visitor.get(f"{APP}/api/status/302?location=/elsewhere", headers=gateway.headers())
    assert (answer.status_code, answer.headers["location"]) == (302, "/elsewhere")


@pytest.mark.parametrize(
    "path",
    [
        "/api/status/100",
        "/api/status/600",
        "/api/slow?seconds=301",
        "/api/slow?seconds=nan",
        "/api/slow?seconds=x",
        "/api/download/99999999999",
    ],
)
def test_what_makes_no_sense_is_a_bad_request(visitor: httpx2.Client, gateway: StandIn, path: str) -> None:
    assert visitor.get(APP + path, headers=gateway.headers()).status_code == 400


def test_a_slow_answer_comes(visitor: httpx2.Client, gateway: StandIn) -> None:
    assert visitor.get(f"{APP}/api/slow?seconds=0.05", headers=gateway.headers()).json() == {"waited": 0.05}


@pytest.mark.parametrize("octets", [0, 1, 65536, 100_000])
def test_a_download_has_the_size_that_was_asked(visitor: httpx2.Client, gateway: StandIn, octets: int) -> None:
    whole = visitor.get(f"{APP}/api/download/{octets}", headers=gateway.headers())
    assert whole.content == (bytes(range(256)) * 400)[:octets]
    assert whole.headers["content-length"] == str(octets)
    chunked = visitor.get(f"{APP}/api/download/{octets}?chunked=1", headers=gateway.headers())
    assert chunked.headers["transfer-encoding"] == "chunked"
    assert chunked.content == whole.content


def test_events_come_one_by_one(visitor: httpx2.Client, gateway: StandIn) -> None:
    with visitor.stream("GET", f"{APP}/events", headers=gateway.headers()) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = (line for line in answer.iter_lines() if line.startswith("data:"))
        assert [next(lines), next(lines)] == ['data: {"count": 1}', 'data: {"count": 2}']


async def test_a_websocket_says_who_you_are_and_echoes(origin: str, gateway: StandIn) -> None:
    address = f"{origin.replace('http', 'ws')}{APP}/socket"
    async with websockets.connect(address, additional_headers=gateway.headers(), proxy=None) as connection:
        who = json.loads(await asyncio.wait_for(connection.recv(), 5))
        assert who == {"name": "Ann Désirée Peeters", "organisation": "1999999943", "role": "user"}
        await connection.send("dag")
        assert await asyncio.wait_for(connection.recv(), 5) == "dag"
        await connection.send(b"\x00\xff")
        assert await asyncio.wait_for(connection.recv(), 5) == b"\x00\xff"


async def test_a_websocket_without_assertion_is_refused(origin: str) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        await websockets.connect(f"{origin.replace('http', 'ws')}{APP}/socket", proxy=None)
    assert refusal.value.response.status_code == 403


def test_every_text_has_its_dutch() -> None:
    for measure in MEASURES:
        assert Pages(measure).kit.missing("nl", sources=(HERE,)) == ()


def test_the_sample_backends_import_nothing_of_the_gateway() -> None:
    assert mock_apps.__file__ is not None
    for source in HERE.rglob("*.py"):
        assert not re.search(r"^\s*(from|import) (broker|mock_idp)\b", source.read_text(), re.MULTILINE), source
