"""Logout, identity switch and back-channel logout: the statements B26 to B29."""

import httpx2
import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from structlog.testing import capture_logs

from tests.mock_idp.provider import LOGGED_OUT, Mock, Party, back_channel, brought_back, unverified
from tests.mock_idp.statements import Seen

EVENT = "http://schemas.openid.net/event/backchannel-logout"


def log_out(party: Party, **parameters: str) -> httpx2.Response:
    return party.browser.get(f"{party.mock.issuer}/v1/logout", params=parameters)


def is_signed_in(party: Party) -> bool:
    return "code" in brought_back(party.ask(prompt="none"))


def test_b26_logout_in_acms_form_ends_the_session_and_returns_with_the_state(party: Party, seen: Seen) -> None:
    party.sign_in()
    assert is_signed_in(party)

    answer = log_out(party, client_id="demo-client", post_logout_redirect_uri=LOGGED_OUT, state="back")

    assert answer.headers["location"] == f"{LOGGED_OUT}?state=back"
    assert not is_signed_in(party)
    seen("session ended, 303 to the registered address with state")


def test_b26_logout_with_an_id_token_hint_and_no_client_id_works_too(party: Party, seen: Seen) -> None:
    token = party.tokens()["id_token"]
    party.mock.clock.forward(hours=1, minutes=30)  # an expired ID token is a good hint

    answer = log_out(party, id_token_hint=token, post_logout_redirect_uri=LOGGED_OUT)

    assert answer.headers["location"] == LOGGED_OUT
    assert not is_signed_in(party)
    seen("with id_token_hint too, an expired one included")


def test_b26_logout_by_post_works(party: Party) -> None:
    party.sign_in()
    form = {"client_id": "demo-client", "post_logout_redirect_uri": LOGGED_OUT}

    answer = party.browser.post(f"{party.mock.issuer}/v1/logout", data=form)

    assert answer.headers["location"] == LOGGED_OUT
    assert not is_signed_in(party)


@pytest.mark.parametrize("target", ["https://evil.example/", f"{LOGGED_OUT}?x=1", LOGGED_OUT.rstrip("/")])
def test_b27_an_address_that_is_not_registered_is_never_followed(party: Party, seen: Seen, target: str) -> None:
    party.sign_in()

    answer = log_out(party, client_id="demo-client", post_logout_redirect_uri=target)

    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert is_signed_in(party)
    seen("unregistered, or a query added: 400, no Location")


def test_b27_an_address_without_a_client_is_never_followed(party: Party, seen: Seen) -> None:
    assert log_out(party, post_logout_redirect_uri=LOGGED_OUT).status_code == 400
    seen("no id_token_hint and no client_id: 400")


@pytest.mark.parametrize("fault", ["id-token-alg-none", "id-token-foreign-key", "id-token-signature-rs256"])
def test_b27_a_hint_that_we_did_not_sign_is_never_followed(party: Party, seen: Seen, fault: str) -> None:
    party.mock.arm(fault)
    forged = party.tokens()["id_token"]

    answer = log_out(party, id_token_hint=forged, post_logout_redirect_uri=LOGGED_OUT)

    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert is_signed_in(party)
    seen(f"hint with {fault.removeprefix('id-token-')}: 400, no Location")


def test_b27_a_hint_of_another_client_is_refused(party: Party) -> None:
    party.mock.register("another")
    token = party.tokens()["id_token"]

    assert log_out(party, id_token_hint=token, client_id="another").status_code == 400


@pytest.mark.parametrize("parameters", [{}, {"state": "x"}, {"client_id": "demo-client"}], ids=str)
def test_b28_without_an_address_the_person_is_logged_out_and_told_so(
    party: Party, seen: Seen, parameters: dict[str, str]
) -> None:
    party.sign_in()

    answer = party.browser.get(f"{party.mock.issuer}/v1/logout", params=parameters, headers={"Accept-Language": "en"})

    assert answer.status_code == 200
    assert "You are logged out" in answer.text
    assert not is_signed_in(party)
    seen(f"{', '.join(parameters) or 'no parameters'}: 'You are logged out'")


def test_b28_without_a_state_none_comes_back(party: Party, seen: Seen) -> None:
    answer = log_out(party, client_id="demo-client", post_logout_redirect_uri=LOGGED_OUT)

    assert answer.headers["location"] == LOGGED_OUT
    seen("no state: none comes back")


def test_a_switch_keeps_the_person_signed_in_and_asks_for_the_organisation_anew(party: Party) -> None:
    party.sign_in("two-organisations", mock_organisation="1999999052")
    assert is_signed_in(party)

    answer = log_out(party, client_id="demo-client", post_logout_redirect_uri=LOGGED_OUT, switch="")

    assert answer.headers["location"] == LOGGED_OUT
    assert brought_back(party.ask(prompt="none"))["error"] == "interaction_required"
    assert "/signin/" in party.ask().headers["location"]


def test_the_session_ends_two_hours_after_the_first_authentication(party: Party) -> None:
    party.sign_in()
    party.mock.clock.forward(minutes=119)
    assert is_signed_in(party)

    party.mock.clock.forward(minutes=2)

    assert not is_signed_in(party)


