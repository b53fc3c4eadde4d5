"""Renders pages: one Jinja2 environment per language, escaping on, and any undefined variable an error.

An application makes one PageKit when it starts and calls `render` per page. It opens no connection and serves no file:
the application mounts STATIC below `Site.static_url` itself.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

from pagekit.formats import Formats
from pagekit.languages import LANGUAGES, SOURCE_LANGUAGE, read_catalogues, translations
from pagekit.untranslated import is_translated, messages_in_python, messages_in_templates

_HERE = Path(__file__).parent
STATIC: Path = _HERE / "static"
TEMPLATES: Path = _HERE / "templates"
LOCALES: Path = _HERE / "locales"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link in the footer. The label is a message id."""

    label: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What all pages of one application have in common, and where an operator hooks in the house style.

    name: message id of the service name in the header. home: where that name leads.
    static_url: where the application serves STATIC. accessibility_url: the statement on accessibility.
    theme: address of a stylesheet that sets the custom properties of kit.css anew. logo: address of an image.
    overrides: folder with an operator's own kit/masthead.html or kit/footer.html; it is searched first.
    """

    name: str
    home: str = "/"
    static_url: str = "/static"
    accessibility_url: str = "/accessibility"
    footer: tuple[Link, ...] = ()
    theme: str | None = None
    logo: str | None = None
    overrides: Path | None = None


class PageKit:
    """The pages of one application, in every language of LANGUAGES."""

    def __init__(self, *, templates: Path, locales: Path, site: Site) -> None:
        self._site = site
        self._folders = (*((site.overrides,) if site.overrides else ()), templates, TEMPLATES)
        self._catalogues = {language: read_catalogues((locales, LOCALES), language) for language in LANGUAGES}
        self._translations = {language: translations(self._catalogues[language]) for language in LANGUAGES}
        self._environments = {language: self._environment(language) for language in LANGUAGES}

    def render(self, template: str, *, language: str, **context: object) -> str:
        """The page as text. `address` in the context (path and query) keeps the query when the language is switched.

        Raises jinja2.UndefinedError for a variable that the template uses and nobody gave.
        """
        page = self._environments[language].get_template(template)
        return page.render({"address": "", "scheme": None, "refresh": None, **context})

    def text(self, message: str, *, language: str, **values: object) -> str:
        """One message, translated, with its %(name)s places filled. Plain text: escape it before putting it in HTML."""
        return self._translations[language].gettext(message) % values

    def missing(self, language: str, *, sources: tuple[Path, ...] = ()) -> tuple[str, ...]:
        """Message ids without a translation, over all templates, the site's own texts, and Python sources if given."""
        if language == SOURCE_LANGUAGE:
            return ()
        used = {self._site.name, *(link.label for link in self._site.footer)}
        used.update(messages_in_templates(self._folders))
        used.update(messages_in_python(sources))
        return tuple(sorted(text for text in used if not is_translated(text, self._catalogues[language])))

    def _environment(self, language: str) -> Environment:
        environment = Environment(
            loader=ChoiceLoader([FileSystemLoader(folder) for folder in self._folders]),
            autoescape=True,
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.policies["ext.i18n.trimmed"] = True
        spoken = self._translations[language]
        # The i18n extension adds this method when it is loaded, which type checkers can't see.
        vars(environment)["install_gettext_callables"](spoken.gettext, spoken.ngettext, newstyle=True)
        environment.globals.update(_page_globals(self._site, language))
        formats = Formats(language)
        for filter_ in (formats.day, formats.long_day, formats.week_day, formats.moment, formats.number, formats.size):
            environment.filters[filter_.__name__] = filter_
        return environment


def _page_globals(site: Site, language: str) -> Mapping[str, object]:
    return {
        "site": site,
        "language": language,
        "languages": LANGUAGES,
        "kit_css": f"{site.static_url}/kit.css?v={_digest(STATIC / 'kit.css')}",
        "kit_icon": f"{site.static_url}/icon.svg",
        "in_language": in_language,
    }


def _digest(path: Path) -> str:
    """Changes when the file does, so that browsers may keep the old one for ever."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]


def in_language(address: str, language: str) -> str:
    """The same page in another language: its query with `lang` replaced. Relative, so no path can lead elsewhere."""
    query = [pair for pair in parse_qsl(urlsplit(address).query, keep_blank_values=True) if pair[0] != "lang"]
    return "?" + urlencode([*query, ("lang", language)])
