"""Every text of KBO's pages exists in Dutch."""

from mock_idp.kbo.app import HERE, site
from pagekit.kit import PageKit


def test_every_text_has_its_dutch() -> None:
    kit = PageKit(
        templates=HERE / "templates",
        locales=HERE / "locales",
        site=site(static_url="/kit", accessibility_url="/accessibility"),
    )

    assert kit.missing("nl", sources=(HERE,)) == ()