def test_b29_every_client_of_the_session_is_told_directly(acm: Mock, party: Party, seen: Seen) -> None:
    with back_channel() as listening:
        acm.register("demo-client", backchannel_logout_uri=listening.address)
        claims = party.claims()
        log_out(party)

    (posted,) = listening.received
    token = jwt.decode(posted["logout_token"], acm.keys(), algorithms=["RS256"])
    assert token.header["typ"] == "logout+jwt"
    assert (token.claims["iss"], token.claims["aud"]) == (acm.issuer, "demo-client")
    assert (token.claims["sub"], token.claims["sid"]) == (claims["sub"], claims["sid"])
    assert token.claims["exp"] - token.claims["iat"] <= 120
    assert token.claims["events"] == {EVENT: {}}
    assert token.claims["jti"]
    assert not {"nonce", "rrn", "given_name"} & token.claims.keys()
    seen("POST form; typ logout+jwt, iss, aud, iat, exp within 120 s, jti, sub, sid, events, no nonce")


@pytest.mark.parametrize("status", [400, 500])
def test_b29_a_client_that_refuses_does_not_stop_the_logout(acm: Mock, party: Party, seen: Seen, status: int) -> None:
    with back_channel(status) as listening, capture_logs() as logged:
        acm.register("demo-client", backchannel_logout_uri=listening.address)
        party.sign_in()
        answer = log_out(party, client_id="demo-client", post_logout_redirect_uri=LOGGED_OUT)

    assert answer.headers["location"] == LOGGED_OUT
    assert len(listening.received) == 1
    assert {"event": "logout refused", "client_id": "demo-client", "status": status, "log_level": "warning"} in logged
    seen(f"the client says {status}: logged, logout goes on")


def test_b29_a_client_that_is_away_does_not_stop_the_logout(acm: Mock, party: Party) -> None:
    with back_channel() as gone:
        pass
    acm.register("demo-client", backchannel_logout_uri=gone.address)
    party.sign_in()

    assert log_out(party).status_code == 200


def test_the_session_is_another_one_when_another_person_signs_in(party: Party) -> None:
    first, second = party.claims("employee"), party.claims("auditor")

    assert first["sid"] != second["sid"]
    assert party.claims("auditor")["sid"] == second["sid"]


def _logout_token(acm: Mock, party: Party, fault: str) -> list[str]:
    with back_channel() as listening:
        acm.register("demo-client", backchannel_logout_uri=listening.address)
        party.sign_in()
        acm.arm(fault)
        log_out(party)
    return [posted["logout_token"] for posted in listening.received]


@pytest.mark.parametrize(
    ("fault", "missing"),
    [
        ("logout-token-event-missing", "events"),
        ("logout-token-iat-missing", "iat"),
        ("logout-token-jti-missing", "jti"),
        ("logout-token-only-sub", "sid"),
        ("logout-token-only-sid", "sub"),
        ("logout-token-sub-and-sid-missing", "sub"),
    ],
)
def test_b30_a_logout_token_can_lack_a_claim(acm: Mock, party: Party, fault: str, missing: str) -> None:
    (token,) = _logout_token(acm, party, fault)

    assert missing not in unverified(token)[1]


@pytest.mark.parametrize(
    ("fault", "claim", "value"),
    [
        ("logout-token-event-wrong", "events", {"http://schemas.openid.net/event/other": {}}),
        ("logout-token-nonce", "nonce", "a-nonce"),
        ("logout-token-aud-wrong", "aud", "somebody-else"),
        ("logout-token-iss-wrong", "iss", "https://idp.evil.example/op"),
    ],
)
def test_b30_a_logout_token_can_have_a_wrong_claim(
    acm: Mock, party: Party, fault: str, claim: str, value: object
) -> None:
    (token,) = _logout_token(acm, party, fault)

    assert unverified(token)[1][claim] == value


def test_b30_a_logout_token_can_be_signed_wrongly_sent_twice_or_too_late(acm: Mock, party: Party) -> None:
    assert _logout_token(acm, party, "logout-token-alg-none")[0].endswith(".")
    assert unverified(_logout_token(acm, party, "logout-token-wrong-alg")[0])[0]["alg"] == "ES256"
    with pytest.raises(JoseError):
        jwt.decode(_logout_token(acm, party, "logout-token-signature")[0], acm.keys(), algorithms=["RS256"])
    first, second = _logout_token(acm, party, "logout-token-twice")
    assert first == second
    expired = unverified(_logout_token(acm, party, "logout-token-expired")[0])[1]
    assert int(str(expired["exp"])) < acm.clock.seconds()


@pytest.mark.parametrize(
    ("fault", "location"),
    [
        ("logout-state-wrong", f"{LOGGED_OUT}?state=forged-state"),
        ("logout-state-missing", LOGGED_OUT),
    ],
)
def test_b30_the_return_from_logout_can_have_a_wrong_state(party: Party, fault: str, location: str) -> None:
    party.mock.arm(fault)

    answer = log_out(party, client_id="demo-client", post_logout_redirect_uri=LOGGED_OUT, state="back")

    assert answer.headers["location"] == location


def test_a_client_with_a_front_channel_address_is_told_in_a_frame_with_iss_and_sid(party: Party) -> None:
    party.mock.register("demo-client", frontchannel_logout_uri="http://localhost:8080/front?app=1")
    _, token = unverified(party.tokens()["id_token"])

    page = log_out(party, client_id="demo-client", post_logout_redirect_uri=LOGGED_OUT, state="back")

    assert page.status_code == 200
    told = httpx2.URL(page.text.partition('<iframe src="')[2].partition('"')[0].replace("&amp;", "&"))
    assert dict(told.params) == {"app": "1", "iss": party.mock.issuer, "sid": token["sid"]}
    assert "frame-src http://localhost:8080" in page.headers["content-security-policy"]
    assert f'content="2;url={LOGGED_OUT}?state=back"' in page.text
    assert not is_signed_in(party)
