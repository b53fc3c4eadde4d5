"""A candidate that does not do its work is not measured."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.candidates.candidate import SPOOFED, CheckFailed, Running, check

SIZES = {"1k": 1000, "100k": 100_000}


@contextmanager
def proxy(**wrong: object) -> Iterator[Running]:
    """Answers as a good gateway with a backend does, but for what is wrong."""

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            last = self.path.rpartition("/")[2]
            if "sid=1" not in self.headers.get("Cookie", "") and not wrong.get("open"):
                self._answer(401, b"")
            elif last == "told":
                person = self.headers["X-Inkom-Person"] if wrong.get("spoofed") else str(wrong.get("person", "p-1"))
                cookie = self.headers["Cookie"] if wrong.get("cookie") else "theme=dark"
                self._answer(200, f"x_inkom_person={person}\noidc_claim_sub=\ncookie={cookie}\n".encode())
            else:
                self._answer(200, b"x" * (SIZES[last] - int(bool(wrong.get("short")))))

        do_HEAD = do_GET  # noqa: N815  # the name is the library's

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Running(name="it", port=server.server_port, groups=(), cookie="sid=1", identity="X-Inkom-Person")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_good_candidate_passes() -> None:
    with proxy() as running:
        check(running)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"short": True}, "1k: 200 with 999 bytes"),
        ({"person": ""}, "the backend is told nobody"),
        ({"spoofed": True}, "a header that the client made up"),
        ({"cookie": True}, "the session's cookie reaches the backend"),
        ({"open": True}, "without a cookie: 200"),
    ],
)
def test_a_candidate_that_does_not_do_its_work_is_not_measured(wrong: dict[str, object], said: str) -> None:
    with proxy(**wrong) as running, pytest.raises(CheckFailed, match=f"it must not be measured: {said}"):
        check(running)


def test_the_load_carries_a_cookie_of_somebody_else_and_a_made_up_header() -> None:
    headers = Running(name="it", port=1, groups=(), cookie="sid=1", identity="X-Inkom-Person").headers

    assert headers["Cookie"] == "sid=1; theme=dark"
    assert headers["X-Inkom-Person"] == SPOOFED
    assert headers["Host"] == "localhost:1"
