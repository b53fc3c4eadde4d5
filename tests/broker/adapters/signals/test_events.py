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
from broker.domain.people import Assurance
from broker.ports import (
    NamedPerson,
    NamedSession,
    ProviderUnavailable,
    SecurityEvent,
    SetAside,
    SignalRefused,
    StreamEvent,
)
from tests.broker.adapters.examples import NOW, SetClock
from tests.broker.adapters.oidc.tiny_provider import EC, OTHER_RSA, RSA, json_reply
from tests.broker.adapters.small_server import Reply, SmallServer

ISSUER, AUDIENCE, SUBJECT = "https://acm.example/op", "https://inkom.example", "2365621db15c6e28"
PROVIDER = "https://acm.example/another"
PERSON = NamedPerson(issuer=ISSUER, subject=SUBJECT)
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"


class Transmitter:
    """Makes tokens whose every part a test can change; None removes a claim."""

    def __init__(self, server: SmallServer) -> None:
        self.clock = SetClock()
        self.keys: list[RSAKey | ECKey] = [RSA, EC]
        self.server = server
        self.channel = BackChannel(Limits(connect=1.0, total=1.0))
        server.on("/keys", lambda _: json_reply({"keys": [key.as_dict(private=False) for key in self.keys]}))

    async def critical_members(self) -> frozenset[str]:
        return frozenset({"device"})

    async def jwks_uri(self) -> str:
        return f"{self.server.origin}/keys"

    def reader(self, *, every_event_ends_sessions: bool = False) -> EventReader:
        settings = TransmitterSettings(
            issuer=ISSUER,
            provider=PROVIDER,
            jwks_uri=self.jwks_uri,
            audience=AUDIENCE,
            algorithms=("RS256", "ES256"),
            critical_members=self.critical_members,
            levels={"urn:be:vlaanderen:acm:hoog": Assurance.HIGH},
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


async def about_somebody(transmitter: Transmitter, token: bytes, **more: bool) -> SecurityEvent:
    event = await transmitter.reader(**more).read(token)
    assert isinstance(event, SecurityEvent), event
    return event


async def test_a_change_of_claims_names_the_person_and_ends_no_session(transmitter: Transmitter) -> None:
    assert await transmitter.reader().read(transmitter.token()) == SecurityEvent(
        event_id="one",
        issuer=ISSUER,
        kinds=("token-claims-change",),
        about=(PERSON,),
        at=None,
        ends_sessions=False,
        falls_to=None,
    )


async def test_a_revoked_session_ends_sessions(transmitter: Transmitter) -> None:
    token = transmitter.token(events={f"{CAEP}session-revoked": {"reason_admin": {"nl": "Uit dienst"}}})

    assert (await about_somebody(transmitter, token)).ends_sessions


@pytest.mark.parametrize("kind", ["token-claims-change", "credential-change", "assurance-level-change"])
async def test_each_kind_that_may_change_facts_is_acted_on(transmitter: Transmitter, kind: str) -> None:
    event = await about_somebody(transmitter, transmitter.token(events={f"{CAEP}{kind}": {}}))

    assert event.kinds == (kind,)


@pytest.mark.parametrize(
    "kind",
    [
        f"{CAEP}session-established",
        "https://elsewhere.example/event",
    ],
)
async def test_other_events_are_acknowledged_and_change_nothing(transmitter: Transmitter, kind: str) -> None:
    event = await transmitter.reader().read(transmitter.token(events={kind: {}}, sub_id=None))

    assert event == SetAside(event_id="one", reason="not-ours")


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

    assert NamedPerson(issuer=PROVIDER, subject=SUBJECT) in (await about_somebody(transmitter, token)).about


async def test_several_audiences_are_accepted_when_we_are_one(transmitter: Transmitter) -> None:
    assert (await about_somebody(transmitter, transmitter.token(aud=["somebody", AUDIENCE]))).kinds


async def test_the_type_may_have_its_prefix_and_capitals(transmitter: Transmitter) -> None:
    token = transmitter.token(header={"typ": "application/SecEvent+JWT"})

    assert (await about_somebody(transmitter, token)).kinds


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
        ({"sub_id": {"format": "email"}}, "invalid_request"),
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

    event = await about_somebody(transmitter, transmitter.token(events=events))

    assert (sorted(event.kinds), event.about, event.ends_sessions) == (
        ["credential-change", "session-revoked"],
        (PERSON,),
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

    assert isinstance(await reader.read(transmitter.token(key=OTHER_RSA)), SecurityEvent)
    assert len(transmitter.server.asked("/keys")) == 2


async def test_without_the_transmitters_keys_nothing_is_decided(transmitter: Transmitter) -> None:
    transmitter.server.on("/keys", Reply(status=500))

    with pytest.raises(ProviderUnavailable):
        await transmitter.reader().read(transmitter.token())


async def test_where_facts_cannot_be_read_anew_every_event_for_us_ends_sessions(transmitter: Transmitter) -> None:
    assert (await about_somebody(transmitter, transmitter.token(), every_event_ends_sessions=True)).ends_sessions
    assert not (await about_somebody(transmitter, transmitter.token())).ends_sessions
    others = transmitter.token(events={"https://elsewhere.example/event": {}})
    assert isinstance(await transmitter.reader(every_event_ends_sessions=True).read(others), SetAside)


# ----------------------------------------------------------------------------------------------------------- about whom
@pytest.mark.parametrize(
    ("sub_id", "about"),
    [
        ({"format": "iss_sub", "iss": PROVIDER, "sub": "x"}, (NamedPerson(issuer=PROVIDER, subject="x"),)),
        (
            {"format": "opaque", "id": "x"},
            (NamedPerson(issuer=PROVIDER, subject="x"), NamedSession(issuer=PROVIDER, sid="x")),
        ),
        (
            {
                "format": "aliases",
                "identifiers": [
                    {"format": "email", "email": "an@voorbeeld.test"},
                    {"format": "iss_sub", "iss": ISSUER, "sub": SUBJECT},
                    {"format": "iss_sub", "iss": ISSUER, "sub": SUBJECT},
                ],
            },
            (PERSON,),
        ),
        (
            {
                "format": "complex",
                "user": {"format": "iss_sub", "iss": ISSUER, "sub": SUBJECT},
                "session": {"format": "opaque", "id": "a-sid"},
                "tenant": {"format": "opaque", "id": "vlaio"},
            },
            (NamedSession(issuer=PROVIDER, sid="a-sid"),),
        ),
        (
            {"format": "complex", "user": {"format": "opaque", "id": "x"}, "tenant": {"format": "opaque", "id": "y"}},
            (NamedPerson(issuer=PROVIDER, subject="x"),),
        ),
    ],
)
async def test_c49_a_subject_is_a_person_a_session_or_one_under_several_names(
    transmitter: Transmitter, sub_id: object, about: tuple[object, ...]
) -> None:
    token = transmitter.token(sub_id=sub_id, events={f"{CAEP}session-revoked": {}})

    assert (await about_somebody(transmitter, token)).about == about


@pytest.mark.parametrize(
    "sub_id",
    [
        {"format": "email", "email": "an@voorbeeld.test"},
        {"format": "email", "email": "an@voorbeeld.test@elsewhere.example"},
        {"format": "email", "email": '"an@elsewhere.example"@voorbeeld.test'},
        {"format": "phone_number", "phone_number": "+3212345678"},
        {"format": "account", "uri": "acct:an@voorbeeld.test"},
        {"format": "uri", "uri": "urn:x:y"},
        {"format": "did", "url": "did:example:123"},
        {"format": "jwt_id", "iss": ISSUER, "jti": "x"},
        {"format": "iss_sub", "iss": "https://elsewhere.example", "sub": SUBJECT},
        {"format": "aliases", "identifiers": [{"format": "email", "email": "an@voorbeeld.test"}]},
        {"format": "complex", "user": {"format": "email", "email": "an@voorbeeld.test"}},
        {"format": "complex", "tenant": {"format": "opaque", "id": "vlaio"}},
    ],
)
async def test_c50_a_subject_that_the_gateway_cannot_know_is_acknowledged_and_meets_nobody(
    transmitter: Transmitter, sub_id: object
) -> None:
    """It keeps no e-mail address: so no spelling of one ever leads to a person."""
    event = await transmitter.reader().read(transmitter.token(sub_id=sub_id))

    assert event == SetAside(event_id="one", reason="nobody-known")


async def test_c49_a_critical_member_that_we_do_not_process_sets_the_event_aside(transmitter: Transmitter) -> None:
    user = {"format": "iss_sub", "iss": ISSUER, "sub": SUBJECT}
    other = {"format": "opaque", "id": "x"}

    critical = transmitter.token(sub_id={"format": "complex", "user": user, "device": other})
    harmless = transmitter.token(sub_id={"format": "complex", "user": user, "group": other})

    assert await transmitter.reader().read(critical) == SetAside(event_id="one", reason="critical-member")
    assert (await about_somebody(transmitter, harmless)).about == (PERSON,)


@pytest.mark.parametrize(
    "sub_id",
    [
        {"format": "aliases", "identifiers": []},
        {"format": "aliases", "identifiers": [{"format": "aliases", "identifiers": []}]},
        {"format": "aliases", "identifiers": [{"format": "email", "email": "a@b.test"}] * 21},
        {"format": "aliases", "identifiers": "x"},
        {"format": "complex", "user": "x"},
        {"format": "complex", "session": {"format": "opaque"}},
        {"format": 5},
        {"user": {"format": "opaque", "id": "x"}},
    ],
)
async def test_c49_a_subject_that_is_malformed_is_refused(transmitter: Transmitter, sub_id: object) -> None:
    with pytest.raises(SignalRefused) as refused:
        await transmitter.reader().read(transmitter.token(sub_id=sub_id))

    assert refused.value.code == "invalid_request"


# ----------------------------------------------------------------------------------------------- what it comes down to
@pytest.mark.parametrize("change", ["create", "revoke", "update", "delete", "lost-and-found", None])
@pytest.mark.parametrize(
    "credential",
    [
        "password",
        "pin",
        "x509",
        "fido2-platform",
        "fido2-roaming",
        "fido-u2f",
        "verifiable-credential",
        "phone-voice",
        "phone-sms",
        "app",
        "something-new",
    ],
)
async def test_c53_a_credential_that_was_taken_away_ends_sessions_whatever_it_is(
    transmitter: Transmitter, change: str | None, credential: str
) -> None:
    token = transmitter.token(
        events={f"{CAEP}credential-change": {"change_type": change, "credential_type": credential}}
    )

    event = await about_somebody(transmitter, token)

    assert event.ends_sessions is (change not in ("create", "update"))


@pytest.mark.parametrize(
    ("event", "falls_to"),
    [
        ({"current_level": "low", "change_direction": "decrease"}, Assurance.LOW),
        ({"current_level": "nist-aal2", "previous_level": "nist-aal3"}, Assurance.SUBSTANTIAL),
        ({"current_level": "substantial"}, Assurance.SUBSTANTIAL),
        ({"current_level": "urn:be:vlaanderen:acm:hoog", "change_direction": "decrease"}, Assurance.HIGH),
        ({"current_level": "whatever-level", "change_direction": "decrease"}, Assurance.LOW),
        ({"change_direction": "decrease"}, Assurance.LOW),
        ({"current_level": 7}, Assurance.LOW),
        ({"current_level": "high", "change_direction": "increase"}, None),
        ({"current_level": "high", "previous_level": "low"}, None),
    ],
)
async def test_c54_a_level_falls_to_the_present_one_and_to_the_lowest_when_in_doubt(
    transmitter: Transmitter, event: dict[str, object], falls_to: Assurance | None
) -> None:
    token = transmitter.token(events={f"{CAEP}assurance-level-change": {"namespace": "NIST-AAL", **event}})

    assert (await about_somebody(transmitter, token)).falls_to is falls_to


async def test_c51_the_moment_is_the_events_own_and_a_late_one_without_it_counts_from_its_issue(
    transmitter: Transmitter,
) -> None:
    earlier = int(NOW.timestamp()) - 300

    async def moment(event: dict[str, object], **claims: Any) -> float | None:
        read = await about_somebody(transmitter, transmitter.token(events={f"{CAEP}session-revoked": event}, **claims))
        return read.at.timestamp() if read.at else None

    assert await moment({"event_timestamp": earlier}) == pytest.approx(earlier + 1, abs=0.01)
    assert await moment({"event_timestamp": earlier + 0.25}) == earlier + 0.25
    assert await moment({}, toe=earlier) == pytest.approx(earlier + 1, abs=0.01)
    assert await moment({}, iat=earlier) == earlier
    assert await moment({}) is None
    for nonsense in ("yesterday", True, -5, 10**13, None):
        assert await moment({"event_timestamp": nonsense}) is None


async def test_c55_reasons_for_people_are_read_nowhere(transmitter: Transmitter) -> None:
    script = "<script>alert(1)</script>\r\nset-cookie: x=y"
    event = {"reason_admin": {"en": script}, "reason_user": {"en": script}}

    read = await about_somebody(transmitter, transmitter.token(events={f"{CAEP}session-revoked": event}))

    assert "script" not in repr(read)


# ----------------------------------------------------------------------------------------------------- about the stream
SSF = "https://schemas.openid.net/secevent/ssf/event-type/"
STREAM = {"format": "opaque", "id": "a-stream"}


async def test_c56_a_verification_names_the_stream_and_perhaps_a_state(transmitter: Transmitter) -> None:
    asked = transmitter.token(sub_id=STREAM, events={f"{SSF}verification": {"state": "ours"}})
    unasked = transmitter.token(sub_id=None, events={f"{SSF}verification": {}})

    assert await transmitter.reader().read(asked) == StreamEvent(
        event_id="one", stream="a-stream", state="ours", status=None
    )
    assert await transmitter.reader().read(unasked) == StreamEvent(event_id="one", stream=None, state=None, status=None)


async def test_an_update_of_the_stream_says_its_status(transmitter: Transmitter) -> None:
    token = transmitter.token(sub_id=STREAM, events={f"{SSF}stream-updated": {"status": "paused", "reason": "x"}})

    assert await transmitter.reader().read(token) == StreamEvent(
        event_id="one", stream="a-stream", state=None, status="paused"
    )


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ({f"{SSF}verification": {"state": 5}}, "invalid_state"),
        ({f"{SSF}verification": {"state": "x" * 5000}}, "invalid_state"),
        ({f"{SSF}stream-updated": {"status": "gone"}}, "invalid_request"),
        ({f"{SSF}stream-updated": {}}, "invalid_request"),
        ({f"{SSF}verification": {}, f"{CAEP}session-revoked": {}}, "invalid_request"),
    ],
)
async def test_what_is_said_of_the_stream_must_be_right(
    transmitter: Transmitter, events: dict[str, object], code: str
) -> None:
    with pytest.raises(SignalRefused) as refused:
        await transmitter.reader().read(transmitter.token(sub_id=STREAM, events=events))

    assert refused.value.code == code
