"""A decision that serves further requests ends with what it rests on, on every machine."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from time import monotonic, sleep

import httpx2

from tests.e2e.chain import Chain, Visitor
from tests.e2e.second_gateway import recording_backend, second_gateway

PATH = "/kmo-portefeuille/"
SCRIPT = {"accept": "application/json", "sec-fetch-mode": "cors"}
# A decision serves for ten seconds. Whatever is refused this soon was refused because somebody told of the change.
WELL_BEFORE_ITS_END = 3.0


def status(cookies: dict[str, str], gateway: str) -> int:
    """What somebody with these cookies is told, who may have copied them."""
    return httpx2.get(gateway + PATH, headers=SCRIPT, cookies=cookies, trust_env=False).status_code


def used(audit: Path) -> Counter[str]:
    """How many requests were forwarded on each decision."""
    records = [json.loads(line) for line in audit.read_text().splitlines()]
    return Counter(one.get("decision") or one["id"] for one in records if one["kind"] in ("decision", "request"))


def test_whoever_signs_out_at_one_machine_is_signed_out_at_all(chain: Chain, visitor: Visitor, tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    with (
        recording_backend() as backend,
        second_gateway(
            chain, log=log, environment={"INKOM_APPLICATIONS_KMO_PORTEFEUILLE_UPSTREAM": backend.address}
        ) as other,
    ):
        assert visitor.open("employee").status_code == 200
        cookies = dict(visitor.client.cookies)
        for _ in range(3):
            assert [status(cookies, gateway) for gateway in (chain.gateway, other)] == [200, 200]
        # The further requests needed no decisions of their own.
        assert max(used(log.with_suffix(".audit.jsonl")).values()) >= 2
        visitor.post("/_inkom/logout", form_token=visitor.form_token())
        deadline = monotonic() + WELL_BEFORE_ITS_END
        while status(cookies, other) != 401:
            assert monotonic() < deadline
            sleep(0.02)
        assert status(cookies, chain.gateway) == 401
