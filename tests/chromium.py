"""A real headless Chromium, the one of the operating system, that speaks to nobody but the pages under test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

# Without these a browser looks things up at its maker's, which tests neither need nor want.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser with a profile of its own for the length of a block."""
    program = shutil.which("chromium")
    if program is None:
        raise AssertionError("Chromium is not installed: apt-get install chromium, or brew install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=list(_FLAGS))
        yield running
        running.close()
