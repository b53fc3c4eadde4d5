"""Every text of the mails and of the mailbox exists in Dutch."""

from pathlib import Path

import mock_idp.mail.app
from mock_idp.mail.app import site
from mock_idp.mail.office import LOCALES, TEMPLATES
from pagekit.kit import PageKit


def test_every_text_has_its_dutch() -> None:
    kit = PageKit(
        templates=TEMPLATES, locales=LOCALES, site=site(static_url="/kit", accessibility_url="/accessibility")
    )

    assert kit.missing("nl", sources=(Path(mock_idp.mail.app.__file__).parent,)) == ()
