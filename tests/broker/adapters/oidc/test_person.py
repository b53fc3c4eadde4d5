from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from broker.adapters.oidc.person import check_level, combined, meaning_of, signed_in
from broker.adapters.oidc.settings import ACM_ACR, ClaimNames, acr_table
from broker.adapters.oidc.tokens import VerifiedClaims
from broker.domain.demand import Demand
from broker.domain.people import Assurance, SignInMethod
from broker.ports import Mismatch, SignedIn, SignInRefused
from tests.broker.adapters.examples import AN, BAKERY, TRAINING

MEANS = "urn:be:vlaanderen:authmech:"


def claims(**changes: Any) -> VerifiedClaims:
    values = {
        "iss": "https://acm.example/op",
        "iat": 1_790_000_000,
        "acr": MEANS + "eid",
        "given_name": "An",
        "family_name": "Testers",
        "rrn": AN.digits,
    }
    return VerifiedClaims({name: value for name, value in {**values, **changes}.items() if value is not None})


def person(
    id_token: VerifiedClaims, userinfo: dict[str, Any] | None = None, names: ClaimNames | None = None
) -> SignedIn:
    return signed_in(id_token, userinfo or {}, subject="s", acr=ACM_ACR, names=names or ClaimNames())


def test_a_person_has_number_name_method_and_level() -> None:
    identity = person(claims()).identity
    assert (identity.national_number, identity.name) == (AN, "An Testers")
    assert (identity.method, identity.assurance) == (SignInMethod.EID, Assurance.HIGH)


@pytest.mark.parametrize(
    "number", [None, "", "82672100109", "8267210010", 82672100108, ["82672100108"], "not a number"]
)
def test_without_a_valid_national_number_nobody_signs_in(number: object) -> None:
    with pytest.raises(SignInRefused) as refusal:
        person(claims(rrn=number))
    assert refusal.value.mismatch is Mismatch.NO_NATIONAL_NUMBER
    assert "8267" not in str(refusal.value)


def test_a_foreign_provider_may_have_everything_in_userinfo_under_other_names() -> None:
    names = ClaimNames(national_number="https://claims.example/insz", given_name="first", family_name="last")
    userinfo = {"https://claims.example/insz": AN.dotted, "first": "An", "last": "Testers"}
    bare = claims(rrn=None, given_name=None, family_name=None)
    assert person(bare, userinfo, names).identity.national_number == AN


def test_the_id_token_wins_over_userinfo() -> None:
    assert person(claims(), {"given_name": "Eve"}).identity.given_name == "An"


def test_the_same_number_in_another_notation_is_the_same_number() -> None:
    assert person(claims(), {"rrn": AN.dotted}).identity.national_number == AN


def test_two_different_national_numbers_are_nobody() -> None:
    with pytest.raises(SignInRefused) as refusal:
        person(claims(), {"rrn": "90651800257"})
    assert refusal.value.mismatch is Mismatch.BAD_CLAIMS


def test_a_blank_claim_does_not_hide_the_other_s() -> None:
    assert combined({"a": "", "b": None, "c": "c"}, {"a": "1", "b": "2", "c": "3"}) == {"a": "1", "b": "2", "c": "c"}


def test_userinfo_cannot_raise_the_level_or_name_the_session() -> None:
    identity = person(claims(acr=None), {"acr": MEANS + "eid", "sid": "x", "auth_time": 5}).identity
    assert (identity.method, identity.assurance, identity.acm_session) == (None, None, None)


@pytest.mark.parametrize(
    ("acr", "method", "assurance"),
    [
        (MEANS + "eid", SignInMethod.EID, Assurance.HIGH),
        (MEANS + "itsme", SignInMethod.ITSME, Assurance.HIGH),
        (MEANS + "csamtotp", SignInMethod.APP, Assurance.SUBSTANTIAL),
        (MEANS + "csamsms", SignInMethod.SMS, Assurance.SUBSTANTIAL),
        (MEANS + "csamtoken", SignInMethod.FEDERAL_TOKEN, Assurance.LOW),
        (MEANS + "eidashigh", None, Assurance.HIGH),
        (MEANS + "csampassword", None, Assurance.LOW),
        (MEANS + "kerberos", None, None),
        (MEANS + "EID", None, None),
        ("", None, None),
        (None, None, None),
        (5, None, None),
        (["urn"], None, None),
    ],
)
def test_acr_means_what_acm_says(acr: object, method: SignInMethod | None, assurance: Assurance | None) -> None:
    meaning = meaning_of({"acr": acr}, ACM_ACR)
    assert (meaning.method, meaning.assurance) == (method, assurance)


