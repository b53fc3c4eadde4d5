"""The verifiers of access tokens that the configuration asks for, one for each application with an `api`."""

from __future__ import annotations

from collections.abc import Mapping

from broker.adapters.bearer.introspection import IntrospectedTokens
from broker.adapters.bearer.reader import ApplicationTokens
from broker.adapters.bearer.replays import ShownProofs
from broker.adapters.bearer.settings import IntrospectionTerms, TokenTerms
from broker.adapters.bearer.signed import SignedTokens, issuer_keys
from broker.adapters.http import BackChannel, Limits
from broker.adapters.oidc.published_keys import PublishedKeys
from broker.adapters.oidc.settings import acr_table
from broker.adapters.sessions.connection import Connection
from broker.config import Api, Secrets, Settings
from broker.domain.machine import ApiTerms
from broker.ports import AccessTokens, Clock


def token_channels(settings: Settings, secrets: Secrets) -> dict[str, BackChannel]:
    """Return a channel for each issuer of access tokens.

    Apart from sign-ins: anybody can invent tokens that are asked about, and shall take nobody's turn there. A
    provider's authorities, and our certificate for it, are for the tokens that it issues itself.
    """
    tls = {one.issuer: secrets.clients[name].tls for name, one in settings.all_providers.items()}
    apis = [application.api for application in settings.applications.values() if application.api is not None]
    limits = Limits(total=settings.acm.time_limit)
    return {issuer: BackChannel(limits, tls=tls.get(issuer)) for issuer in {api.issuer for api in apis}}


def chosen_tokens(
    settings: Settings,
    secrets: Secrets,
    *,
    redis: Connection,
    channels: Mapping[str, BackChannel],
    clock: Clock,
) -> dict[str, AccessTokens]:
    """Return the verifiers by application, from a configuration that was checked; `channels` are by issuer."""
    proofs = ShownProofs(redis)
    keys: dict[tuple[str, str | None], PublishedKeys] = {}
    chosen: dict[str, AccessTokens] = {}
    for name, application in settings.applications.items():
        api = application.api
        if api is None:
            continue
        terms, channel = _terms(name, api, settings), channels[api.issuer]
        source: IntrospectedTokens | SignedTokens
        if api.introspection is not None:
            asking = IntrospectionTerms(
                endpoint=api.introspection.endpoint,
                client_id=api.introspection.client_id,
                client_secret=secrets.introspection_secrets[name],
                cached=api.introspection.cached,
            )
            source = IntrospectedTokens(terms, asking, channel=channel, clock=clock)
        else:
            where = (api.issuer, api.jwks_uri)
            if where not in keys:
                keys[where] = issuer_keys(issuer=api.issuer, jwks_uri=api.jwks_uri, channel=channel)
            source = SignedTokens(terms, keys=keys[where])
        chosen[name] = ApplicationTokens(terms, source=source, proofs=proofs, clock=clock)
    return chosen


def api_terms(api: Api) -> ApiTerms:
    """Return what an application says to programs."""
    return ApiTerms(scopes=api.scopes, dpop_required=api.dpop_required, forwards_token=api.forward_token)


def _terms(name: str, api: Api, settings: Settings) -> TokenTerms:
    return TokenTerms(
        application=name,
        issuer=api.issuer,
        audience=api.audience,
        scopes=api.scopes,
        organisation_claim=api.organisation_claim,
        role_claim=api.role_claim,
        algorithms=api.algorithms,
        types=api.token_types,
        max_lifetime=api.max_lifetime,
        leeway=settings.acm.leeway,
        dpop_required=api.dpop_required,
        persons_acr=acr_of_people(api.issuer, settings),
    )


def acr_of_people(issuer: str, settings: Settings) -> frozenset[str]:
    """Return the ways to sign in at the issuer, or at all our providers when it is none of them."""
    providers = settings.all_providers.values()
    asked = [one for one in providers if one.issuer == issuer] or providers
    return frozenset(acr for one in asked for acr in acr_table(one.acr))
