"""`python -m mock_apps` as a process: three servers, one line each, and a clean end."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx2
import pytest

from mock_apps.measures import MEASURES
from tests.mock_apps.stand_in import StandIn


@pytest.fixture
def running(keys_origin: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    command = [sys.executable, "-m", "mock_apps", "--ports", "0,0,0", "--gateway", f"{keys_origin}/"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = [process.stdout.readline().split() for _ in MEASURES]
        yield process, {measure: address for _, measure, address in ready}
        process.kill()


def headers_at(client: httpx2.Client, gateway: StandIn, address: str, issuer: str, audience: str) -> dict[str, str]:
    """What the gateway would send now, by the clock of the server itself."""
    health = client.get(httpx2.URL(address).join("/health"))
    now = int(parsedate_to_datetime(health.headers["date"]).timestamp())
    return gateway.headers(iss=issuer, aud=audience, iat=now, exp=now + 60)


def test_three_backends_start_answer_and_end_with_a_stream_open(
    running: tuple[subprocess.Popen[str], dict[str, str]], gateway: StandIn, keys_origin: str
) -> None:
    process, addresses = running
    assert list(addresses) == [measure.id for measure in MEASURES]
    with httpx2.Client(trust_env=False) as client:
        for measure, address in addresses.items():
            ours = headers_at(client, gateway, address, keys_origin, measure)
            others = headers_at(client, gateway, address, keys_origin, "another")
            assert client.get(address).status_code == 403
            assert client.get(address, headers=ours).status_code == 200
            assert client.get(address, headers=others).status_code == 403
        kmo = addresses[MEASURES[0].id]
        ours = headers_at(client, gateway, kmo, keys_origin, MEASURES[0].id)
        with client.stream("GET", f"{kmo}events", headers=ours) as stream:
            assert next(stream.iter_lines()) == "id: 1"
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
