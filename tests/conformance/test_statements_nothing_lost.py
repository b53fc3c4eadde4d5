"""Nothing is lost at a sign-in, over real HTTP: what one machine kept, another one sends."""

from __future__ import annotations

import hashlib

import httpx2
import redis as redis_client

from tests.conformance.browser import Browser
from tests.conformance.pair import Pair

BODY = (
    b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n" + bytes(range(256)) * 700 + b"\r\n--x--\r\n"
)


def test_d52_a_form_that_one_machine_kept_is_sent_byte_for_byte_by_another_when_its_sender_says_so(
    pair: Pair, browser: Browser, redis: str
) -> None:
    pair.sign_in(browser)
    with redis_client.Redis.from_url(redis) as store:
        for key in store.scan_iter("inkom:session:*"):
            store.delete(key)
    late = browser.client.post(
        f"{pair.first.application}api/echo?stap=2",
        content=BODY,
        headers={
            "content-type": "multipart/form-data; boundary=x",
            "origin": pair.first.origin,
            "sec-fetch-site": "same-origin",
        },
    )
    assert late.status_code == 401
    onward = late.text.partition("return_to=")[2].partition('"')[0]
    shortcut = {"mock_person": "employee", "mock_method": "itsme"}
    asked = browser.open(f"{pair.second.origin}/_inkom/login?return_to={onward}", **shortcut)
    assert "Do you still want to send this?" in asked.text
    answer = browser.press(asked)
    assert answer.status_code == 200, answer.text
    arrived = answer.json()
    assert (arrived["method"], arrived["target"]) == ("POST", "/kmo-portefeuille/api/echo?stap=2")
    assert arrived["body"] == {"length": len(BODY), "sha256": hashlib.sha256(BODY).hexdigest()}
    headers = dict(arrived["headers"])
    assert headers["content-type"] == "multipart/form-data; boundary=x"
    assert "referer" not in headers
    assert browser.press(asked).status_code == 410


def test_d65_a_script_without_a_session_gets_401_with_the_way_to_sign_in(pair: Pair) -> None:
    for kind in ("application/json", "text/event-stream", "*/*"):
        answer = httpx2.get(f"{pair.first.application}events", headers={"accept": kind}, trust_env=False)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["login_url"] == "/_inkom/login?return_to=%2Fkmo-portefeuille%2Fevents"
