"""Every fault really changes what the mock says, once, and only for whom it was armed (B30)."""

import json
from collections.abc import Iterator, Mapping

import httpx2
import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from mock_idp.acm.id_token import at_hash
from mock_idp.fault_list import all_faults
from mock_idp.faults import Fault, Stage
from tests.mock_idp.key_holder import KeyHolder
from tests.mock_idp.provider import CALLBACK, Mock, Party, back_channel, unverified
from tests.mock_idp.statements import Seen

REGISTER_TOKEN = {"Authorization": "Bearer demo-register-token"}
BAKERY = "1999999943"
NO_HEADERS: Mapping[str, str] = {}
MINUTE = 60


def named(fault: Fault) -> str:
    return fault.name


@pytest.mark.parametrize("fault", [fault for fault in all_faults() if not fault.name.endswith("-slow")], ids=named)
def test_b30_the_fault_changes_the_answer_once(acm: Mock, party: Party, fault: Fault, seen: Seen) -> None:
    proper = observe(acm, party, fault.stage)
    acm.arm(fault.name)

    wrong = observe(acm, party, fault.stage)

    assert wrong != proper
    assert acm.get("/mock/faults").json()["armed"] == []
    seen(f"{fault.name}: another answer, once")


@pytest.mark.parametrize("fault", [fault for fault in all_faults() if fault.name.endswith("-slow")], ids=named)
def test_b30_a_slow_answer_is_slower_than_a_client_wants_to_wait(acm: Mock, party: Party, fault: Fault) -> None:
    acm.arm(fault.name, seconds=1.5)

    with pytest.raises(httpx2.ReadTimeout):
        observe(acm, party, fault.stage, patience=0.4)


