"""The rules that one value's type cannot express: addresses, what belongs together, what only a demo may use."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from socket import inet_aton
from urllib.parse import SplitResult, urlsplit

from broker.config.backend_rules import check_backend
from broker.config.forward_auth_rules import check_forward_auth
from broker.config.listen_rules import check_listen
from broker.config.provider_rules import check_providers
from broker.config.register_rules import check_registers
from broker.config.topics import LOCAL_HOSTS, Api, Settings
from broker.documents import Document


def check(document: Document, settings: Settings | None) -> None:
    """Note what is wrong, also in a file whose types are wrong elsewhere (`settings` is None then)."""
    public = _split(document.text(("public_url",)) or "")
    _check_public_url(document, public)
    where: tuple[str, ...]
    for where in (
        ("acm", "issuer"),
        ("registers", "idm"),
        ("registers", "kbo"),
        ("registers", "magda", "functions"),
        ("registers", "magda", "enterprise"),
        ("signals", "jwks_uri"),
        ("signals", "poll", "endpoint"),
    ):
        _check_address(document, where, plain_http_anywhere=False)
    for key in document.keys(("links",)):
        _check_address(document, ("links", key), plain_http_anywhere=False)
    for name in document.keys(("providers",)):
        _check_address(document, ("providers", name, "issuer"), plain_http_anywhere=False)
    for name in document.keys(("applications",)):
        _check_application(document, name, well_formed=settings is not None)
        for where in (("issuer",), ("jwks_uri",), ("introspection", "endpoint")):
            _check_address(document, ("applications", name, "api", *where), plain_http_anywhere=False)
    if document.text(("development", "clock")) is not None and public.hostname not in LOCAL_HOSTS:
        document.wrong_at("development.clock", "a movable clock is accepted on localhost only; remove it")
    if settings is None:
        return
    if settings.sessions.idle > settings.sessions.absolute:
        document.wrong_at("sessions.idle", "must not be longer than sessions.absolute")
    for name, application in settings.applications.items():
        for limit in ("idle", "absolute"):
            own: float | None = getattr(application.sessions, limit)
            if own is not None and own > getattr(settings.sessions, limit):
                key = f"applications.{name}.sessions.{limit}"
                document.wrong_at(key, f"is longer than sessions.{limit}, which ends the session before; shorten it")
    if settings.signals is not None and settings.signals.issuer is not None and settings.signals.jwks_uri is None:
        document.wrong_at("signals.issuer", "another issuer than ACM needs signals.jwks_uri, where its keys are")
    if not settings.applications:
        document.wrong_at("applications", "name at least one application")
    check_listen(document, settings)
    check_providers(document, settings)
    check_registers(document, settings)
    check_forward_auth(document, settings)
    for name, application in settings.applications.items():
        check_backend(document, f"applications.{name}", application)
        if application.api is not None:
            _check_api(document, f"applications.{name}.api", application.api)


def check_database(document: Document, address: str | None, *, path: str) -> None:
    """Note what is wrong with the address of a database, without repeating it: it may hold a password."""
    if address is None:
        return
    remedy = "write sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE"
    if address.startswith("sqlite:"):
        if not address.startswith("sqlite:///") or not address.removeprefix("sqlite:///").strip("/"):
            document.wrong_at(path, f"names no file for SQLite; {remedy}")
        elif ":memory:" in address:
            document.wrong_at(path, f"what is in memory only is lost at the next start; {remedy}")
        return
    parts = _split(address)
    if parts.scheme not in {"postgresql", "postgres"}:
        document.wrong_at(path, f"is no database that the gateway knows; {remedy}")
    elif parts.scheme == "postgres":
        document.wrong_at(path, "write postgresql:// in place of postgres://")
    elif not parts.path.strip("/"):
        document.wrong_at(path, f"names no database; {remedy}")


def _check_public_url(document: Document, public: SplitResult) -> None:
    if document.text(("public_url",)) is None:
        return
    if public.scheme not in {"http", "https"} or not public.hostname or public.path not in {"", "/"} or public.query:
        document.wrong_at(
            "public_url", "write the address that browsers use, such as https://inkom.example, without a path"
        )
    elif public.scheme == "http" and public.hostname not in LOCAL_HOSTS:
        document.wrong_at("public_url", "plain http is accepted for localhost only; write https://")


def _check_application(document: Document, name: str, *, well_formed: bool) -> None:
    where = f"applications.{name}"
    plain = name.isascii() and name.replace("-", "").isalnum() and name == name.lower()
    if not plain or name.startswith("-"):
        document.wrong_at(where, "an application's id has lower-case letters, digits and hyphens, and is its path")
    titled = document.keys(("applications", name, "title"))
    missing = {"nl", "en"}.difference(titled)
    if missing and (titled or well_formed):
        document.wrong_at(f"{where}.title", f"needs a text for {' and '.join(sorted(missing))}")
    upstream = ("applications", name, "upstream")
    _check_address(document, upstream, plain_http_anywhere=True)
    for one in range(document.length(upstream)):
        _check_address(document, (*upstream, one + 1), plain_http_anywhere=True)


def _check_api(document: Document, where: str, api: Api) -> None:
    if any(not scope.isascii() or not scope.isprintable() or set(scope) & set(' "\\') for scope in api.scopes):
        document.wrong_at(f"{where}.scopes", "a scope is one word without quotes (RFC 6749, section 3.3)")
    if not api.scopes:
        document.wrong_at(f"{where}.scopes", "name at least one scope: without any, every token would do")
    if not api.algorithms or not api.token_types:
        document.wrong_at(where, "algorithms and token_types name at least one each")
    if api.introspection is not None and api.jwks_uri is not None:
        document.wrong_at(f"{where}.jwks_uri", "tokens are verified by keys or by introspection; remove one")


def _split(address: str) -> SplitResult:
    """Split an address; one that cannot be split has no parts."""
    try:
        parts = urlsplit(address)
        return parts if parts.port is None or parts.port > 0 else urlsplit("")
    except ValueError:
        return urlsplit("")


def _check_address(document: Document, where: tuple[str | int, ...], *, plain_http_anywhere: bool) -> None:
    address = document.text(where)
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in where).removeprefix(".")
    if address is None:
        return
    parts = _split(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        document.wrong_at(path, f"{address!r} is no http or https address")
    elif parts.query or parts.fragment or (plain_http_anywhere and parts.path not in {"", "/"}):
        document.wrong_at(path, "write scheme, host and port only, without a path")
    elif _is_link_local(parts.hostname):
        document.wrong_at(path, "link-local addresses are refused: cloud metadata services live there")
    elif parts.scheme == "http" and not plain_http_anywhere and parts.hostname not in LOCAL_HOSTS:
        document.wrong_at(path, "plain http is accepted for localhost only; write https://")


def _is_link_local(host: str) -> bool:
    """Whether a host is a link-local address, in any of the forms in which resolvers take one (2852039166 is one)."""
    try:
        address = ip_address(inet_aton(host.rstrip(".")))
    except OSError:
        try:
            address = ip_address(host)
        except ValueError:
            return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_link_local
