"""A real headless Chromium, the one of the operating system, that speaks to nobody but the pages under test.

Pictures of the pages are taken for whoever wants to look: into the folder that INKOM_SCREENSHOTS names.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

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


def picture_folder() -> Path | None:
    """The folder for pictures, made when it is not there; None when nobody wants any."""
    named = os.environ.get("INKOM_SCREENSHOTS")
    if not named:
        return None
    folder = Path(named)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def keep_picture(page: Page, name: str) -> None:
    """Take a picture of a whole page, if anybody wants it."""
    folder = picture_folder()
    if folder is not None:
        page.screenshot(path=folder / f"{name}.png", full_page=True)
