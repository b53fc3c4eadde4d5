"""What the gateway needs from the world outside, as Protocols, and the errors these may raise.

    InkomError
    +-- RegisterUnavailable      IDM or KBO did not answer, or not in a form we understand
    +-- RegistrationsUnavailable the database of registrations on INKOM does not work, or is not migrated
    +-- StoreUnavailable         Redis cannot be reached or refuses
    +-- ProviderUnavailable      ACM's discovery, token, keys or userinfo endpoint did not answer properly
    +-- SignalRefused            what a transmitter of Shared Signals sent is not one of its events for us
    +-- LogoutRefused            what was sent as a logout token is none of the provider's for us
    +-- SignInRefused            what came back from ACM was not the answer to our question
    +-- AuditUnavailable         the audit record could not be written
    +-- ForwardingFailed         a request was admitted, but the backend could not be reached or did not behave

An error means "I cannot do my work", and every one of them ends in a page or a problem document that lets nobody in. A
missing session, an unknown organisation or a refusal is a value.
"""

from broker.ports.errors import (
    AuditUnavailable,
    ForwardingFailed,
    InkomError,
    LogoutRefused,
    Mismatch,
    ProviderUnavailable,
    RegisterUnavailable,
    RegistrationsUnavailable,
    SignalRefused,
    SignInRefused,
    StoreUnavailable,
)
from broker.ports.gate import Answers, Passage, Replays, Reply
from broker.ports.providers import AccessTokens, IdentityProvider, LoggedOut, LogoutTokens, SignedIn
from broker.ports.records import Assertions, AuditLog, Clock, Event, Measures
from broker.ports.registers import Contacts, Registers, Registrations
from broker.ports.sessions import (
    AttemptStore,
    Flight,
    Flights,
    FlightState,
    LastChoices,
    Marked,
    MarkedSessions,
    Memory,
    Parking,
    PostedAnswers,
    SessionIndex,
    SessionStore,
)
from broker.ports.signals import (
    Announced,
    Announcements,
    FallenLevel,
    NamedPerson,
    NamedSession,
    SecurityEvent,
    SetAside,
    SignalReader,
    StreamEvent,
    StreamNotes,
)

__all__ = [
    "AccessTokens",
    "Announced",
    "Announcements",
    "Answers",
    "Assertions",
    "AttemptStore",
    "AuditLog",
    "AuditUnavailable",
    "Clock",
    "Contacts",
    "Event",
    "FallenLevel",
    "Flight",
    "FlightState",
    "Flights",
    "ForwardingFailed",
    "IdentityProvider",
    "InkomError",
    "LastChoices",
    "LoggedOut",
    "LogoutRefused",
    "LogoutTokens",
    "Marked",
    "MarkedSessions",
    "Measures",
    "Memory",
    "Mismatch",
    "NamedPerson",
    "NamedSession",
    "Parking",
    "Passage",
    "PostedAnswers",
    "ProviderUnavailable",
    "RegisterUnavailable",
    "Registers",
    "Registrations",
    "RegistrationsUnavailable",
    "Replays",
    "Reply",
    "SecurityEvent",
    "SessionIndex",
    "SessionStore",
    "SetAside",
    "SignInRefused",
    "SignalReader",
    "SignalRefused",
    "SignedIn",
    "StoreUnavailable",
    "StreamEvent",
    "StreamNotes",
]
