"""The configuration of listening: certificates, who stands in front, limits, and how many workers there are."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from broker.cli import main
from broker.config import available_cores
from tests.broker.adapters.registers.magda.authority import Authority
from tests.broker.test_config import SMALL, folder, loaded, problems

__all__ = ["folder"]  # the fixture

TLS = "listen: {tls: {certificate: gateway.crt, key: gateway.key}}\n"


def test_without_a_word_about_it_there_is_a_worker_for_each_core_and_nothing_in_front(folder: Path) -> None:
    listen = loaded(folder)[0].listen
    assert (listen.workers, listen.tls, listen.proxy_protocol) == (None, None, None)
    assert (listen.limits.connections, listen.limits.connections_per_address) == (10_000, None)


@pytest.mark.parametrize(
    ("listen", "said"),
    [
        ("{tls: {certificate: gateway.crt}}", "listen.tls.key is missing"),
        (
            "{tls: {certificate: none.crt, key: gateway.key}}",
            "listen.tls.certificate: the certificate or",
        ),
        ("{tls: {certificate: gateway.crt, key: other.key}}", "the key belongs to the first certificate"),
        ("{tls: {certificate: gateway.crt, key: locked.key}}", "the key belongs to the first certificate, unlocked"),
        ("{tls: {certificate: gateway.key, key: gateway.key}}", "listen.tls.certificate: certificate and key are"),
        (
            "{tls: {certificate: other.crt, key: other.key, more: {x: {certificate: other.crt, key: gateway.key}}}}",
            "listen.tls.more.x.certificate: certificate and key are PEM",
        ),
        ("{tls: {certificate: gateway.crt, key: gateway.key, versions: [1.0]}}", "listen.tls.versions is not known"),
        ("{http2: true}", "listen.http2: browsers speak HTTP/2 over TLS only"),
        ("{proxy_protocol: {}}", "listen.proxy_protocol.from is missing"),
        ("{proxy_protocol: {from: []}}", "name the networks of whoever stands in front"),
        ("{proxy_protocol: {from: [10.1.2.3/16]}}", "10.1.2.3/16: is no network"),
        ("{proxy_protocol: {from: [balancer]}}", "balancer: is no network"),
        ("{proxy_protocol: {from: [0.0.0.0/0]}}", "is everybody, who could then call themselves anybody"),
        ("{proxy_protocol: {from: ['::/0']}}", "is everybody, who could then call themselves anybody"),
        ("{limits: {keep_alive: 0}}", "listen.limits.keep_alive"),
        ("{limits: {connections: many}}", "listen.limits.connections"),
        ("{limits: {headers: 1024}}", "is more than listen.limits.headers"),
        ("{workers: 0}", "listen.workers"),
    ],
)
def test_what_cannot_be_listened_with_is_a_problem(folder: Path, listen: str, said: str) -> None:
    authority = Authority(folder)
    authority.issue("gateway")
    authority.issue("other")
    authority.issue("locked", password=b"secret")
    found = problems(folder, f"{SMALL}listen: {listen}\n")
    assert any(said in message for _, message in found), found
    assert {line for line, _ in found} == {SMALL.count("\n") + 1}


def test_a_certificate_of_its_own_goes_with_https(folder: Path) -> None:
    Authority(folder).issue("gateway")
    text = SMALL.replace("https://inkom.example", "http://localhost:8000") + TLS
    ((_, message),) = problems(folder, text)
    assert message.startswith("listen.tls: with a certificate of its own the gateway's public_url begins with https://")


def test_an_expired_certificate_is_told_by_the_check_and_keeps_nothing_from_starting(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = Authority(folder)
    authority.issue("gateway", lasts=timedelta(hours=-1))
    loaded(folder, SMALL + TLS)
    assert main(["check", "--config", str(folder / "inkom.yaml")]) == 1
    assert f"inkom.yaml:{SMALL.count(chr(10)) + 1}: listen.tls.certificate: expired on" in capsys.readouterr().out
    authority.issue("gateway")
    main(["check", "--config", str(folder / "inkom.yaml")])
    assert "listen.tls" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", None), ("100000 100000", 1), ("50000 100000", 1), ("nonsense", None)]
)
def test_a_quota_of_the_control_group_counts_as_cores(tmp_path: Path, quota: str, cores: int | None) -> None:
    (tmp_path / "cpu.max").write_text(quota + "\n")
    assert available_cores(tmp_path) == (cores or len(os.sched_getaffinity(0)))


@pytest.mark.parametrize(("quota", "cores"), [("-1", None), ("100000", 1)])
def test_an_older_control_group_is_understood_too(tmp_path: Path, quota: str, cores: int | None) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota + "\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert available_cores(tmp_path) == (cores or len(os.sched_getaffinity(0)))


def test_a_quota_of_many_cores_gives_no_more_than_there_are(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("100000000 100000\n")
    assert available_cores(tmp_path) == len(os.sched_getaffinity(0))
