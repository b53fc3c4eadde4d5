"""An answer of MAGDA as a whole: whether it is one, to our question, and without an error.

MAGDA reports errors at three levels: a SOAP fault, "Uitzonderingen" about the request, and "Uitzonderingen" about one
question. Remarks (WAARSCHUWING, INFORMATIE) are logged by their number and change nothing. No message repeats a value.
"""

from __future__ import annotations

import logging
import re

from broker.adapters.registers.magda.envelope import SOAP, Service
from broker.adapters.registers.magda.markup import Element, read_markup
from broker.adapters.wire import NotUnderstood

_log = logging.getLogger(__name__)
_NO_DATA = "30001"  # "Geen gegevens gevonden voor de vraag": nobody, or nothing, by that number
_REMARKS = frozenset({"WAARSCHUWING", "INFORMATIE", "INFO"})
_CODE = re.compile(r"[0-9]{1,5}", re.ASCII)


class ReportedError(Exception):
    """MAGDA reported an error in the place of an answer. `code` is its number, or a word of ours."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def content_of(reply: bytes, service: Service, *, reference: str) -> Element | None:
    """Return the content of the answer, None for "no data". Raises NotUnderstood, ReportedError."""
    envelope = read_markup(reply)
    if (envelope.namespace, envelope.name) != (SOAP, "Envelope"):
        raise NotUnderstood("no SOAP envelope")
    body = envelope.needed("Body", namespace=SOAP)
    if body.only("Fault", namespace=SOAP) is not None:
        raise ReportedError("(a SOAP fault)")
    whole = body.needed(f"{service.name}Response", namespace=service.namespace).needed("Repliek")
    about_request = _errors(whole)
    if about_request:
        raise ReportedError(about_request[0])
    if whole.text("Context", "Naam") != service.name or whole.text("Context", "Bericht", "Type") != "ANTWOORD":
        raise NotUnderstood("the context is not that of an answer")
    answer = whole.needed("Antwoorden").needed("Antwoord")
    if answer.text("Referte") != reference:
        raise NotUnderstood("the answer is one to another question")
    errors, content = _errors(answer), answer.only("Inhoud")
    if errors == [_NO_DATA] and content is None:
        return None
    if errors:
        raise ReportedError(next((code for code in errors if code != _NO_DATA), _NO_DATA))
    if content is None:
        raise NotUnderstood("neither content nor an error")
    return content


def _errors(of: Element) -> list[str]:
    """Return the numbers of the errors; whatever is no remark is an error."""
    reported = of.only("Uitzonderingen")
    codes = []
    for one in [] if reported is None else reported.all("Uitzondering"):
        number = one.text("Identificatie") or ""
        code = number if _CODE.fullmatch(number) else "(without a number)"
        if one.text("Type") in _REMARKS:
            _log.warning("MAGDA adds a remark to its answer", extra={"code": code})
        else:
            codes.append(code)
    return codes
