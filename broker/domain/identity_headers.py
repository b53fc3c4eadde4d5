"""What a backend is told of the person, as header fields and as the claims of the signed assertion.

Every value is ASCII: names are percent-encoded UTF-8, because HTTP field values are not text of any encoding (RFC 9110,
section 5.5). Removing what a client sent under these names is `proxy/messages.py`; signing is `adapters/assertion.py`.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from urllib.parse import quote

from broker.domain.decide import Decision
from broker.domain.machine import Machine, MachineSession
from broker.domain.numbers import NationalNumber
from broker.domain.session import Identity, Session

PREFIX = "X-Inkom-"
_MAX_VALUE = 2048


class UnfitForHeaderError(ValueError):
    """A value is too long to be sent on; the message names the header and not the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityHeaders:
    """What goes to one backend with one request.

    `plain` are the header fields, `claims` the same facts for the assertion (plain text there, since JSON is UTF-8).
    """

    plain: tuple[tuple[str, str], ...]
    claims: tuple[tuple[str, str], ...]


def pseudonym(number: NationalNumber, *, application: str, key: bytes) -> str:
    """Return the person's pairwise pseudonym: stable per application, unrelated between applications.

    A keyed HMAC-SHA-256 of the national number, 128 bits of it in base64url (22 characters).
    """
    return _keyed(f"{application}\0{number.digits}", key)


def pseudonym_of(identity: Identity | Machine, *, application: str, key: bytes) -> str:
    """Return the pairwise pseudonym of a person, or of a machine client, which can never be a person's."""
    if isinstance(identity, Identity):
        return pseudonym(identity.national_number, application=application, key=key)
    # A person's text goes on with a digit. Lengths keep one client's name from running into another's subject.
    names = (identity.issuer, identity.client_id, identity.subject)
    text = "".join(f"{len(name)} {name}" for name in names)
    return _keyed(f"{application}\0client\0{text}", key)


def _keyed(message: str, key: bytes) -> str:
    digest = hmac.digest(key, message.encode(), "sha256")
    return urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def audit_pseudonym(number: NationalNumber, *, key: bytes) -> str:
    """Return what a person is called in the audit log, in the index of sessions, and by operators."""
    return pseudonym(number, application="audit", key=key)


def identity_headers(
    session: Session | MachineSession, decision: Decision, *, record: str, key: bytes, discloses_national_number: bool
) -> IdentityHeaders:
    """Return what the backend of the decision's application receives.

    `record` is the id of the audit record. A fact that is absent gives no header at all. Raises UnfitForHeaderError.
    """
    acting, identity = session.acting, session.identity
    if acting is None or decision.role is None or acting.organisation.number.digits != decision.organisation:
        raise ValueError("identity headers need an allowed decision about the session's organisation")
    finding = decision.settled_by.finding
    facts: list[tuple[str, str, str | None]] = [
        ("Person", "sub", pseudonym_of(identity, application=decision.application, key=key)),
        ("Name", "name", identity.name),
        ("Organisation", "organisation", acting.organisation.number.digits),
        ("Organisation-Name", "organisation_name", acting.organisation.name),
        ("Role", "role", decision.role.value),
        ("Right", "right", finding.right.name if finding.right else None),
        ("Profile", "profile", finding.profile),
        ("Assurance", "assurance", identity.assurance.word if identity.assurance else None),
        ("Authenticated-At", "authenticated_at", _seconds(identity)),
        ("Decision", "decision", record),
    ]
    if discloses_national_number and isinstance(identity, Identity):
        facts.append(("National-Number", "national_number", identity.national_number.digits))
    # A lone surrogate, which JSON can carry, is no text that UTF-8 could hold: it becomes a question mark.
    present = [(header, claim, value.encode(errors="replace").decode()) for header, claim, value in facts if value]
    # Who must know that it was a program finds it in the assertion (RFC 8693 4.3); there is no header of it.
    program = (("client_id", identity.client_id),) if isinstance(identity, Machine) else ()
    return IdentityHeaders(
        plain=tuple((PREFIX + header, _encode(header, value)) for header, _, value in present),
        claims=(*((claim, value) for _, claim, value in present), *program),
    )


def _seconds(identity: Identity | Machine) -> str | None:
    """Return when a person proved who they are as JWTs write it, in whole seconds since 1970."""
    if isinstance(identity, Machine) or identity.auth_time is None:
        return None
    return str(int(identity.auth_time.timestamp()))


def _encode(header: str, value: str) -> str:
    encoded = quote(value, safe="")
    if len(encoded) > _MAX_VALUE:
        raise UnfitForHeaderError(f"{PREFIX}{header} would be longer than {_MAX_VALUE} characters")
    return encoded
