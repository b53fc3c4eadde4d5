"""Sign-in without pages, and what ACM then says about each kind of person."""

import pytest

from tests.mock_idp.provider import Mock, Party, brought_back

BAKERY, TRAINING, CARPENTRY, FLORIST = "1999999943", "1999999844", "1999999052", "1999999151"
ROLE = "VLAIOInkomGebruikerNieuw-Gebruiker"


@pytest.fixture
def gateway(acm: Mock, party: Party) -> Party:
    """A client whose organisation is chosen at the application, not at ACM."""
    acm.register("a-gateway", organisation_choice="gateway")
    return Party(mock=acm, client_id="a-gateway", browser=party.browser)


@pytest.mark.parametrize(
    ("method", "acr", "amr"),
    [
        ("eid", "eid", ["eid", "mfa"]),
        ("itsme", "itsme", ["itsme", "mfa"]),
        ("federal-token", "csamtoken", ["pwd", "otp", "mfa"]),
        ("app", "csamtotp", ["otp", "mfa"]),
        ("sms", "csamsms", ["sms", "mfa"]),
    ],
)
def test_each_method_has_its_acr_and_amr(party: Party, method: str, acr: str, amr: list[str]) -> None:
    claims = party.claims(mock_method=method)

    assert (claims["acr"], claims["amr"]) == (f"urn:be:vlaanderen:authmech:{acr}", amr)


def test_the_id_token_has_acms_claims(party: Party) -> None:
    claims = party.claims("employee", mock_method="app")

    assert claims["iss"] == party.mock.issuer
    assert claims["aud"] == claims["azp"] == "demo-client"
    assert claims["nonce"] == "the-nonce"
    assert int(str(claims["exp"])) - int(str(claims["iat"])) == 3600
    assert len(str(claims["sub"])) == 40
    assert str(claims["kid"]).startswith("mock-")
    assert (claims["given_name"], claims["family_name"], claims["rrn"]) == ("Britt", "Proefman", "90651800257")
    assert (claims["cot"], claims["vo_doelgroepcode"]) == ("vo", "EA")
    assert (claims["vo_orgcode"], claims["vo_orgnaam"]) == (BAKERY, "Voorbeeld Bakkerij BV")
    assert claims["vlaio_inkom_rol_3d"] == [f"{ROLE}:{BAKERY}"]
    assert "wv_orgcode" not in claims


def test_a_legal_representative_has_wv_orgcode_for_the_chosen_organisation_only(party: Party) -> None:
    florist = party.claims("two-organisations", mock_organisation=FLORIST)
    carpentry = party.claims("two-organisations", mock_organisation="1999.999.052")

    assert (florist["vo_orgcode"], florist["wv_orgcode"]) == (FLORIST, FLORIST)
    assert carpentry["vo_orgcode"] == CARPENTRY
    assert "wv_orgcode" not in carpentry
    assert carpentry["vlaio_inkom_rol_3d"] == [f"{ROLE}:{CARPENTRY}"]


def test_a_gateway_that_asks_itself_gets_all_roles_and_no_organisation(gateway: Party) -> None:
    claims = gateway.claims("many-organisations")

    assert claims["vo_doelgroepcode"] == "EA"
    assert not {"vo_orgcode", "wv_orgcode"} & claims.keys()
    roles = claims["vlaio_inkom_rol_3d"]
    assert isinstance(roles, list)
    assert len(roles) == 1
    assert roles[0].count(", ") == 199


@pytest.mark.parametrize(
    "key", ["expired-right", "future-right", "paused-relation", "pending-person", "ended-relation", "citizen", "nobody"]
)
def test_only_rights_that_are_valid_today_are_in_the_role_claim(gateway: Party, key: str) -> None:
    assert "vlaio_inkom_rol_3d" not in gateway.claims(key)


