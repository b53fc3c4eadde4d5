"""Questions to MAGDA: the SOAP envelope with who asks, when, under which reference, and what.

The shape is that of MAGDA's services 02.00 ("Verzoek": a context and one question). Every value is escaped; a national
number stands in the question and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape

from broker.domain.numbers import EnterpriseNumber, NationalNumber
from broker.domain.validity import BRUSSELS

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service of MAGDA: its name, its version, and the namespace of its question and answer."""

    name: str
    version: str
    namespace: str


FUNCTIONS = Service(
    name="GeefFuncties",
    version="02.00.0000",
    namespace="http://webservice.geeffunctiesdienst-02_00.onderneming-02_00.vip.vlaanderen.be",
)
ENTERPRISE = Service(
    name="GeefOnderneming",
    version="02.00.0000",
    namespace="http://webservice.geefondernemingdienst-02_00.onderneming-02_00.vip.vlaanderen.be",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who asks, as agreed with MAGDA when joining: `sender` is the Identificatie, `capacity` the Hoedanigheid.

    `recipient` names MAGDA itself, for those who were told to.
    """

    sender: str
    capacity: str | None = None
    recipient: str | None = None


def functions_question(number: NationalNumber, *, party: Party, reference: str, now: datetime) -> bytes:
    """Ask for all functions of a person: without a list of codes, so that a refusal can be explained."""
    criteria = f"<Persoon><INSZ>{number.digits}</INSZ></Persoon>"
    return _envelope(FUNCTIONS, f"<Criteria>{criteria}</Criteria>", party=party, reference=reference, now=now)


def enterprise_question(number: EnterpriseNumber, *, party: Party, reference: str, now: datetime) -> bytes:
    """Ask for name, status and functions of an enterprise, those that another enterprise holds included."""
    criteria = (
        f"<Ondernemingsnummer>{number.digits}</Ondernemingsnummer><Basisgegevens>1</Basisgegevens>"
        "<Functies><Aanduiding>1</Aanduiding><Onderneming>1</Onderneming></Functies>"
    )
    content = f"<Criteria>{criteria}</Criteria><Taal>nl</Taal>"
    return _envelope(ENTERPRISE, content, party=party, reference=reference, now=now)


def _envelope(service: Service, content: str, *, party: Party, reference: str, now: datetime) -> bytes:
    here = now.astimezone(BRUSSELS)
    moment = f"<Datum>{here:%Y-%m-%d}</Datum><Tijd>{here:%H:%M:%S}.000</Tijd>"
    sender = _element("Identificatie", party.sender) + _element("Referte", reference)
    sender += _element("Hoedanigheid", party.capacity)
    recipient = f"<Ontvanger>{_element('Identificatie', party.recipient)}</Ontvanger>" if party.recipient else ""
    message = f"<Type>VRAAG</Type><Tijdstip>{moment}</Tijdstip><Afzender>{sender}</Afzender>{recipient}"
    context = f"<Naam>{service.name}</Naam><Versie>{service.version}</Versie><Bericht>{message}</Bericht>"
    question = f"<Vraag>{_element('Referte', reference)}<Inhoud>{content}</Inhoud></Vraag>"
    request = f"<Verzoek><Context>{context}</Context><Vragen>{question}</Vragen></Verzoek>"
    body = f'<web:{service.name} xmlns:web="{service.namespace}">{request}</web:{service.name}>'
    soap = f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Header/><soap:Body>{body}</soap:Body></soap:Envelope>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{soap}'.encode()


def _element(name: str, value: str | None) -> str:
    return f"<{name}>{escape(value)}</{name}>" if value else ""
