"""The mailbox as a visitor sees it: on a wide screen and on a phone, without a finding of axe-core.

Pictures go to the folder that INKOM_SCREENSHOTS names.
"""

import smtplib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from mock_idp.mail.settings import MailSettings
from tests.chromium import chromium as real_chromium
from tests.chromium import keep_picture
from tests.mock_idp.mail.scene import SOON
from tests.mock_idp.mail.served import mail, running_mock
from tests.mock_idp.provider import Mock

SIZES: tuple[tuple[str, ViewportSize], ...] = (
    ("narrow", {"width": 390, "height": 844}),
    ("wide", {"width": 1280, "height": 900}),
)
SMALLEST: ViewportSize = {"width": 320, "height": 700}
STICKS_OUT = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Mock, int]]:
    with running_mock(MailSettings(at=None)) as running:
        yield running


@pytest.fixture
def mock(served: tuple[Mock, int]) -> Mock:
    served[0].post("/mock/reset", {})
    return served[0]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with real_chromium() as running:
        yield running


@pytest.fixture
def page(chromium: Browser, mock: Mock) -> Iterator[Page]:
    with chromium.new_context(locale="nl-BE", base_url=mock.origin) as context:
        yield context.new_page()


def look(page: Page, name: str) -> None:
    page.set_viewport_size(SMALLEST)
    assert not page.evaluate(STICKS_OUT), name
    for suffix, size in SIZES:
        page.set_viewport_size(size)
        results = Axe().run(page)
        assert results.violations_count == 0, f"{name}: {results.generate_report()}"
        keep_picture(page, f"mail-{name}-{suffix}")


def test_a_visitor_sends_the_mail_of_the_day_reads_it_and_empties_the_mailbox(page: Page) -> None:
    page.goto("/postvak")
    expect(page.get_by_text("Nog geen mail")).to_be_visible()
    look(page, "empty")

    page.get_by_role("button", name="Verstuur nu de mail van vandaag").click()
    expect(page.get_by_role("table")).to_contain_text(SOON)
    look(page, "list")

    page.get_by_role("row", name=SOON).get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("loopt bijna af")
    inside = page.frame_locator("iframe")
    expect(inside.get_by_text("Voorbeeld Bakkerij BV (1999.999.943)")).to_be_visible()
    with page.expect_popup() as opened:
        inside.get_by_role("link", name="Mijn profiel").click()
    opened.value.close()
    look(page, "message")

    page.goto("/postvak?q=niemand")
    expect(page.get_by_text("Geen mail aan een adres")).to_be_visible()

    page.goto("/postvak")
    page.get_by_role("button", name="Verwijder alle berichten").click()
    expect(page.get_by_text("Nog geen mail")).to_be_visible()


@contextmanager
def spy() -> Iterator[tuple[str, list[str]]]:
    """A stranger's web server: its origin, and what was asked of it."""
    asked: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join(10)


def test_a_message_of_a_stranger_runs_loads_and_sends_nothing(page: Page, served: tuple[Mock, int], mock: Mock) -> None:
    with spy() as (stranger, asked):
        loads = (
            "<p id=shown>hallo</p><script>parent.document.title='taken';fetch('/mock/reset',{method:'POST'})</script>"
            f"<img src='{stranger}/img'><link rel=stylesheet href='{stranger}/css'><body background='{stranger}/bg'>"
            f"<style>@import '{stranger}/import'; p {{ background: url({stranger}/url) }}</style>"
            f"<iframe src='{stranger}/frame'></iframe><video src='{stranger}/video' autoplay></video>"
        )
        leaves = f"<meta http-equiv=refresh content='0;url={stranger}/refresh'>"
        with smtplib.SMTP("127.0.0.1", served[1], timeout=10) as smtp:
            smtp.send_message(mail("Weg hier", html=leaves))
            smtp.send_message(mail("Een heel lang onderwerp " + "zonderspaties" * 20, html=loads))
        newest, oldest = (one["id"] for one in mock.get("/mock/mail").json()["messages"])

        page.goto(f"/postvak/{oldest}")
        page.wait_for_load_state("networkidle")
        page.goto(f"/postvak/{newest}")
        expect(page.frame_locator("iframe").locator("#shown")).to_have_text("hallo")
        page.wait_for_load_state("networkidle")
        assert "taken" not in page.title()
        look(page, "stranger")

        # Alone in a window, where no frame of ours shuts it in, its own headers do.
        page.goto(f"/postvak/{newest}/html")
        expect(page.locator("#shown")).to_have_text("hallo")
        page.wait_for_load_state("networkidle")
        assert asked == []
        assert mock.get("/mock/mail").json()["count"] == 2
