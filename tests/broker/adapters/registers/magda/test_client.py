"""Asking MAGDA over a real connection: what is sent, the client certificate, and answers that are none."""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import unescape

import pytest

from broker.adapters.http import BackChannel, Limits
from broker.adapters.registers import JoinedRegisters
from broker.adapters.registers.magda import MagdaKbo, Party
from broker.adapters.registers.magda.markup import Element, read_markup
from broker.adapters.registers.told import Granted
from broker.config.certificates import client_tls
from broker.domain.numbers import EnterpriseNumber, NationalNumber
from broker.ports import RegisterUnavailable
from tests.broker.adapters.examples import AN, BAKERY, SetClock, identity
from tests.broker.adapters.registers.magda.authority import Authority
from tests.broker.adapters.registers.recordings import REFERENCE, recorded
from tests.broker.adapters.small_server import Reply, Request, SmallServer, small_server

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
PARTY = Party(sender="inkom.example/gateway", capacity="9999", recipient="vip.vlaanderen.be")
XML = {"Content-Type": "text/xml;charset=UTF-8"}
Ask = Callable[[MagdaKbo], Coroutine[Any, Any, object]]
QUESTIONS: dict[str, Ask] = {
    "functions": lambda magda: magda.functions(AN),
    "enterprise": lambda magda: magda.enterprise(BAKERY),
}


@asynccontextmanager
async def magda_at(
    small: SmallServer, *, party: Party = PARTY, tls: ssl.SSLContext | None = None, time_limit: float = 5.0
) -> AsyncIterator[MagdaKbo]:
    channel = BackChannel(Limits(connect=2.0, total=2.0, body=200_000), tls=tls)
    yield MagdaKbo(
        functions=f"{small.origin}/GeefFuncties",
        enterprise=f"{small.origin}/GeefOnderneming",
        party=party,
        channel=channel,
        clock=SetClock(datetime(2026, 11, 24, 22, 59, 59, tzinfo=UTC)),
        time_limit=time_limit,
    )
    await channel.aclose()


@pytest.fixture
async def magda(small: SmallServer) -> AsyncIterator[MagdaKbo]:
    answers(small)
    async with magda_at(small) as client:
        yield client


def answers(small: SmallServer, *, functions: str = "functions", enterprise: str = "enterprise") -> None:
    """Let a server answer with recordings, each to the reference of its question."""
    small.on("/GeefFuncties", answering(functions))
    small.on("/GeefOnderneming", answering(enterprise))


def answering(name: str) -> Callable[[Request], Reply]:
    def answer(request: Request) -> Reply:
        (reference,) = set(re.findall("<Referte>(.*?)</Referte>", request.body.decode()))
        return Reply(headers=XML, body=recorded(name).replace(REFERENCE.encode(), reference.encode()))

    return answer


def question(small: SmallServer) -> Element:
    """The request's own element of the last question."""
    body = read_markup(small.requests[-1].body).needed("Body", namespace=SOAP)
    (request,) = body.children
    return request.needed("Verzoek")


async def test_functions_are_asked_by_the_number_of_the_person(magda: MagdaKbo, small: SmallServer) -> None:
    assert len(await magda.functions(AN)) == 6
    sent = small.requests[-1]
    assert (sent.method, sent.path) == ("POST", "/GeefFuncties")
    assert sent.headers["content-type"] == "text/xml;charset=UTF-8"
    assert sent.headers["soapaction"] == '""'
    asked = question(small)
    assert asked.text("Context", "Naam") == "GeefFuncties"
    assert asked.text("Context", "Versie") == "02.00.0000"
    message = asked.needed("Context").needed("Bericht")
    assert message.text("Type") == "VRAAG"
    assert (message.text("Tijdstip", "Datum"), message.text("Tijdstip", "Tijd")) == ("2026-11-24", "23:59:59.000")
    assert message.text("Afzender", "Identificatie") == "inkom.example/gateway"
    assert message.text("Afzender", "Hoedanigheid") == "9999"
    assert message.text("Ontvanger", "Identificatie") == "vip.vlaanderen.be"
    assert asked.text("Vragen", "Vraag", "Inhoud", "Criteria", "Persoon", "INSZ") == AN.digits
    assert sent.body.count(AN.digits.encode()) == 1


