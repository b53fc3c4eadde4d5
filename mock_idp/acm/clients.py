"""The relying parties: what ACM's *integratiedossier* would hold for each, read from `clients.yaml` or from a request.

It does not authenticate them; `client_authentication` does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import cast

import yaml
from cryptography import x509
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from mock_idp.acm.machines import Machine, read_machine
from mock_idp.acm.methods import Method
from mock_idp.strict_yaml import Fields, FileProblemError, FileProblemsError, Place, Problems, compose, read_yaml

ASSERTION_ALGS = ("RS256", "PS256", "ES256")


class OrganisationChoice(StrEnum):
    ACM = "acm"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    client_id: str
    name: str
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    secret: str | None = field(repr=False)
    jwks: KeySet | None = field(repr=False)
    jwks_uri: str | None
    scopes: tuple[str, ...]
    organisation_choice: OrganisationChoice
    methods: tuple[Method, ...]
    acr_always: bool
    role_claim_suffix: str
    id_token_alg: str
    assertion_algs: tuple[str, ...]
    require_par: bool
    rotate_refresh_tokens: bool
    backchannel_logout_uri: str | None
    userinfo_signed: bool
    frontchannel_logout_uri: str | None = None
    require_signed_request: bool = False
    dpop_bound: bool = False
    dpop_nonce: bool = False
    tls_bound: bool = False
    tls_client_auth_subject_dn: str | None = None
    tls_client_auth_san_dns: str | None = None
    signals_uri: str | None = None
    signals_audience: str | None = None
    signals_token: str | None = field(repr=False, default=None)
    machine: Machine | None = None

    def described(self) -> dict[str, object]:
        """For the answer of `POST /mock/clients`: everything but secrets and keys."""
        return {
            "client_id": self.client_id,
            "name": self.name,
            "redirect_uris": list(self.redirect_uris),
            "post_logout_redirect_uris": list(self.post_logout_redirect_uris),
            "scopes": list(self.scopes),
            "organisation_choice": self.organisation_choice,
            "methods": list(self.methods),
            "id_token_alg": self.id_token_alg,
            "backchannel_logout_uri": self.backchannel_logout_uri,
            "frontchannel_logout_uri": self.frontchannel_logout_uri,
        }


class Clients:
    """The clients in force: those of the file, and those that came or were replaced since."""

    def __init__(self, path: Path) -> None:
        self._clients = dict(load_clients(path))

    def find(self, client_id: str) -> Client | None:
        return self._clients.get(client_id)

    def all(self) -> tuple[Client, ...]:
        return tuple(self._clients.values())

    def listening(self) -> tuple[Client, ...]:
        """Those who want to hear of changes (Shared Signals)."""
        return tuple(client for client in self._clients.values() if client.signals_uri is not None)

    def put(self, client: Client) -> None:
        self._clients[client.client_id] = client


def load_clients(path: Path) -> Mapping[str, Client]:
    """Raises FileProblemsError with all problems."""
    problems = Problems()
    found: dict[str, Client] = {}
    with problems.collected():
        top = Fields(read_yaml(path))
        for place in top.required("clients").items():
            with problems.collected():
                client = read_client(place)
                if client.client_id in found:
                    raise place.problem(f"client {client.client_id!r} is given twice")
                found[client.client_id] = client
        top.finish()
    problems.raise_any()
    return found


def client_from_json(body: bytes) -> Client:
    """A client out of a request body: JSON is YAML, so the same reader serves. Raises FileProblemsError."""
    path = Path("request-body")
    try:
        node = compose(body.decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FileProblemsError(f"{path}: {error}") from error
    if node is None:
        raise FileProblemsError(f"{path}: the body is empty")
    try:
        return read_client(Place(path, node))
    except FileProblemError as error:
        raise FileProblemsError(str(error)) from error


def read_client(place: Place) -> Client:
    fields = Fields(place)
    client_id = fields.text("client_id")
    client = Client(
        client_id=client_id,
        name=fields.text_or("name", client_id),
        redirect_uris=_addresses(fields, "redirect_uris"),
        post_logout_redirect_uris=_addresses(fields, "post_logout_redirect_uris"),
        secret=fields.text_or_none("client_secret"),
        jwks=_keys(fields),
        jwks_uri=fields.text_or_none("jwks_uri"),
        scopes=fields.texts("scopes") or ("openid",),
        organisation_choice=_organisation_choice(fields),
        methods=tuple(_method(item) for item in fields.items_or_none("methods")) or tuple(Method),
        acr_always=fields.boolean_or("acr_always", default=True),
        role_claim_suffix=_one_of(fields, "role_claim_suffix", ("3d", "3D")),
        id_token_alg=_one_of(fields, "id_token_alg", ("RS256", "ES256")),
        assertion_algs=fields.texts("assertion_algs") or ASSERTION_ALGS,
        require_par=fields.boolean_or("require_par", default=False),
        rotate_refresh_tokens=fields.boolean_or("rotate_refresh_tokens", default=True),
        backchannel_logout_uri=fields.text_or_none("backchannel_logout_uri"),
        frontchannel_logout_uri=fields.text_or_none("frontchannel_logout_uri"),
        userinfo_signed=fields.boolean_or("userinfo_signed", default=False),
        require_signed_request=fields.boolean_or("require_signed_request", default=False),
        dpop_bound=fields.boolean_or("dpop_bound", default=False),
        dpop_nonce=fields.boolean_or("dpop_nonce", default=False),
        tls_bound=fields.boolean_or("tls_bound", default=False),
        tls_client_auth_subject_dn=_distinguished_name(fields),
        tls_client_auth_san_dns=fields.text_or_none("tls_client_auth_san_dns"),
        signals_uri=fields.text_or_none("signals_uri"),
        signals_audience=fields.text_or_none("signals_audience"),
        signals_token=fields.text_or_none("signals_token"),
        machine=read_machine(fields),
    )
    fields.finish()
    return client


def _addresses(fields: Fields, key: str) -> tuple[str, ...]:
    for item in fields.items_or_none(key):
        if not item.text().startswith(("http://", "https://")) or "#" in item.text():
            raise item.problem(f"{item.text()!r} is not an http(s) address without a fragment")
    return fields.texts(key)


def _distinguished_name(fields: Fields) -> str | None:
    place = fields.optional("tls_client_auth_subject_dn")
    if place is None:
        return None
    try:
        x509.Name.from_rfc4514_string(place.text())
    except ValueError as error:
        raise place.problem(f"{place.text()!r} is not a distinguished name as RFC 4514 writes it") from error
    return place.text()


def _keys(fields: Fields) -> KeySet | None:
    inline, file = fields.optional("jwks"), fields.optional("jwks_file")
    if inline is not None:
        return _key_set(inline, inline.value())
    if file is None:
        return None
    try:
        return _key_set(file, json.loads((file.path.parent / file.text()).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise file.problem(f"the file of keys cannot be read: {error}") from error


def _key_set(place: Place, value: object) -> KeySet:
    try:
        return KeySet.import_key_set(cast(KeySetSerialization, value))
    except (ValueError, KeyError, TypeError, AttributeError, JoseError) as error:
        raise place.problem("this is not a key set (RFC 7517 section 5)") from error


def _organisation_choice(fields: Fields) -> OrganisationChoice:
    return OrganisationChoice(_one_of(fields, "organisation_choice", tuple(OrganisationChoice)))


def _method(place: Place) -> Method:
    if place.text() not in tuple(Method):
        raise place.problem(f"{place.text()!r} is not one of {', '.join(Method)}")
    return Method(place.text())


def _one_of(fields: Fields, key: str, allowed: tuple[str, ...]) -> str:
    """The first of `allowed` is the default."""
    place = fields.optional(key)
    if place is None:
        return allowed[0]
    if place.text() not in allowed:
        raise place.problem(f"{place.text()!r} is not one of {', '.join(allowed)}")
    return place.text()
