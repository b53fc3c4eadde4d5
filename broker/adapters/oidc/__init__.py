"""Signing in at ACM or any other OpenID Provider. The only package that imports Authlib.

`provider` holds the conversation; `metadata`, `response`, `keys`, `tokens`, `roles` and `person` hold the rules, as
pure functions that name the section of the standard they enforce.
"""

from broker.adapters.oidc.provider import OidcProvider
from broker.adapters.oidc.settings import (
    ACM_ACR,
    ClaimNames,
    KeyAuthentication,
    OidcSettings,
    SecretAuthentication,
    acr_table,
)

__all__ = [
    "ACM_ACR",
    "ClaimNames",
    "KeyAuthentication",
    "OidcProvider",
    "OidcSettings",
    "SecretAuthentication",
    "acr_table",
]
