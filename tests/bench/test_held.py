"""The own load against the own backend, both real: what is held, echoed, fetched and posted."""

import sys
from collections.abc import Iterator

import pytest
from websockets.sync.client import connect

from bench.held import fetch, hold, post, request, talk
from bench.load import LoadFailed
from bench.ports import free_port
from bench.processes import PROXY_CORE, running
from bench.site import answers

HOST = {"Host": "localhost"}
SIZE = 3_000_001
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="measuring needs Linux: taskset, setpriv")
PLAIN = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    line, _ = server.accept()
    line.recv(9999)
    line.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\nhalf")
    line.close()
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    free, folder = free_port(), tmp_path_factory.mktemp("live")
    command = (sys.executable, "-m", "bench.live", str(free))
    with running(command, core=PROXY_CORE, log=folder / "log", ready=answers(free)):
        yield free


@pytest.fixture(scope="module")
def plain_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server that answers everything with four bytes, and closes."""
    free, folder = free_port(), tmp_path_factory.mktemp("plain")
    with running((sys.executable, "-c", PLAIN, str(free)), core=PROXY_CORE, log=folder / "log", ready=answers(free)):
        yield free


def test_streams_are_held_until_somebody_has_looked(port: int) -> None:
    seen, alive = hold(port, 30, first=request("/a/events", HOST), wanted=b"data: hello\n\n", look=lambda: 7.0)

    assert (seen, alive) == (7.0, 30)


def test_a_page_in_the_place_of_a_stream_is_not_held(port: int) -> None:
    refused = request("/a/socket", {**HOST, "Sec-WebSocket-Key": "x"})  # answered by 101, not 200

    assert hold(port, 5, first=refused, wanted=b"data: hello", look=lambda: 0.0) == (0.0, 0)


def test_connections_that_ask_nothing_are_held(port: int) -> None:
    assert hold(port, 40, first=b"", wanted=b"", look=lambda: 1.0) == (1.0, 40)


def test_nobody_listening_fails_loudly() -> None:
    with pytest.raises(LoadFailed, match="not all of 2 connections"):
        hold(free_port(), 2, first=b"", wanted=b"", look=lambda: 0.0)


def test_messages_come_back_and_are_counted(port: int) -> None:
    count, seconds = talk(port, "/a/socket", HOST, connections=3, seconds=0.2)

    assert count >= 3
    assert seconds > 0


def test_a_server_without_websockets_fails_loudly(plain_port: int) -> None:
    with pytest.raises(LoadFailed, match=r"no WebSocket: b'HTTP/1\.1 200"):
        talk(plain_port, "/a/socket", HOST, connections=1, seconds=0.1)


@pytest.mark.parametrize("message", ["", "a", "four", "x" * 125])
def test_the_backend_echoes_messages_of_any_small_length(port: int, message: str) -> None:
    with connect(f"ws://127.0.0.1:{port}/a/socket", proxy=None, compression=None) as socket:
        socket.send(message)
        socket.send("and on")

        assert [socket.recv(timeout=20), socket.recv(timeout=20)] == [message, "and on"]


def test_an_upload_is_read_to_its_end(port: int) -> None:
    looks = iter(range(1000))
    head = request("/a/taken", {**HOST, "Content-Length": str(SIZE)}, method="POST")

    assert post(port, head, SIZE, look=lambda: float(next(looks))) > 0


def test_an_answer_that_is_no_success_is_no_download(port: int) -> None:
    with pytest.raises(LoadFailed, match="no download"):
        fetch(port, request("/a", {**HOST, "Sec-WebSocket-Key": "x"}), 10, look=lambda: 0.0)


def test_a_download_that_breaks_off_is_noticed(plain_port: int) -> None:
    with pytest.raises(LoadFailed, match="broke off after 4 bytes"):
        fetch(plain_port, request("/", HOST), 8, look=lambda: 0.0)

    assert fetch(plain_port, request("/", HOST), 4, look=lambda: 5.0) == 5.0