async def test_an_enterprise_is_asked_with_its_functions(magda: MagdaKbo, small: SmallServer) -> None:
    document = await magda.enterprise(BAKERY)
    assert document is not None
    assert document.organisation.name == "Voorbeeld Bakkerij BV"
    content = question(small).needed("Vragen").needed("Vraag").needed("Inhoud")
    criteria = content.needed("Criteria")
    assert [one.name for one in criteria.children] == ["Ondernemingsnummer", "Basisgegevens", "Functies"]
    assert criteria.text("Ondernemingsnummer") == BAKERY.digits
    assert criteria.text("Functies", "Aanduiding") == criteria.text("Functies", "Onderneming") == "1"
    assert content.text("Taal") == "nl"


async def test_every_question_has_a_reference_of_its_own(magda: MagdaKbo, small: SmallServer) -> None:
    await magda.functions(AN)
    first = question(small)
    await magda.functions(AN)
    second = question(small)
    assert first.text("Vragen", "Vraag", "Referte") != second.text("Vragen", "Vraag", "Referte")
    for one in (first, second):
        own = one.text("Context", "Bericht", "Afzender", "Referte")
        assert own == one.text("Vragen", "Vraag", "Referte")


async def test_what_the_configuration_says_is_escaped_and_what_it_leaves_out_is_not_sent(small: SmallServer) -> None:
    answers(small)
    async with magda_at(small, party=Party(sender="a&b </Identificatie><x>")) as client:
        await client.functions(AN)
    message = question(small).needed("Context").needed("Bericht")
    assert message.text("Afzender", "Identificatie") == unescape("a&amp;b &lt;/Identificatie&gt;&lt;x&gt;")
    assert message.text("Afzender", "Hoedanigheid") is None
    assert message.only("Ontvanger") is None


async def test_idm_and_magda_together_are_the_registers(magda: MagdaKbo) -> None:
    class NobodysRights:
        async def granted(self, number: NationalNumber) -> Granted:
            return Granted()

        async def administrators(self, number: EnterpriseNumber) -> tuple[str, ...]:
            return ("Lieve Sleutelmans",)

    registers = JoinedRegisters(idm=NobodysRights(), kbo=magda, clock=SetClock())
    record = await registers.person(identity())
    assert [one.name for one in record.organisations][:2] == ["1999.999.052", "1999.999.250"]
    assert {one.organisation.digits for one in record.functions if one.represents} >= {BAKERY.digits}
    enterprise = await registers.enterprise(BAKERY)
    assert enterprise is not None
    assert enterprise.organisation.name == "Voorbeeld Bakkerij BV"
    contacts = await registers.contacts(BAKERY, day=date(2026, 11, 24))
    assert contacts.representatives == ("Denkbeeld Holding NV", "Zoë Zaak")
    assert contacts.administrators == ("Lieve Sleutelmans",)


BROKEN: dict[str, Reply] = {
    "500 with a fault": Reply(status=500, headers=XML, body=recorded("fault")),
    "200 with a fault": Reply(headers=XML, body=recorded("fault")),
    "another question's answer": Reply(headers=XML, body=recorded("functions")),
    "404 of somebody": Reply(status=404, headers={"Content-Type": "application/problem+json"}),
    "redirect": Reply(status=302, headers={"Location": "/elsewhere"}),
    "HTML": Reply(headers={"Content-Type": "text/html"}, body=b"<html><p>82672100108</html>"),
    "JSON": Reply(body=b'{"functions": []}'),
    "a declaration": Reply(headers=XML, body=b'<!DOCTYPE a [<!ENTITY x "82672100108">]><a>&x;</a>'),
    "huge": Reply(headers=XML, body=b"<a>" + b"x" * 300_000 + b"</a>"),
    "compressed": Reply(headers={**XML, "Content-Encoding": "gzip"}, body=b"\x1f\x8b"),
    "cut": Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<"),
    "nothing": Reply(raw=b""),
    "empty": Reply(headers=XML, body=b""),
}


