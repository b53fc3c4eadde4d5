"""The rules that one value's type cannot express: addresses, what belongs together, what only a demo may use."""

from __future__ import annotations

from urllib.parse import urlsplit

from broker.config.topics import LOCAL_HOSTS, Application, Settings
from broker.documents import Document


def check(settings: Settings, document: Document) -> None:
    public = urlsplit(settings.public_url)
    if public.scheme not in {"http", "https"} or not public.hostname or public.path not in {"", "/"} or public.query:
        document.wrong_at(
            "public_url", "write the address that browsers use, such as https://inkom.example, without a path"
        )
    elif public.scheme == "http" and public.hostname not in LOCAL_HOSTS:
        document.wrong_at("public_url", "plain http is accepted for localhost only; write https://")
    for path, address in (
        ("acm.issuer", settings.acm.issuer),
        ("registers.idm", settings.registers.idm),
        ("registers.kbo", settings.registers.kbo),
    ):
        _check_address(document, path, address, plain_http_anywhere=False)
    if settings.sessions.idle > settings.sessions.absolute:
        document.wrong_at("sessions.idle", "must not be longer than sessions.absolute")
    if not settings.applications:
        document.wrong_at("applications", "name at least one application")
    for name, application in settings.applications.items():
        _check_application(document, name, application)
    local = public.hostname in LOCAL_HOSTS
    if settings.development.clock is not None and not local:
        document.wrong_at("development.clock", "a movable clock is accepted on localhost only; remove it")


def _check_application(document: Document, name: str, application: Application) -> None:
    where = f"applications.{name}"
    plain = name.isascii() and name.replace("-", "").isalnum() and name == name.lower()
    if not plain or name.startswith("-"):
        document.wrong_at(where, "an application's id has lower-case letters, digits and hyphens, and is its path")
    missing = {"nl", "en"} - application.title.keys()
    if missing:
        document.wrong_at(f"{where}.title", f"needs a text for {' and '.join(sorted(missing))}")
    _check_address(document, f"{where}.upstream", application.upstream, plain_http_anywhere=True)


def _check_address(document: Document, path: str, address: str, *, plain_http_anywhere: bool) -> None:
    try:
        parts = urlsplit(address)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_right = urlsplit(""), False
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_right or parts.username:
        document.wrong_at(path, f"{address!r} is no http or https address")
    elif parts.query or parts.fragment or (plain_http_anywhere and parts.path not in {"", "/"}):
        document.wrong_at(path, "write scheme, host and port only, without a path")
    elif parts.hostname.startswith("169.254."):
        document.wrong_at(path, "link-local addresses are refused: cloud metadata services live there")
    elif parts.scheme == "http" and not plain_http_anywhere and parts.hostname not in LOCAL_HOSTS:
        document.wrong_at(path, "plain http is accepted for localhost only; write https://")
