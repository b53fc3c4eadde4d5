"""What a page is made of: escaping, languages, what is missing, what an operator may replace."""

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from pagekit import Link, PageKit, Site, message
from pagekit.kit import LOCALES, TEMPLATES, in_language

SAMPLES = Path(__file__).parent / "samples"
MARKUP = '"><script>alert(1)</script>'


def kit(*, site: Site | None = None, templates: Path = SAMPLES / "templates") -> PageKit:
    return PageKit(templates=templates, locales=SAMPLES / "locales", site=site or Site(name="Sample"))


def greeting(language: str = "nl", who: str = "Ann", count: int = 2, **context: object) -> str:
    return kit().render("greeting.html", language=language, who=who, count=count, **context)


def test_a_page_speaks_the_language_it_is_asked_for() -> None:
    assert '<html lang="nl">' in greeting("nl")
    assert "<h1>Welkom, Ann</h1>" in greeting("nl")
    assert '<html lang="en">' in greeting("en")
    assert "<h1>Welcome, Ann</h1>" in greeting("en")


def test_a_page_has_one_heading_and_its_landmarks() -> None:
    page = greeting()
    for element in ("<h1", "<main", "<header", "<footer", 'class="skip"'):
        assert page.count(element) == 1


def test_plurals_follow_the_number() -> None:
    assert ">1 ding<" in greeting(count=1)
    assert ">2 dingen<" in greeting(count=2)


def test_markup_in_a_value_is_shown_and_not_run() -> None:
    page = greeting(who=MARKUP)
    assert "<script" not in page
    assert 'value="&#34;&gt;&lt;script&gt;' in page


def test_a_name_keeps_its_direction_to_itself() -> None:
    assert '<bdi lang="">A\u202eB</bdi>' in greeting(who="A\u202eB")


def test_an_error_is_tied_to_its_field_and_announced() -> None:
    page = greeting()
    assert 'aria-describedby="who-hint who-error" aria-invalid="true"' in page
    assert '<a href="#who">' in page
    assert page.count('role="alert"') == 2


def test_a_choice_that_is_not_available_is_neither_link_nor_button() -> None:
    assert greeting().count("<button") == 1


def test_a_variable_that_nobody_gave_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        kit().render("greeting.html", language="nl", count=1)


def test_the_callers_words_win_over_those_of_the_kit() -> None:
    assert kit().text("Questions?", language="nl") == "Hulp nodig?"
    assert kit().text("Search", language="nl") == "Zoeken"


def test_a_message_outside_a_template_is_translated_and_filled() -> None:
    assert kit().text("Welcome, %(name)s", language="nl", name="Ann & Bo") == "Welkom, Ann & Bo"


def test_the_language_links_keep_the_query() -> None:
    page = greeting(address="/choose?return=%2Fa%3Fb&lang=en")
    assert 'href="?return=%2Fa%3Fb&amp;lang=nl" hreflang="nl" lang="nl" aria-current="true"' in page
    assert in_language("//evil.example/?x=1", "en") == "?x=1&lang=en"


def test_every_text_of_the_kit_has_its_dutch() -> None:
    site = Site(name="Gallery of pieces", footer=(Link(label="Back to the top", href="#"),))
    assert PageKit(templates=TEMPLATES, locales=LOCALES, site=site).missing("nl") == ()


def test_messages_without_dutch_are_found_in_templates_sources_and_site(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text('{{ _("Never translated") }} {% trans %}Nor this{% endtrans %}')
    source = tmp_path / "words.py"
    source.write_text('WORD = message("In a source")\nkit.text("Search", language="nl")\n')
    site = Site(name="Sample", footer=(Link(label="In the footer", href="/"),))
    missing = kit(site=site, templates=tmp_path).missing("nl", sources=(source,))
    assert missing == ("In a source", "In the footer", "Never translated", "Nor this")


def test_english_needs_no_translation() -> None:
    assert kit(site=Site(name="Nowhere translated")).missing("en") == ()


def test_a_fuzzy_translation_does_not_count(tmp_path: Path) -> None:
    folder = tmp_path / "nl"
    folder.mkdir()
    (folder / "messages.po").write_text('#, fuzzy\nmsgid "Sample"\nmsgstr "Monster"\n')
    pages = PageKit(templates=SAMPLES / "templates", locales=tmp_path, site=Site(name="Sample"))
    assert "Sample" in pages.missing("nl")
    assert pages.text("Sample", language="nl") == "Sample"


def test_an_operator_replaces_theme_logo_and_footer(tmp_path: Path) -> None:
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "footer.html").write_text("<footer>Our house</footer>")
    site = Site(name="Sample", theme="/theme/ours.css", logo="/theme/logo.svg", overrides=tmp_path)
    page = kit(site=site).render("greeting.html", language="nl", who="Ann", count=1)
    assert '<link rel="stylesheet" href="/theme/ours.css">' in page
    assert 'src="/theme/logo.svg" alt=""' in page
    assert "<footer>Our house</footer>" in page


def test_no_message_is_no_text() -> None:
    assert kit().text("", language="nl") == ""


def test_a_message_mark_changes_nothing() -> None:
    assert message("As it was") == "As it was"