@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
async def test_what_is_no_answer_is_a_register_that_is_unavailable(
    magda: MagdaKbo, small: SmallServer, ask: Ask, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    small.on("/GeefFuncties", reply)
    small.on("/GeefOnderneming", reply)
    with pytest.raises(RegisterUnavailable, match="KBO Geef") as trouble:
        await ask(magda)
    assert AN.digits not in f"{trouble.value} {trouble.value.__cause__} {caplog.text}"
    assert BAKERY.digits not in str(trouble.value)


async def test_an_error_is_named_by_its_number(magda: MagdaKbo, small: SmallServer) -> None:
    answers(small, functions="functions-refused-number")
    with pytest.raises(RegisterUnavailable, match=r"KBO GeefFuncties 02.00.0000 reports error 20002"):
        await magda.functions(AN)


async def test_nobody_and_nothing_by_a_number_are_answers(magda: MagdaKbo, small: SmallServer) -> None:
    answers(small, functions="functions-none", enterprise="enterprise-unknown")
    assert await magda.functions(AN) == ()
    assert await magda.enterprise(BAKERY) is None


async def test_magda_is_waited_for_no_longer_than_the_limit(small: SmallServer) -> None:
    small.on("/GeefFuncties", Reply(hold=asyncio.Event()))
    async with magda_at(small, time_limit=0.3) as client, asyncio.timeout(10):
        with pytest.raises(RegisterUnavailable, match="did not answer in time"):
            await client.functions(AN)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def guarded(authority: Authority) -> AsyncIterator[SmallServer]:
    """A server that answers only those whom the authority knows."""
    async with small_server(authority.server_context()) as server:
        answers(server)
        yield server


async def test_a_client_certificate_opens_the_connection(authority: Authority, guarded: SmallServer) -> None:
    papers = authority.issue("gateway")
    tls = client_tls(certificate=papers.certificate, key=papers.key, authorities=authority.file)
    async with magda_at(guarded, tls=tls) as client:
        assert await client.functions(AN)
        assert await client.enterprise(BAKERY)


async def test_without_a_certificate_magda_is_unavailable(authority: Authority, guarded: SmallServer) -> None:
    async with magda_at(guarded, tls=ssl.create_default_context(cafile=authority.file)) as client:
        with pytest.raises(RegisterUnavailable, match="the connection failed"):
            await client.functions(AN)
    assert guarded.requests == []


async def test_a_certificate_of_another_authority_does_not_open_it(
    authority: Authority, guarded: SmallServer, tmp_path: Path
) -> None:
    papers = Authority(tmp_path, "stranger").issue("gateway")
    tls = client_tls(certificate=papers.certificate, key=papers.key, authorities=authority.file)
    async with magda_at(guarded, tls=tls) as client:
        with pytest.raises(RegisterUnavailable):
            await client.functions(AN)
    assert guarded.requests == []


async def test_a_server_that_is_not_magda_is_told_nothing(authority: Authority, guarded: SmallServer) -> None:
    papers = authority.issue("gateway")
    tls = client_tls(certificate=papers.certificate, key=papers.key, authorities=None)
    async with magda_at(guarded, tls=tls) as client:
        with pytest.raises(RegisterUnavailable):
            await client.functions(AN)
    assert guarded.requests == []


def test_a_locked_or_foreign_key_is_an_error_and_no_question(authority: Authority) -> None:
    locked = authority.issue("locked", password=b"secret")
    own = authority.issue("own")
    for key in (locked.key, authority.issue("other").key, authority.file):
        with pytest.raises(ssl.SSLError):
            client_tls(certificate=own.certificate, key=key, authorities=None)
    with pytest.raises(ssl.SSLError):
        client_tls(certificate=locked.certificate, key=locked.key, authorities=None)
