"""What MAGDA's recorded answers say, and everything in them that must open nothing."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.adapters.registers.magda.answer import ReportedError
from broker.adapters.registers.magda.rows import read_enterprise, read_functions
from broker.adapters.registers.told import EnterpriseDocument, Held
from broker.adapters.wire import NotUnderstood
from broker.domain.numbers import EnterpriseNumber
from broker.domain.people import REPRESENTING_FUNCTIONS, Organisation
from broker.domain.validity import Period
from tests.broker.adapters.examples import AN, BAKERY
from tests.broker.adapters.registers.recordings import REFERENCE, recorded

DAY = date(2026, 11, 24)
MANAGER = "<Code>10006</Code>"


def functions(*changes: tuple[str, str], of: str = "functions") -> dict[str, Held]:
    held = read_functions(recorded(of, *changes), AN, reference=REFERENCE)
    return {f"{one.function.organisation.digits} {one.function.code}": one for one in held}


def representing(*changes: tuple[str, str], day: date = DAY) -> set[str]:
    return {
        one.function.organisation.digits
        for one in functions(*changes).values()
        if one.function.represents and one.function.period.holds_on(day)
    }


def enterprise(*changes: tuple[str, str], of: str = "enterprise") -> EnterpriseDocument | None:
    return read_enterprise(recorded(of, *changes), BAKERY, reference=REFERENCE)


def test_a_person_has_the_functions_that_they_hold_themselves() -> None:
    found = functions()
    assert list(found) == [
        "1999999943 10006",
        "1999999943 20090",
        "1999999844 10021",
        "1999999052 10002",
        "1999999250 10003",
        "1999999745 43210",
    ]
    assert found["1999999943 10006"].function.period == Period(begins=date(2014, 11, 24), until=None)
    assert found["1999999052 10002"].function.period == Period(begins=date(2018, 1, 1), until=date(2026, 11, 23))


def test_a_manager_and_a_permanent_representative_represent() -> None:
    assert representing() == {"1999999943", "1999999250"}


def test_a_function_that_ended_yesterday_represented_until_then() -> None:
    assert "1999999052" not in representing()
    assert "1999999052" in representing(day=date(2026, 11, 23))


def test_a_company_that_is_director_gives_nobody_a_function() -> None:
    assert "1999999646" not in {one.function.organisation.digits for one in functions().values()}


def test_nobody_by_that_number_has_no_functions() -> None:
    assert functions(of="functions-none") == {}


def test_an_empty_list_of_functions_is_none() -> None:
    text = recorded("functions").decode()
    empty = text[: text.index("<Functies>")] + "<Functies/>" + text[text.index("</Functies>") + len("</Functies>") :]
    assert read_functions(empty.encode(), AN, reference=REFERENCE) == ()


@pytest.mark.parametrize(
    ("name", "code"),
    [("functions-refused-number", "20002"), ("request-refused", "40006"), ("fault", "(a SOAP fault)")],
)
def test_an_error_of_magda_is_no_answer(name: str, code: str) -> None:
    with pytest.raises(ReportedError) as reported:
        functions(of=name)
    assert reported.value.code == code


@pytest.mark.parametrize("number", ["82672100108", "", "abc", "999999"])
def test_an_error_without_a_number_of_magda_is_named_without_repeating_it(number: str) -> None:
    with pytest.raises(ReportedError, match=r"\(without a number\)"):
        functions(("30001", number), of="functions-none")


def test_no_data_beside_another_error_or_beside_data_is_an_error() -> None:
    another = "<Uitzondering><Identificatie>99996</Identificatie><Type>FOUT</Type></Uitzondering></Uitzonderingen>"
    with pytest.raises(ReportedError, match="99996"):
        functions(("</Uitzonderingen>", another), of="functions-none")
    no_data = "<Uitzonderingen><Uitzondering><Identificatie>30001</Identificatie></Uitzondering></Uitzonderingen>"
    with pytest.raises(ReportedError, match="30001"):
        functions(("</Inhoud>", "</Inhoud>" + no_data))


def test_a_remark_changes_nothing_and_is_logged_by_its_number(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    remark = (
        "<Uitzonderingen><Uitzondering><Identificatie>30030</Identificatie><Type>WAARSCHUWING</Type>"
        "</Uitzondering></Uitzonderingen>"
    )
    assert functions(("</Inhoud>", "</Inhoud>" + remark)) == functions()
    assert [record.__dict__.get("code") for record in caplog.records] == ["30030"]


@pytest.mark.parametrize(
    "change",
    [
        (f"<INSZ>{AN.digits}</INSZ>", "<INSZ>90651800257</INSZ>"),
        (REFERENCE, "another-reference"),
        ("<Type>ANTWOORD</Type>", "<Type>VOORLOPIG_ANTWOORD</Type>"),
        ("<Naam>GeefFuncties</Naam>", "<Naam>GeefPersoon</Naam>"),
        ("GeefFunctiesResponse", "GeefPersoonResponse"),
        ("geeffunctiesdienst-02_00", "geeffunctiesdienst-03_00"),
        ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"),
        ("soapenv:Body", "soapenv:Corpus"),
        ("Repliek>", "Verzoek>"),
        ("Antwoorden>", "Vragen>"),
        ("Functies>", "Rechten>"),
        ("Inhoud>", "Leegte>"),
        ("</Antwoord>", "</Antwoord><Antwoord/>"),
        ("<Functies>", "<Functies/><Functies>"),
        (MANAGER, MANAGER + MANAGER),
        (MANAGER, "<Code><Code>10006</Code></Code>"),
    ],
    ids=lambda change: change[1][:40],
)
def test_an_answer_that_is_wrong_as_a_whole_is_not_understood(change: tuple[str, str]) -> None:
    with pytest.raises((NotUnderstood, ReportedError)) as trouble:
        functions(change)
    for value in (AN.digits, "90651800257", BAKERY.digits):
        assert value not in str(trouble.value)


def test_one_row_about_somebody_else_makes_the_whole_answer_worthless() -> None:
    text = recorded("functions").decode()
    last = text.rindex(AN.digits)
    with pytest.raises(NotUnderstood, match="another person"):
        read_functions((text[:last] + "90651800257" + text[last + 11 :]).encode(), AN, reference=REFERENCE)


@pytest.mark.parametrize(
    "change",
    [
        ("<FunctiehouderVan>1999999943</FunctiehouderVan>", "<FunctiehouderVan>1999999944</FunctiehouderVan>"),
        ("<FunctiehouderVan>1999999943</FunctiehouderVan>", ""),
        (MANAGER, "<Code>ten thousand</Code>"),
        (MANAGER, "<Code>100060</Code>"),
        (MANAGER, "<Code>１０００６</Code>"),  # noqa: RUF001  (digits of another script are what is tested)
        (MANAGER, ""),
        ("<Begin>2014-11-24</Begin>", ""),
        ("<Begin>2014-11-24</Begin>", "<Begin>2014-00-00</Begin>"),
        ("<Begin>2014-11-24</Begin>", "<Begin>2014</Begin>"),
        ("<Begin>2014-11-24</Begin>", "<Begin>20141124</Begin>"),
        ("<Begin>2014-11-24</Begin>", "<Begin> </Begin>"),
        ("<Begin>2014-11-24</Begin>", "<Begin>2014-02-30</Begin>"),
        ("<Begin>2014-11-24</Begin>", "<Begin>9999-12-31</Begin>"),
        ("<Einde>9999-12-31</Einde>", "<Einde>open</Einde>"),
        ("<Einde>9999-12-31</Einde>", "<Einde>2013-01-01</Einde>"),
        ("<Einde>9999-12-31</Einde>", "</Periode><EindeFunctie><Code>001</Code></EindeFunctie><Periode>"),
        ("<Einde>9999-12-31</Einde>", "</Periode><EindeFunctie/><Periode>"),
        ("<Code>1</Code>", "<Code>2</Code>"),
        ("<Code>1</Code>", "<Code>4</Code>"),
        ("<Code>1</Code>", ""),
        (f"<INSZ>{AN.digits}</INSZ>", "<INSZ/>"),
        (f"<INSZ>{AN.digits}</INSZ>", ""),
    ],
    ids=lambda change: change[1] or f"without {change[0]}",
)
def test_a_row_that_cannot_be_read_represents_nobody(change: tuple[str, str]) -> None:
    with suppress(NotUnderstood):
        assert BAKERY.digits not in representing(change)


@pytest.mark.parametrize("code", ["20090", "10021", "00004", "90001", "43210", "2", "10008"])
def test_a_function_of_another_kind_represents_nobody(code: str) -> None:
    assert BAKERY.digits not in representing((MANAGER, f"<Code>{code}</Code>"))


@given(st.text("0123456789", max_size=7) | st.text(max_size=6))
def test_no_unknown_code_ever_represents(code: str) -> None:
    escaped = code.replace("&", "&amp;").replace("<", "&lt;")
    reply = recorded("functions", (MANAGER, f"<Code>{escaped}</Code>"))
    known = code.strip().zfill(5) in REPRESENTING_FUNCTIONS and len(code.strip()) == 5
    try:
        held = read_functions(reply, AN, reference=REFERENCE)
    except NotUnderstood:
        return  # a character that XML cannot hold
    represents = any(one.function.represents and one.function.organisation == BAKERY for one in held)
    assert represents is known


def test_an_enterprise_has_its_name_in_force_and_who_may_bind_it() -> None:
    document = enterprise()
    assert document is not None
    assert document.organisation == Organisation(number=BAKERY, name="Voorbeeld Bakkerij BV")
    assert document.on(DAY).active_on(DAY)
    assert document.on(DAY).has_representative
    assert document.representatives_on(DAY) == ("Denkbeeld Holding NV", "Zoë Zaak")
    assert document.representatives_on(date(2026, 11, 23)) == ("Denkbeeld Holding NV", "Ward Vroeger", "Zoë Zaak")


def test_an_enterprise_that_ceased_is_over_from_its_day() -> None:
    document = enterprise(of="enterprise-ceased")
    assert document is not None
    assert (document.active, document.ceased_on) == (False, date(2026, 9, 24))
    assert document.on(DAY).has_representative, "without functions in the answer nobody says that there are none"


def test_an_unknown_enterprise_is_none() -> None:
    assert enterprise(of="enterprise-unknown") is None


@pytest.mark.parametrize("status", ["BK", "ST", "OP", "ac", "ACTIEF", "0"])
def test_only_one_status_is_active(status: str) -> None:
    document = enterprise((">AC<", f">{status}<"))
    assert document is not None
    assert not document.active


@pytest.mark.parametrize("end", ["<Stopzetting/>", "<Stopzetting><Datum>2026</Datum></Stopzetting>", "<Afsluiting/>"])
def test_an_end_without_a_day_is_an_end(end: str) -> None:
    document = enterprise(("</Start>", f"</Start>{end}"))
    assert document is not None
    assert not document.active


def test_an_end_to_come_leaves_the_enterprise_active_until_then() -> None:
    document = enterprise(("</Start>", "</Start><Stopzetting><Datum>2026-11-25</Datum></Stopzetting>"))
    assert document is not None
    assert document.on(DAY).active_on(DAY)
    assert not document.on(DAY).active_on(date(2026, 11, 25))


def test_an_enterprise_of_one_person_has_a_commercial_name_or_none() -> None:
    commercial = ("MaatschappelijkeNa", "CommercieleNa")
    document = enterprise(commercial)
    assert document is not None
    assert document.organisation.name == "Voorbeeld Bakkerij BV"
    without = enterprise(("Namen>", "Andere>"))
    assert without is not None
    assert without.organisation.name == ""


@pytest.mark.parametrize(
    "change",
    [
        ("<Ondernemingsnummer>1999999943<", "<Ondernemingsnummer>1999999844<"),
        ("<Ondernemingsnummer>1999999943<", "<Ondernemingsnummer>1999999900<"),
        ('<Code Beschrijving="Onderneming">1<', '<Code Beschrijving="Vestiging">2<'),
        ("StatusKBO", "Status"),
        ("<Inhoud>", "<Inhoud><Onderneming/>"),
    ],
    ids=lambda change: change[1],
)
def test_an_enterprise_that_is_wrong_is_not_understood(change: tuple[str, str]) -> None:
    with pytest.raises(NotUnderstood):
        enterprise(change)


def test_an_answer_about_another_enterprise_is_not_taken() -> None:
    with pytest.raises(NotUnderstood, match="another enterprise"):
        read_enterprise(recorded("enterprise"), EnterpriseNumber("1999999844"), reference=REFERENCE)
