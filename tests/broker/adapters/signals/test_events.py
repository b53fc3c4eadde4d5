"""Reading Security Event Tokens: what is believed, and the word of RFC 8935 for everything that is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from broker.adapters.http import BackChannel, Limits
from broker.adapters.signals.events import EventReader, TransmitterSettings
from broker.ports import ProviderUnavailable, SecurityEvent, SignalRefused
from tests.broker.adapters.examples import NOW, SetClock
from tests.broker.adapters.oidc.tiny_provider import EC, OTHER_RSA, RSA, json_reply
from tests.broker.adapters.small_server import Reply, SmallServer

ISSUER, AUDIENCE, SUBJECT = "https://acm.example/op", "https://inkom.example", "2365621db15c6e28"
PROVIDER = "https://acm.example/another"
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"


class Transmitter:
    """Makes tokens whose every part a test can change; None removes a claim."""

    def __init__(self, server: SmallServer) -> None:
        self.clock = SetClock()
        self.keys: list[RSAKey | ECKey] = [RSA, EC]
        self.server = server
        self.channel = BackChannel(Limits(connect=1.0, total=1.0))
        server.on("/keys", lambda _: json_reply({"keys": [key.as_dict(private=False) for key in self.keys]}))

    async def jwks_uri(self) -> str:
        return f"{self.server.origin}/keys"

    def reader(self, *, every_event_ends_sessions: bool = False) -> EventReader:
        settings = TransmitterSettings(
            issuer=ISSUER,
            provider=PROVIDER,
            jwks_uri=self.jwks_uri,
            audience=AUDIENCE,
            algorithms=("RS256", "ES256"),
            every_event_ends_sessions=every_event_ends_sessions,
        )
        return EventReader(settings, clock=self.clock, channel=self.channel)

    def token(self, *, header: dict[str, Any] | None = None, key: RSAKey | ECKey = RSA, **changes: object) -> bytes:
        claims: dict[str, object] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": int(NOW.timestamp()),
            "jti": "one",
            "sub_id": {"format": "iss_sub", "iss": ISSUER, "sub": SUBJECT},
            "events": {f"{CAEP}token-claims-change": {}},
            **changes,
        }
        whole = {name: value for name, value in claims.items() if value is not None}
        head = {"alg": "RS256", "kid": "one", "typ": "secevent+jwt", **(header or {})}
        return jwt.encode(head, whole, key, algorithms=[head["alg"]]).encode()


@pytest.fixture
async def transmitter(small: SmallServer) -> AsyncIterator[Transmitter]:
    transmitter = Transmitter(small)
    yield transmitter
    await transmitter.channel.aclose()


async def test_a_change_of_claims_names_the_person_and_ends_no_session(transmitter: Transmitter) -> None:
    assert await transmitter.reader().read(transmitter.token()) == SecurityEvent(
        event_id="one", kinds=("token-claims-change",), issuer=ISSUER, subject=SUBJECT, ends_sessions=False
    )


async def test_a_revoked_session_ends_sessions(transmitter: Transmitter) -> None:
    token = transmitter.token(events={f"{CAEP}session-revoked": {"reason_admin": {"nl": "Uit dienst"}}})

    assert (await transmitter.reader().read(token)).ends_sessions


@pytest.mark.parametrize("kind", ["token-claims-change", "credential-change", "assurance-level-change"])
async def test_each_kind_that_may_change_facts_is_acted_on(transmitter: Transmitter, kind: str) -> None:
    event = await transmitter.reader().read(transmitter.token(events={f"{CAEP}{kind}": {}}))

    assert event.kinds == (kind,)


@pytest.mark.parametrize(
    "kind",
    [
        f"{CAEP}session-established",
        "https://schemas.openid.net/secevent/ssf/event-type/verification",
        "https://elsewhere.example/event",
    ],
)
async def test_other_events_are_acknowledged_and_change_nothing(transmitter: Transmitter, kind: str) -> None:
    event = await transmitter.reader().read(transmitter.token(events={kind: {}}, sub_id=None))

    assert (event.kinds, event.ends_sessions) == ((), False)


@pytest.mark.parametrize(
    ("sub_id", "event"),
    [
        ({"format": "iss_sub", "iss": PROVIDER, "sub": SUBJECT}, {}),
        ({"format": "opaque", "id": SUBJECT}, {}),
        (None, {"subject": {"format": "iss_sub", "iss": PROVIDER, "sub": SUBJECT}}),
    ],
)
async def test_the_person_may_be_named_in_other_forms(transmitter: Transmitter, sub_id: Any, event: Any) -> None:
    token = transmitter.token(sub_id=sub_id, events={f"{CAEP}token-claims-change": event})

    event = await transmitter.reader().read(token)
    assert (event.issuer, event.subject) == (PROVIDER, SUBJECT)


async def test_several_audiences_are_accepted_when_we_are_one(transmitter: Transmitter) -> None:
    assert (await transmitter.reader().read(transmitter.token(aud=["somebody", AUDIENCE]))).kinds


async def test_the_type_may_have_its_prefix_and_capitals(transmitter: Transmitter) -> None:
    assert (await transmitter.reader().read(transmitter.token(header={"typ": "application/SecEvent+JWT"}))).kinds


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://elsewhere.example"}, "invalid_issuer"),
        ({"iss": None}, "invalid_issuer"),
        ({"aud": "somebody-else"}, "invalid_audience"),
        ({"aud": None}, "invalid_audience"),
        ({"aud": []}, "invalid_audience"),
        ({"aud": 7}, "invalid_audience"),
        ({"iat": None}, "invalid_request"),
        ({"iat": "now"}, "invalid_request"),
        ({"iat": int((NOW - timedelta(minutes=11)).timestamp())}, "invalid_request"),
        ({"iat": int((NOW + timedelta(minutes=2)).timestamp())}, "invalid_request"),
        ({"jti": None}, "invalid_request"),
        ({"jti": ""}, "invalid_request"),
        ({"jti": "x" * 256}, "invalid_request"),
        ({"jti": 5}, "invalid_request"),
        ({"events": None}, "invalid_request"),
        ({"events": {}}, "invalid_request"),
        ({"events": ["x"]}, "invalid_request"),
        ({"events": {f"{CAEP}session-revoked": None}}, "invalid_request"),
        ({"events": {f"{CAEP}session-revoked": []}}, "invalid_request"),
        ({"sub": SUBJECT}, "invalid_request"),
        ({"exp": int((NOW + timedelta(minutes=2)).timestamp())}, "invalid_request"),
        ({"iat": True}, "invalid_request"),
        ({"iat": 10**12}, "invalid_request"),
        ({"sub_id": None}, "invalid_request"),
        ({"sub_id": "somebody"}, "invalid_request"),
        ({"sub_id": {"format": "email", "email": "an@voorbeeld.test"}}, "invalid_request"),
        ({"sub_id": {"format": "iss_sub", "iss": ISSUER}}, "invalid_request"),
        ({"sub_id": {"format": "iss_sub", "iss": ISSUER, "sub": ""}}, "invalid_request"),
        ({"sub_id": {"format": "iss_sub", "iss": "", "sub": SUBJECT}}, "invalid_request"),
        ({"header": {"typ": "JWT"}}, "invalid_request"),
        ({"header": {"typ": "logout+jwt"}}, "invalid_request"),
        ({"key": OTHER_RSA}, "invalid_key"),
        ({"header": {"kid": "unknown"}}, "invalid_key"),
    ],
)
async def test_what_is_not_an_event_for_us_is_refused_by_its_word(
    transmitter: Transmitter, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(SignalRefused) as refused:
        await transmitter.reader().read(transmitter.token(**changes))

    assert refused.value.code == code


@pytest.mark.parametrize("token", [b"", b"x.y", b"x.y.z", b"\xff\xfe.a.b", b"e30.e30.e30", b"." * 3])
async def test_what_is_no_token_at_all_is_refused(transmitter: Transmitter, token: bytes) -> None:
    with pytest.raises(SignalRefused) as refused:
        await transmitter.reader().read(token)

    assert refused.value.code == "invalid_request"


async def test_an_algorithm_that_we_do_not_allow_is_refused(transmitter: Transmitter) -> None:
    token = transmitter.token(header={"alg": "PS256"})

    with pytest.raises(SignalRefused):
        await transmitter.reader().read(token)


async def test_one_event_under_several_names_is_about_one_person(transmitter: Transmitter) -> None:
    events: dict[str, object] = {
        f"{CAEP}credential-change": {},
        f"{CAEP}session-revoked": {},
        "https://elsewhere.example/event": {},
    }

    event = await transmitter.reader().read(transmitter.token(events=events))

    assert (sorted(event.kinds), event.subject, event.ends_sessions) == (
        ["credential-change", "session-revoked"],
        SUBJECT,
        True,
    )


async def test_events_about_several_people_in_one_token_are_refused(transmitter: Transmitter) -> None:
    def about(subject: str) -> dict[str, Any]:
        return {"subject": {"format": "opaque", "id": subject}}

    events = {f"{CAEP}token-claims-change": about(SUBJECT), f"{CAEP}session-revoked": about("somebody-else")}
    with pytest.raises(SignalRefused) as refused:
        await transmitter.reader().read(transmitter.token(sub_id=None, events=events))

    assert refused.value.code == "invalid_request"


async def test_a_new_key_that_may_not_be_looked_up_yet_loses_no_event(transmitter: Transmitter) -> None:
    """Who made us fetch the keys a moment ago, with a token of their own, must not have the next event dropped."""
    reader = transmitter.reader()
    with pytest.raises(SignalRefused):
        await reader.read(transmitter.token(header={"kid": "unknown"}))

    with pytest.raises(ProviderUnavailable):
        await reader.read(transmitter.token(header={"kid": "rotated-since"}))
    with pytest.raises(SignalRefused) as refused:
        await reader.read(transmitter.token(key=OTHER_RSA, header={"kid": "one"}))
    assert refused.value.code == "invalid_key"


async def test_new_keys_of_the_transmitter_are_fetched_once(transmitter: Transmitter) -> None:
    reader = transmitter.reader()
    await reader.read(transmitter.token())
    transmitter.keys = [OTHER_RSA]

    assert (await reader.read(transmitter.token(key=OTHER_RSA))).kinds
    assert len(transmitter.server.asked("/keys")) == 2


async def test_without_the_transmitters_keys_nothing_is_decided(transmitter: Transmitter) -> None:
    transmitter.server.on("/keys", Reply(status=500))

    with pytest.raises(ProviderUnavailable):
        await transmitter.reader().read(transmitter.token())


async def test_where_facts_cannot_be_read_anew_every_event_for_us_ends_sessions(transmitter: Transmitter) -> None:
    reader = transmitter.reader(every_event_ends_sessions=True)
    assert (await reader.read(transmitter.token())).ends_sessions
    assert not (await transmitter.reader().read(transmitter.token())).ends_sessions
    others = transmitter.token(events={"https://elsewhere.example/event": {}})
    assert not (await reader.read(others)).ends_sessions
