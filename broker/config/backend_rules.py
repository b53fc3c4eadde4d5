"""What must fit together in the way to a backend: several addresses, checks, certificates, paths and header fields."""

from __future__ import annotations

import re

from broker.config.backend_topics import BackendPath, BackendTls, FieldChanges, Health
from broker.config.topics import Application
from broker.documents import Document

# RFC 3986 3.3 without escapes, and without what a request's path may not hold either.
_PATH = re.compile(r"(?:/[A-Za-z0-9\-_~!$&'()*+,=:@](?:[A-Za-z0-9\-._~!$&'()*+,=:@]*[A-Za-z0-9\-_~!$&'()*+,=:@])?)+")
_CHECKED = re.compile(r"/[!-~]*")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 5.6.2
_VALUE = re.compile(r"[!-~](?:[\t -~]*[!-~])?")  # RFC 9110 5.5, without obsolete text
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
# Where a message ends, how it travels and who somebody is are not configured (RFC 9110 7.6.1 and 8.4, RFC 6455 11.3).
_FRAMING = {"content-encoding", "content-length", "content-range", "te", "trailer", "transfer-encoding"}
_TRAVEL = {"connection", "keep-alive", "upgrade", "date"}
_ORIGIN = {"alt-svc", "clear-site-data", "service-worker-allowed"}  # what no backend may say: proxy/fields.py
_UNTOUCHABLE = frozenset(_FRAMING | _TRAVEL | _ORIGIN)
_UNTOUCHABLE_BEGIN = ("x-inkom-", "proxy-", "sec-websocket-")


def check_backend(document: Document, where: str, application: Application) -> None:
    """Note what does not fit in the way to one application's backend, whose topic is at `where`."""
    _check_addresses(document, f"{where}.upstream", application)
    if application.health is not None:
        _check_health(document, f"{where}.health", application.health)
    if application.ejection.time > application.ejection.longest:
        document.wrong_at(f"{where}.ejection.time", "must not be longer than ejection.longest")
    if application.tls is not None:
        _check_tls(document, f"{where}.tls", application.tls, application.addresses)
    if application.path is not None:
        _check_path(document, f"{where}.path", application.path)
    if application.response_headers is not None:
        _check_fields(document, f"{where}.response_headers", application.response_headers)


def _check_addresses(document: Document, where: str, application: Application) -> None:
    seen: set[str] = set()
    for place, address in enumerate(application.addresses, start=1):
        if address.lower().rstrip("/") in seen:
            document.wrong_at(f"{where}[{place}]", "stands here a second time; keep one of them")
        seen.add(address.lower().rstrip("/"))
    if not seen:
        document.wrong_at(where, "name at least one address")
    if len({address.lower().partition(":")[0] for address in application.addresses}) > 1:
        document.wrong_at(where, "all addresses of an application are http, or all https")


def _check_health(document: Document, where: str, health: Health) -> None:
    if not _CHECKED.fullmatch(health.path) or "#" in health.path:
        document.wrong_at(f"{where}.path", "write the path to ask for, such as /health; other characters encoded")
    lowest, _, highest = health.statuses.partition("-")
    if highest and highest < lowest:
        document.wrong_at(f"{where}.statuses", f"write the lower status first: {highest}-{lowest}")


def _check_tls(document: Document, where: str, tls: BackendTls, addresses: tuple[str, ...]) -> None:
    if any(not address.lower().startswith("https://") for address in addresses):
        document.wrong_at(where, "the backend is reached by plain http; write https:// there, or remove this")
    if (tls.certificate_file is None) != (tls.key_file is None):
        missing = "key_file" if tls.key_file is None else "certificate_file"
        document.wrong_at(f"{where}.{missing}", "a certificate and its key go together")
    if tls.server_name is not None and not _HOST.fullmatch(tls.server_name):
        document.wrong_at(f"{where}.server_name", "write the host name on the backend's certificate, without a port")


def _check_path(document: Document, where: str, path: BackendPath) -> None:
    if path.prefix and not _PATH.fullmatch(path.prefix):
        document.wrong_at(
            f"{where}.prefix", "write a path such as /app: a slash first and none at the end, and no dot segment"
        )


def _check_fields(document: Document, where: str, changes: FieldChanges) -> None:
    kinds = {"set": tuple(changes.set), "add": tuple(changes.add), "remove": changes.remove}
    seen: dict[str, str] = {}
    for kind, names in kinds.items():
        for name in names:
            place = f"{where}.{kind}"
            if not _TOKEN.fullmatch(name):
                document.wrong_at(place, f"{name!r} is no name of a header field")
            elif name.lower() in _UNTOUCHABLE or name.lower().startswith(_UNTOUCHABLE_BEGIN):
                document.wrong_at(place, f"{name} cannot be changed: the gateway itself answers for it")
            elif name.lower() == "set-cookie" and kind != "remove":
                document.wrong_at(place, "cookies are not set here; they can only be removed")
            elif name.lower() in seen:
                document.wrong_at(place, f"{name} stands in {seen[name.lower()]} already; keep one of them")
            seen.setdefault(name.lower(), kind)
    for kind, values in (("set", changes.set), ("add", changes.add)):
        for name, value in values.items():
            if not _VALUE.fullmatch(value):
                document.wrong_at(
                    f"{where}.{kind}", f"the value of {name} holds what cannot be sent; ASCII on one line"
                )
