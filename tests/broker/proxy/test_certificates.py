"""The certificates that clients are shown: which one for which name, and what happens when the files change."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broker.adapters.clock import SystemClock
from broker.adapters.metrics import PrometheusMeasures
from broker.ports import InkomError
from broker.proxy.certificates import Certificates, Pair
from tests.broker.adapters.registers.magda.authority import Authority, Papers
from tests.broker.gateway import Hands
from tests.broker.proxy.world import until

LISTEN = "listen.tls"


@dataclass(frozen=True, kw_only=True)
class Shop:
    """An authority, and the place where the gateway finds its pair."""

    authority: Authority
    pair: Pair
    measures: PrometheusMeasures

    def put(self, name: str, **terms: object) -> Papers:
        """Issue a certificate and put it where the gateway looks."""
        papers = self.authority.issue(name, **terms)  # type: ignore[arg-type]  # as `issue` takes them
        replace(papers.certificate, self.pair.certificate)
        replace(papers.key, self.pair.key)
        return papers

    def certificates(self, **more: Pair) -> Certificates:
        clock = SystemClock()
        return Certificates({LISTEN: self.pair, **more}, clock=clock, measures=self.measures, look_every=0.02)

    def figure(self, name: str) -> str:
        return "\n".join(line for line in self.measures.exposition().decode().splitlines() if line.startswith(name))


def replace(source: Path, target: Path) -> None:
    """In one step, as every tool that renews certificates does."""
    shutil.copy(source, beside := target.with_suffix(".new"))
    os.replace(beside, target)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    (tmp_path / "issued").mkdir()
    pair = Pair(certificate=tmp_path / "tls.crt", key=tmp_path / "tls.key")
    shop = Shop(authority=Authority(tmp_path / "issued"), pair=pair, measures=PrometheusMeasures())
    shop.put("first")
    return shop


def shown(certificates: Certificates, authority: Authority, name: str | None = "localhost", **limits: object) -> str:
    """Shake hands in memory, and return the common name of what was shown."""
    client_side = ssl.create_default_context(cafile=authority.file)
    client_side.check_hostname = False
    for limit, value in limits.items():
        setattr(client_side, limit, value)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = certificates.context().wrap_bio(to_server, to_client, server_side=True)
    client = client_side.wrap_bio(to_client, to_server, server_hostname=name)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    found = client.getpeercert()
    assert found is not None
    subject = dict(pair[0] for pair in found["subject"])  # type: ignore[misc]  # as the library nests it
    return str(subject["commonName"])


def test_the_certificate_is_shown_and_the_gauge_tells_its_end(shop: Shop) -> None:
    assert shown(shop.certificates(), shop.authority) == "first"
    end = float(shop.figure("inkom_certificate_expires_timestamp_seconds").split()[-1])
    left = datetime.fromtimestamp(end, UTC) - SystemClock().now()
    assert timedelta(minutes=55) < left < timedelta(minutes=65)
    assert f'certificate="{LISTEN}"' in shop.figure("inkom_certificate_expires_timestamp_seconds")


def test_a_reload_shows_the_new_certificate(shop: Shop) -> None:
    certificates = shop.certificates()
    shop.put("second")
    assert shown(certificates, shop.authority) == "first"
    certificates.reload()
    assert shown(certificates, shop.authority) == "second"
    assert shop.figure('inkom_certificate_readings_total{result="ok"}').endswith(" 1.0")


@pytest.mark.parametrize(
    "wrong", ["another key", "noise", "gone", "a locked key", "expired", "empty", "no certificate"]
)
def test_a_pair_that_cannot_be_used_leaves_the_one_before_with_one_error(
    shop: Shop, caplog: pytest.LogCaptureFixture, wrong: str
) -> None:
    certificates = shop.certificates()
    match wrong:
        case "another key":
            replace(shop.authority.issue("other").certificate, shop.pair.certificate)
        case "noise":
            shop.pair.key.write_text("-----BEGIN PRIVATE KEY-----\nnonsense\n")
        case "gone":
            shop.pair.key.unlink()
        case "a locked key":
            shop.put("locked", password=b"secret")
        case "expired":
            shop.put("old", lasts=timedelta(hours=-1))
        case "no certificate":
            shop.pair.certificate.write_bytes(shop.pair.key.read_bytes())
        case _:
            shop.pair.certificate.write_text("")
    with caplog.at_level(logging.INFO):
        certificates.reload()
    assert shown(certificates, shop.authority) == "first"
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert "listen.tls is not taken over, the one before stays" in errors[0]
    assert "PRIVATE" not in errors[0]
    assert shop.figure('inkom_certificate_readings_total{result="refused"}').endswith(" 1.0")


async def test_changed_files_are_noticed_once_and_a_broken_state_is_told_once(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    certificates = shop.certificates()
    looking = asyncio.create_task(certificates.follow())
    other = shop.authority.issue("second")
    replace(other.certificate, shop.pair.certificate)  # the key has yet to come
    await until(lambda: "refused" in shop.figure("inkom_certificate_readings_total"))
    assert shown(certificates, shop.authority) == "first"
    replace(other.key, shop.pair.key)
    await until(lambda: 'result="ok"' in shop.figure("inkom_certificate_readings_total"))
    assert shown(certificates, shop.authority) == "second"
    looking.cancel()
    assert [record.levelno for record in caplog.records].count(logging.ERROR) == 1
    assert shop.figure('inkom_certificate_readings_total{result="ok"}').endswith(" 1.0")


def test_each_name_has_its_certificate_and_other_names_the_first(shop: Shop) -> None:
    papers = shop.authority.issue("other", hosts=("other.example", "*.wild.example"))
    other = Pair(certificate=papers.certificate, key=papers.key)
    certificates = shop.certificates(other=other)
    for name in ("other.example", "OTHER.example", "a.wild.example"):
        assert shown(certificates, shop.authority, name) == "other"
    for unknown in ("localhost", "wild.example", "a.b.wild.example", "unknown.example", None):
        assert shown(certificates, shop.authority, unknown) == "first"


def test_every_protocol_version_shows_the_certificate_of_the_name(shop: Shop) -> None:
    papers = shop.authority.issue("other", hosts=("other.example",))
    certificates = shop.certificates(other=Pair(certificate=papers.certificate, key=papers.key))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        limits = {"minimum_version": version, "maximum_version": version}
        assert shown(certificates, shop.authority, "other.example", **limits) == "other"


async def test_readiness_tells_a_certificate_that_expires_soon(shop: Shop) -> None:
    with pytest.raises(InkomError, match=r"the certificate of listen\.tls expires in 0 days"):
        await shop.certificates().check()
    shop.put("long", lasts=timedelta(days=90))
    await shop.certificates().check()


async def test_readiness_tells_a_certificate_that_has_expired(shop: Shop) -> None:
    shop.put("long", lasts=timedelta(days=90))
    clock = Hands()
    certificates = Certificates({LISTEN: shop.pair}, clock=clock, measures=shop.measures)
    clock.instant = SystemClock().now() + timedelta(days=91)
    with pytest.raises(InkomError, match="has expired"):
        await certificates.check()


def test_a_pair_that_cannot_be_used_at_the_start_is_an_error(shop: Shop) -> None:
    shop.pair.certificate.unlink()
    with pytest.raises(OSError, match="No such file"):
        shop.certificates()
