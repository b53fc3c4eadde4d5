"""The pictures of the walk: which there are, in order, with what they show; and docs/walkthrough.md made of them.

`INKOM_WALKTHROUGH=docs pytest tests/e2e/test_walkthrough.py` takes them anew into docs/walkthrough/.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Page

from tests.chromium import picture_folder
from tests.e2e.studio import WIDE
from tests.project.places import ROOT

# name of the picture -> the chapter it opens (or "") and what it shows
PICTURES: dict[str, tuple[str, str]] = {
    "01-aanmelden": (
        "A legal representative designates a local administrator",
        "Arne Testers manages the bakery. He opens *Beheer der Toegangsbeheer*; ACM asks how he wants to sign in.",
    ),
    "02-organisatie": ("", "KBO says that he represents the bakery, so he may designate its administrators."),
    "03-beheerders": ("", "Who administers the bakery now."),
    "04-aanduiden": ("", "He typed a national number; the register tells whose it is, and he confirms."),
    "05-aangeduid": ("", "From this moment she can work in user management."),
    "06-hoofdpagina": (
        "The administrator adds a person",
        "The new administrator signs in to *Gebruikersbeheer*: the main page of the guide.",
    ),
    "07-identificatienummer": ("", "Step 1 of 3: the national or BIS number."),
    "08-details": ("", "Step 2 of 3: the details. The register does not know this test number, so they are typed."),
    "09-toegevoegd": ("", "The person is there, and is linked to the organisation next."),
    "10-werkrelatie": (
        "Links her to the organisation",
        "The working relation: begin and end date (ten years at most), telephone number and e-mail address.",
    ),
    "11-gekoppeld": ("", "Linked. No rights yet."),
    "12-gebruikersrecht": ("Grants the right", "Step 1 of 3: which right."),
    "13-profiel": ("", "Step 2 of 3: four years at most, and the profile from *Beschikbaar* to *Geselecteerd*."),
    "14-toegekend": ("", "Granted: the page says what the person can enter now."),
    "15-app-activeren": (
        "She signs in with an app that she has just activated",
        "First use: she proves who she is with her card, and connects the app.",
    ),
    "16-binnen": ("", "Inside kmo-portefeuille."),
    "17-pauzeren": ("The working relation is paused", "The administrator pauses the relation and says why."),
    "18-geen-toegang-meer": ("", "The page that she has open says so, within a second and without being touched."),
    "19-waarom": ("", "And the gateway tells why, and who can help."),
    "20-hervat": ("", "After the relation was resumed, *Try again* is enough: no new sign-in."),
    "21-klok": ("Ten days before the end", "The clock of this world is moved to ten days before her rights end."),
    "22-mail": ("", "The mail of that day: both rights, in one message."),
    "23-toekenning-opzoeken": ("", "The administrator looks the grants up."),
    "24-verlengen": ("", "One of them is extended to its maximum term; the other is forgotten."),
    "25-vervallen": (
        "Past the end of the other right",
        "The day after: refused, with the reason, the day, and a way to ask for the right.",
    ),
    "26-aanvraag": ("", "She asks for it: the link knows which right, which profile, which organisation."),
    "27-taken": ("", "The administrator finds the request under *Mijn taken* and approves it."),
    "28-weer-binnen": ("", "She tries again, and is inside."),
}
FOLDER = "walkthrough"


@dataclass(slots=True)
class Album:
    """Takes the pictures in their order, where they are wanted; at the end none may be missing."""

    folder: Path | None
    for_documentation: bool
    taken: list[str] = field(default_factory=list)

    def take(self, page: Page, name: str) -> None:
        assert name == list(PICTURES)[len(self.taken)], f"{name} is out of order"
        page.set_viewport_size(WIDE)
        if self.folder is not None:
            page.screenshot(path=self.folder / f"{name}.jpeg", full_page=True, type="jpeg", quality=70, scale="css")
        self.taken.append(name)

    def complete(self) -> None:
        """All were taken; where they are meant for the documentation, it is written anew too."""
        assert self.taken == list(PICTURES)
        if self.folder is not None and self.for_documentation:
            (self.folder.parent / "walkthrough.md").write_text(document(), encoding="utf-8")


def album() -> Album:
    """Into docs/walkthrough/ when asked, else beside the other pictures of the tests, if anybody wants those."""
    wanted = os.environ.get("INKOM_WALKTHROUGH")
    above = ROOT / wanted if wanted else picture_folder()
    folder = None if above is None else above / FOLDER
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    return Album(folder=folder, for_documentation=bool(wanted))


def document() -> str:
    """docs/walkthrough.md, whole."""
    lines = [
        "# From nobody to inside kmo-portefeuille",
        "",
        "A walk through the demo in a real browser, from a person whom nobody knows to a request that reaches the",
        "backend, and on to the day on which the right ends. `tests/e2e/test_walkthrough.py` walks it at every run of",
        "the tests and took these pictures; everybody in them is invented. To walk it yourself: `make demo`.",
    ]
    for name, (chapter, caption) in PICTURES.items():
        if chapter:
            lines += ["", f"## {chapter}"]
        lines += ["", caption, "", f"![{caption.replace('*', '')}]({FOLDER}/{name}.jpeg)"]
    return "\n".join(lines) + "\n"
