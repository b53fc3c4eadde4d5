"""Whom an event is about: subject identifiers (RFC 9493, and Shared Signals' complex ones) in the gateway's words.

The gateway knows people by issuer and subject, and their sessions at the provider by `sid`. It keeps no e-mail address,
no telephone number and no account name, so that an event that names somebody only in such a way is about nobody here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from broker.ports import NamedPerson, NamedSession, SignalRefused

Named = tuple[NamedPerson | NamedSession, ...]

# The members of a complex subject that tell us whom to look for; the others only narrow it (Shared Signals 1.0).
PROCESSED_MEMBERS = frozenset({"user", "session"})
_MOST_TEXT = 255
_MOST_ALIASES = 20
# Which member each other format of RFC 9493 section 3.2 must have. All of them name nobody whom we know.
_UNKNOWN_HERE = {"email": "email", "phone_number": "phone_number", "account": "uri", "uri": "uri", "did": "url"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """`issuers` are those of whose people the transmitter may speak, the first being meant when it names none."""

    issuers: tuple[str, ...]


def named(subject: object, speaker: Speaker) -> Named:
    """Return who is meant; nothing for somebody whom we cannot know. Raises SignalRefused for what is malformed.

    An e-mail address would be compared byte for byte after lower-casing its domain; there is none to compare with, so
    neither spelling tricks nor several @ ever lead to a person.
    """
    members = _object(subject)
    match members.get("format"):
        case "iss_sub":
            return _person(speaker, _text(members, "iss"), _text(members, "sub"))
        case "opaque":
            # A person's subject, or a session's sid: both are unguessable, and one of them is nobody's.
            name = _text(members, "id")
            issuer = speaker.issuers[0]
            return NamedPerson(issuer=issuer, subject=name), NamedSession(issuer=issuer, sid=name)
        case "aliases":
            return _aliases(members, speaker)
        case "complex":
            return _complex(members, speaker)
        case str() as known if known in _UNKNOWN_HERE:
            _text(members, _UNKNOWN_HERE[known])
            return ()
        case str():
            return ()
        case _:
            raise SignalRefused("invalid_request", "sub_id is without a format")


def unprocessed_members(subject: object) -> frozenset[str]:
    """Return the members of a complex subject that we do not process; a transmitter may call one of them critical."""
    if not isinstance(subject, Mapping) or subject.get("format") != "complex":
        return frozenset()
    return frozenset(subject) - PROCESSED_MEMBERS - {"format"}


def _aliases(members: Mapping[str, Any], speaker: Speaker) -> Named:
    """One subject under several names (RFC 9493 section 3.2.8), none of which is again a list of names."""
    names = members.get("identifiers")
    if not isinstance(names, list) or not 1 <= len(names) <= _MOST_ALIASES:
        raise SignalRefused("invalid_request", "sub_id has no identifiers, or too many")
    if any(_object(name).get("format") in ("aliases", "complex") for name in names):
        raise SignalRefused("invalid_request", "sub_id is a list of names within a list of names")
    return tuple(dict.fromkeys(one for name in names for one in named(name, speaker)))


def _complex(members: Mapping[str, Any], speaker: Speaker) -> Named:
    """The session, if there is one: its person's other sessions are not meant. Otherwise the person."""
    if "session" in members:
        session = _object(members["session"])
        if session.get("format") == "opaque":
            return (NamedSession(issuer=speaker.issuers[0], sid=_text(session, "id")),)
    if "user" not in members:
        return ()
    user = _object(members["user"])
    if user.get("format") == "complex":
        raise SignalRefused("invalid_request", "sub_id is a complex subject within a complex subject")
    return tuple(one for one in named(user, speaker) if isinstance(one, NamedPerson))


def _person(speaker: Speaker, issuer: str, subject: str) -> Named:
    return (NamedPerson(issuer=issuer, subject=subject),) if issuer in speaker.issuers else ()


def _object(subject: object) -> Mapping[str, Any]:
    if not isinstance(subject, Mapping):
        raise SignalRefused("invalid_request", "sub_id is absent or no object")
    return subject


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= _MOST_TEXT:
        raise SignalRefused("invalid_request", f"sub_id has no {name}")
    return value