def test_a_table_of_methods_gives_each_its_level() -> None:
    meaning = meaning_of({"acr": "urn:other:sms"}, acr_table({"urn:other:sms": "sms"}))
    assert (meaning.method, meaning.assurance) == (SignInMethod.SMS, Assurance.SUBSTANTIAL)


@pytest.mark.parametrize(
    ("acr", "asked", "level", "enough"),
    [
        (None, (), None, True),
        (MEANS + "csamsms", (), Assurance.SUBSTANTIAL, True),
        (MEANS + "csamsms", (), Assurance.HIGH, False),
        (None, (), Assurance.LOW, False),
        ("urn:unknown", (), Assurance.LOW, False),
        (MEANS + "csamsms", (MEANS + "csamsms",), None, True),
        (MEANS + "eid", (MEANS + "csamsms",), None, True),
        (MEANS + "csamtoken", (MEANS + "csamsms", MEANS + "eid"), None, False),
        (MEANS + "csamsms", (MEANS + "csamsms", MEANS + "eid"), None, True),
        (None, (MEANS + "csamsms",), None, False),
        ("urn:unknown", ("urn:unknown",), None, True),
        ("urn:unknown", ("urn:other",), None, False),
        (MEANS + "eid", ("urn:other",), None, False),
        ("urn:unknown", ("urn:unknown",), Assurance.LOW, False),
    ],
)
def test_the_level_reached_is_at_least_what_was_asked_for(
    acr: str | None, asked: tuple[str, ...], level: Assurance | None, *, enough: bool
) -> None:
    demand = Demand(level=level, acr_values=asked)
    if enough:
        check_level(claims(acr=acr), demand, ACM_ACR)
        return
    with pytest.raises(SignInRefused) as refusal:
        check_level(claims(acr=acr), demand, ACM_ACR)
    assert refusal.value.mismatch is Mismatch.LEVEL_NOT_REACHED


@pytest.mark.parametrize(
    ("vo", "wv", "chosen"),
    [
        (BAKERY.digits, TRAINING.digits, BAKERY),
        ("  ", TRAINING.digits, TRAINING),
        (None, TRAINING.digits, TRAINING),
        (BAKERY.dotted, None, BAKERY),
        ("OVO002949", TRAINING.digits, None),
        (5, TRAINING.digits, TRAINING),
        (None, None, None),
    ],
)
def test_the_chosen_organisation_is_the_first_that_is_not_blank(vo: object, wv: object, chosen: object) -> None:
    assert person(claims(vo_orgcode=vo, wv_orgcode=wv)).chosen == chosen


def test_what_acm_says_of_representation_is_kept_apart() -> None:
    signed = person(claims(vo_orgcode=BAKERY.digits, wv_orgcode=TRAINING.digits, vo_doelgroepcode="EA"))
    assert (signed.chosen, signed.represents, signed.target_group) == (BAKERY, TRAINING, "EA")


def test_roles_come_with_the_person_and_malformed_ones_only_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    signed = person(claims(vlaio_inkom_rol_3D=["R-C:1999999943", "secret nonsense"]))
    assert [role.right for role in signed.roles] == ["R"]
    assert "1 values" in caplog.text
    assert "nonsense" not in caplog.text


def test_the_moment_of_sign_in_is_auth_time_or_else_iat() -> None:
    assert person(claims(auth_time=1_789_999_000)).identity.authenticated_at == datetime.fromtimestamp(
        1_789_999_000, UTC
    )
    assert person(claims()).identity.authenticated_at == datetime.fromtimestamp(1_790_000_000, UTC)


def test_without_any_moment_nobody_signs_in() -> None:
    with pytest.raises(SignInRefused, match="iat"):
        person(claims(iat=None))


@pytest.mark.parametrize(
    ("name", "kept"), [("Éloïse", "Éloïse"), (" A\x00n\n", "An"), (5, ""), (None, ""), ("x" * 999, "x" * 200)]
)
def test_names_are_kept_printable_and_of_bounded_length(name: object, kept: str) -> None:
    assert person(claims(given_name=name)).identity.given_name == kept