def observe(acm: Mock, party: Party, stage: Stage, *, patience: float = 20) -> object:
    """What one answer of that stage says, without the parts that differ each time."""
    match stage:
        case Stage.CALLBACK:
            return _without_the_code(party.ask(mock_person="employee").headers["location"])
        case Stage.ID_TOKEN:
            return _told(acm, party.tokens())
        case Stage.REFRESH:
            tokens = party.tokens(scope="openid offline_access")
            form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
            return _told(acm, party.token_request(form).json())
        case Stage.TOKEN:
            form = {
                "grant_type": "authorization_code",
                "code": party.sign_in()["code"],
                "redirect_uri": CALLBACK,
                "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            }
            return _raw(
                acm, "POST", f"{acm.issuer}/v1/token", patience, data=form, auth=(party.client_id, "demo-client-secret")
            )
        case Stage.PAR:
            form, secret = party.request(), (party.client_id, "demo-client-secret")
            return _raw(acm, "POST", f"{acm.issuer}/v1/par", patience, data=form, auth=secret)
        case Stage.DPOP:
            answer = KeyHolder(party).redeem(party.sign_in()["code"])
            return {name: answer.json().get(name) for name in ("error", "token_type")}, "dpop-nonce" in answer.headers
        case Stage.DPOP_USERINFO:
            holder = KeyHolder(party)
            answer = holder.userinfo(holder.redeem(party.sign_in()["code"]).json()["access_token"])
            return answer.status_code, answer.headers.get("www-authenticate")
        case Stage.USERINFO:
            token = {"Authorization": f"Bearer {party.tokens()['access_token']}"}
            return _raw(acm, "GET", f"{acm.issuer}/v1/userinfo", patience, headers=token)
        case Stage.KEYS:
            return _raw(acm, "GET", f"{acm.issuer}/v1/keys", patience)
        case Stage.DISCOVERY:
            return _raw(acm, "GET", f"{acm.issuer}/.well-known/openid-configuration", patience)
        case Stage.LOGOUT:
            query = "client_id=demo-client&post_logout_redirect_uri=http://localhost:8080/&state=back"
            return party.browser.get(f"{acm.issuer}/v1/logout?{query}").headers["location"]
        case Stage.BACKCHANNEL:
            return _logout_tokens(acm, party)
        case Stage.IDM:
            body = {"national_number": "90651800257"}
            return _raw(
                acm, "POST", f"{acm.origin}/idm/v1/person-rights", patience, json_body=body, headers=REGISTER_TOKEN
            )
        case Stage.KBO:
            return _raw(acm, "GET", f"{acm.origin}/kbo/v1/enterprises/{BAKERY}", patience, headers=REGISTER_TOKEN)


def _without_the_code(location: str) -> tuple[str, ...]:
    address, _, query = location.partition("?")
    parts = ["code" if part.startswith("code=") and len(part) == 48 else part for part in query.split("&")]
    return (address, *parts)


def _told(acm: Mock, tokens: Mapping[str, object]) -> Mapping[str, object]:
    header, claims = unverified(str(tokens["id_token"]))
    keys = acm.keys()
    published = {str(key.kid) for key in keys.keys}
    now = acm.clock.seconds()
    times = {name: _minutes(claims[name], now) for name in ("iat", "exp", "auth_time", "nbf") if name in claims}
    stable = {key: value for key, value in claims.items() if key not in {*times, "kid", "sid", "at_hash"}}
    return {
        "header": {**header, "kid": "kid" in header and header["kid"] in published},
        "claims": stable,
        "times": times,
        "hash": claims.get("at_hash") and claims["at_hash"] == at_hash(str(tokens["access_token"])),
        "verifies": _verifies(str(tokens["id_token"]), keys),
        "several keys": len(keys.keys),
        "first key": keys.keys[0].as_dict(private=False).get("n"),
    }


def _minutes(moment: object, now: int) -> int:
    return round((int(str(moment)) - now) / MINUTE)


def _verifies(token: str, keys: KeySet) -> bool:
    try:
        jwt.decode(token, keys, algorithms=["RS256", "ES256"])
    except (JoseError, ValueError):
        return False
    return True


def _raw(
    acm: Mock,
    method: str,
    address: str,
    patience: float,
    *,
    headers: Mapping[str, str] = NO_HEADERS,
    data: dict[str, str] | None = None,
    json_body: object = None,
    auth: tuple[str, str] | None = None,
) -> object:
    """Status, kind and bytes as they came over the line; volatile values blanked, large bodies by their size."""
    headers = {"Accept-Encoding": "gzip", **headers}
    with acm.direct.stream(
        method, address, timeout=patience, headers=headers, data=data, json=json_body, auth=auth
    ) as answer:
        body = b"".join(answer.iter_raw())
        kind = (answer.status_code, answer.headers.get("content-type"), answer.headers.get("content-encoding"))
    if len(body) > 100_000 or kind[2]:
        return (*kind, len(body))
    return (*kind, _blanked(body))


def _blanked(body: bytes) -> object:
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        return "no JSON" if len(body) > 0 else "empty"
    if not isinstance(members, dict):
        return type(members).__name__
    return {name: _volatile(name, value) for name, value in members.items()}


def _volatile(name: str, value: object) -> object:
    random = name == "request_uri" and len(str(value)) > 60
    return "…" if name in ("access_token", "id_token") or random else value


def _logout_tokens(acm: Mock, party: Party) -> object:
    with back_channel() as listening:
        acm.register("demo-client", backchannel_logout_uri=listening.address)
        party.sign_in()
        party.browser.get(f"{acm.issuer}/v1/logout")
    told = [unverified(posted["logout_token"]) for posted in listening.received]
    now, keys = acm.clock.seconds(), acm.keys()
    verified = [_verifies(posted["logout_token"], keys) for posted in listening.received]
    return [
        (
            {name: value for name, value in header.items() if name != "kid"},
            {name: value for name, value in claims.items() if name not in ("iat", "exp", "jti", "sid")},
            sorted(claims),
            _minutes(claims["exp"], now),
            verifies,
        )
        for (header, claims), verifies in zip(told, verified, strict=True)
    ]


@pytest.fixture
def another(acm: Mock) -> Iterator[Party]:
    acm.register("another")
    party = Party(mock=acm, client_id="another")
    yield party
    party.close()


def test_a_fault_for_one_client_leaves_the_others_alone(acm: Mock, party: Party, another: Party) -> None:
    acm.arm("id-token-iss-wrong", client_id="another")

    assert unverified(party.tokens()["id_token"])[1]["iss"] == acm.issuer
    assert unverified(another.tokens()["id_token"])[1]["iss"] != acm.issuer


def test_a_fault_can_be_armed_several_times_or_until_the_reset(acm: Mock) -> None:
    def administrators() -> int:
        return acm.direct.get(
            f"{acm.origin}/idm/v1/organisations/{BAKERY}/administrators", headers=REGISTER_TOKEN
        ).status_code

    acm.arm("idm-down", times=2)
    assert [administrators() for _ in range(3)] == [503, 503, 200]
    acm.arm("idm-down", times="always")
    assert [administrators() for _ in range(3)] == [503, 503, 503]

    acm.post("/mock/reset", {})

    assert administrators() == 200


@pytest.mark.parametrize(
    "body",
    [
        {"fault": "no-such-fault"},
        {},
        {"fault": "idm-down", "times": 0},
        {"fault": "idm-down", "times": "twice"},
        {"fault": "idm-down", "times": True},
        {"fault": "idm-down", "colour": "red"},
        {"fault": 7},
        {"fault": "idm-slow", "seconds": -1},
        ["idm-down"],
    ],
    ids=str,
)
def test_a_fault_that_is_asked_for_wrongly_is_refused_in_clear_text(acm: Mock, body: object) -> None:
    answer = acm.post("/mock/fault", body)

    assert answer.status_code == 400
    assert answer.json()["error"]
    assert acm.get("/mock/faults").json()["armed"] == []


def test_every_fault_has_one_name_a_description_and_a_verdict() -> None:
    faults = all_faults()

    assert len({fault.name for fault in faults}) == len(faults)
    assert all(fault.description.endswith(".") for fault in faults)
    assert {fault.expected for fault in faults} == {"accept", "reject", "either"}


# The statements of the acceptance list that need a misbehaving provider.
NEGATIVE = (
    *(f"V{n:02}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13)),
    *("A02", "A03", "A04", "A05", "A06", "A07", "A08", "A10", "A11", "A13", "A14", "A17", "A21", "A22", "A24", "A26"),
    *("A28", "A29", "A30", "A33", "A35", "A36", "A37", "A38", "A39", "A40", "A44", "A45", "A46", "A47", "A48", "A49"),
    *("A50", "A51", "A52", "A53", "A54", "A58", "A64", "A65", "A67", "A70"),
)


@pytest.mark.parametrize("statement", NEGATIVE)
def test_b30_every_negative_statement_has_a_fault(statement: str) -> None:
    assert any(statement in fault.statements for fault in all_faults())
