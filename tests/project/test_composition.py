"""docker-compose.yml, read by docker-compose itself. No engine is needed, and none has run it."""

import os
import re
import shutil
import subprocess
from functools import cache
from typing import Any

import pytest
import yaml

from tests.project.places import ROOT, read

SERVICES = ("prepare", "shared-localhost", "redis", "mock", "apps", "gateway")


@cache
def composition() -> dict[str, Any]:
    command = shutil.which("docker-compose")
    assert command is not None, "docker-compose is missing: `.ci/packages` installs it"
    configured = subprocess.run(
        [command, "--file", str(ROOT / "docker-compose.yml"), "config"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "COMPOSE_PROJECT_NAME": "inkom"},
    )
    composed: dict[str, Any] = yaml.safe_load(configured.stdout)
    return composed


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = composition()["services"][name]
    return found


def test_it_has_the_gateway_and_all_that_it_needs() -> None:
    assert set(composition()["services"]) == set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_no_more_power_than_it_needs(name: str) -> None:
    assert service(name)["read_only"] is True
    assert service(name)["cap_drop"] == ["ALL"]
    assert service(name)["security_opt"] == ["no-new-privileges:true"]
    assert service(name)["user"] == "10001:10001"


@pytest.mark.parametrize("name", ["redis", "mock", "apps"])
def test_every_service_that_another_waits_for_says_whether_it_is_healthy(name: str) -> None:
    assert service(name)["healthcheck"]["test"]


def test_the_gateway_is_healthy_when_the_image_says_so() -> None:
    assert re.search(r"^HEALTHCHECK .*\n.*/_inkom/health/ready", read("Dockerfile"), re.MULTILINE)


def test_only_the_gateway_and_the_mock_are_published_and_on_this_machine_only() -> None:
    published = {name: service(name)["ports"] for name in SERVICES if "ports" in service(name)}

    assert published == {"shared-localhost": ["127.0.0.1:8000:8000/tcp", "127.0.0.1:9000:9000/tcp"]}


def test_localhost_means_the_same_to_the_gateway_and_the_mock() -> None:
    assert {service(name)["network_mode"] for name in ("gateway", "mock", "apps")} == {"service:shared-localhost"}


def test_backends_listen_where_only_the_gateway_reaches_them() -> None:
    command = service("apps")["command"]

    assert command[command.index("--host") + 1] == "127.0.0.1"


def test_redis_has_no_way_out() -> None:
    assert list(service("redis")["networks"]) == ["sessions"]
    assert composition()["networks"]["sessions"]["internal"] is True


def test_no_secret_stands_in_the_file() -> None:
    for line in read("docker-compose.yml").splitlines():
        if re.search(r"(?i)password|token|secret", line):
            assert re.search(r"/run/inkom|secrets: \{\}|volume `secrets`|the password of", line), line


def test_the_image_installs_from_a_lock_with_hashes_and_runs_as_an_ordinary_user() -> None:
    dockerfile = read("Dockerfile")

    assert "--require-hashes --requirement /build/requirements.lock" in dockerfile
    assert dockerfile.rindex("USER 10001:10001") > dockerfile.rindex("FROM ")


def test_everything_that_the_image_copies_exists_and_is_sent_to_the_builder() -> None:
    sent = {line[1:] for line in read(".dockerignore").splitlines() if line.startswith("!")}
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", read("Dockerfile"), re.MULTILINE)
        for source in line.split()[:-1]
    }

    assert copied == sent
    assert all((ROOT / source).exists() for source in copied)