def test_the_role_claim_follows_the_mocks_own_day(gateway: Party) -> None:
    day = gateway.mock.get("/mock/clock").json()["day"]
    assert "vlaio_inkom_rol_3d" in gateway.claims("expires-today")

    gateway.mock.post("/mock/clock", {"day": f"{int(day[:4]) + 1}{day[4:]}"})

    assert "vlaio_inkom_rol_3d" not in gateway.claims("expires-today")


@pytest.mark.parametrize("key", ["citizen", "nobody", "auditor", "company-director"])
def test_who_has_no_organisation_is_a_citizen(party: Party, gateway: Party, key: str) -> None:
    for somebody in (party, gateway):
        claims = somebody.claims(key)
        assert claims["vo_doelgroepcode"] == "BUR"
        assert "vo_orgcode" not in claims


def test_the_registers_do_not_know_nobody_so_there_is_no_vo_id(party: Party) -> None:
    assert "vo_id" not in party.claims("nobody")
    assert "vo_id" in party.claims("citizen")


def test_the_other_spelling_of_the_role_claim_is_a_setting_of_the_client(acm: Mock, party: Party) -> None:
    acm.register("large-suffix", role_claim_suffix="3D")
    other = Party(mock=acm, client_id="large-suffix", browser=party.browser)

    assert "vlaio_inkom_rol_3D" in other.claims()


def test_without_its_scope_a_claim_is_not_told(party: Party) -> None:
    assert not {"rrn", "vo_id", "given_name", "vlaio_inkom_rol_3d"} & party.claims(scope="openid").keys()


def test_the_subject_is_the_same_at_every_sign_in(party: Party) -> None:
    assert party.claims("citizen")["sub"] == party.claims("citizen", mock_method="sms")["sub"]


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ({"mock_person": "who"}, "there is no 'who'"),
        ({"mock_person": "employee", "mock_method": "carrier-pigeon"}, "'carrier-pigeon' is not one of eid, itsme"),
        ({"mock_person": "employee", "mock_organisation": FLORIST}, "has nothing to do with"),
        ({"mock_person": "employee", "mock_organisation": "one"}, "has nothing to do with"),
        ({"mock_method": "eid"}, "need a mock_person"),
        (
            {"mock_person": "employee", "mock_method": "sms", "acr_values": "urn:be:vlaanderen:authmech:eid"},
            "sms is not acceptable here; acceptable are eid",
        ),
        ({"mock_person": "employee", "acr_values": "urn:unheard-of"}, "accepts none of the five methods"),
    ],
    ids=str,
)
def test_a_script_that_cannot_be_followed_says_why(party: Party, script: dict[str, str], complaint: str) -> None:
    answer = party.ask(**script)

    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/plain")
    assert complaint in answer.text


def test_a_queued_login_is_used_once(acm: Mock, party: Party) -> None:
    queued = acm.post("/mock/next-login", {"mock_person": "auditor", "mock_method": "app"})
    assert queued.json() == {"waiting": 1}

    assert "code" in brought_back(party.ask())
    party.browser.cookies.clear()

    assert "/signin/" in party.ask().headers["location"]


def test_a_queued_login_can_wait_for_one_client(acm: Mock, party: Party, gateway: Party) -> None:
    acm.post("/mock/next-login", {"mock_person": "auditor", "client_id": "a-gateway"})

    assert "/signin/" in party.ask().headers["location"]
    assert "code" in brought_back(gateway.ask())


@pytest.mark.parametrize(
    "body",
    [{}, {"mock_person": "who"}, {"mock_person": "employee", "method": "eid"}, {"mock_person": 1}, [1]],
    ids=str,
)
def test_a_queued_login_that_makes_no_sense_is_refused(acm: Mock, body: object) -> None:
    answer = acm.post("/mock/next-login", body)

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_client_without_a_method_does_not_offer_it(acm: Mock, party: Party) -> None:
    acm.register("no-token", methods=["eid", "itsme"])
    other = Party(mock=acm, client_id="no-token", browser=party.browser)

    assert other.ask(mock_person="employee", mock_method="federal-token").status_code == 400
