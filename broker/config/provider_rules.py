"""Which providers there may be beside ACM, and that each application names providers that exist."""

from __future__ import annotations

from broker.config.topics import Settings
from broker.documents import Document, suggestion
from broker.domain.session import FIRST_PROVIDER


def check_providers(document: Document, settings: Settings) -> None:
    """Note every provider that cannot stand beside the others, and every name of one that is not there."""
    for name in settings.providers:
        _check_id(document, name)
    known = settings.all_providers
    issuers: dict[str, str] = {}
    for name, provider in known.items():
        where = settings.place_of(name)
        missing = {"nl", "en"}.difference(provider.title)
        if missing:
            document.wrong_at(f"{where}.title", f"needs a text for {' and '.join(sorted(missing))}")
        if provider.issuer in issuers:
            # RFC 9700 4.4: the issuer is what tells providers apart.
            document.wrong_at(f"{where}.issuer", f"is {issuers[provider.issuer]}'s too; each provider has its own")
        issuers.setdefault(provider.issuer, name)
    for name, application in settings.applications.items():
        if not application.providers:
            document.wrong_at(f"applications.{name}.providers", "names nobody: then nobody could sign in")
        for one in application.providers:
            if one not in known:
                place = f"applications.{name}.providers"
                document.wrong_at(place, f"there is no provider {one}; {suggestion(one, list(known))}")


def _check_id(document: Document, name: str) -> None:
    where = f"providers.{name}"
    plain = name.isascii() and name.replace("-", "").isalnum() and name == name.lower()
    if name == FIRST_PROVIDER:
        document.wrong_at(where, "acm is the topic of that name; call this one otherwise")
    elif not plain or name.startswith("-"):
        document.wrong_at(where, "a provider's id has lower-case letters, digits and hyphens: it is in its callback")
