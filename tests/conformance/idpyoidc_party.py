"""A relying party that is not ours: PyPI's idpyoidc. Told everything by a line of JSON, it answers with one.

See test_idpyoidc.py. A process of its own, because the package leaves connections open and speaks to its log.
"""

from __future__ import annotations

import json
import sys
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
from cryptojwt import KeyJar
from cryptojwt.key_jar import init_key_jar
from idpyoidc.client.oauth2.stand_alone_client import backchannel_logout
from idpyoidc.client.rp_handler import RPHandler

SERVICES = {
    "discovery": {"class": "idpyoidc.client.oidc.provider_info_discovery.ProviderInfoDiscovery"},
    "authorization": {"class": "idpyoidc.client.oidc.authorization.Authorization"},
    "accesstoken": {"class": "idpyoidc.client.oidc.access_token.AccessToken"},
    "refresh_accesstoken": {"class": "idpyoidc.client.oidc.refresh_access_token.RefreshAccessToken"},
    "userinfo": {"class": "idpyoidc.client.oidc.userinfo.UserInfo"},
    "end_session": {"class": "idpyoidc.client.oidc.end_session.EndSession"},
}
PKCE = {
    "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
    "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
}


class RelyingParty:
    """One client of one provider, with one visitor's browser."""

    def __init__(self, told: dict[str, Any], private_keys: dict[str, Any]) -> None:
        self.told = told
        self.issuer: str = told["issuer"]
        self.state = ""
        self.browser = httpx2.Client(trust_env=False)
        keys = KeyJar()
        keys.import_jwks(private_keys, "")
        self.handler = RPHandler(
            base_url=told["base_url"],
            client_configs={self.issuer: self._configuration()},
            keyjar=keys,
            httpc_params={"verify": False},  # plain http here: there is no certificate to verify
        )

    def public_keys(self) -> dict[str, Any]:
        return {"jwks": self.handler.keyjar.export_jwks("")}

    def sign_in(self) -> dict[str, Any]:
        address = self.handler.begin(self.issuer, req_args={"scope": self.told["scope"]})
        answer = self.browser.get(address + "&mock_person=employee&mock_method=app")
        location = answer.headers.get("location", "")
        response = dict(parse_qsl(urlsplit(location).query))
        result = self.handler.finalize(self.issuer, response)
        if "error" in result:
            return {"refused": str(result["error"])}
        self.state = result["state"]
        asked = dict(parse_qsl(urlsplit(address).query))
        context = self.handler.issuer2rp[self.issuer].get_context()
        return {
            "refused": None,
            "asked": asked,
            "metadata": dict(context.provider_info),
            "claims": result["id_token"].to_dict(),
            "userinfo": result["userinfo"].to_dict(),
        }

    def refresh(self) -> dict[str, Any]:
        tokens = self.handler.refresh_access_token(self.state)
        return {"claims": tokens["__verified_id_token"].to_dict(), "refresh_token": tokens["refresh_token"]}

    def log_out(self) -> dict[str, Any]:
        """As a person who presses the button: where the browser is sent then, and whether it is known still."""
        begun = self.handler.logout(self.state, post_logout_redirect_uri=self.told["logged_out"])
        answer = self.browser.get(begun["url"])
        again = self.browser.get(self.handler.begin(self.issuer, req_args={"prompt": "none"}))
        return {
            "asked": dict(parse_qsl(urlsplit(begun["url"]).query)),
            "location": answer.headers.get("location"),
            "then": dict(parse_qsl(urlsplit(again.headers["location"]).query)).get("error"),
        }

    def told_directly(self, logout_token: str) -> dict[str, Any]:
        """Back-channel logout: whose session the token ends, by this package's own judgement."""
        client = self.handler.issuer2rp[self.issuer]
        return {"ended": backchannel_logout(client, request_args={"logout_token": logout_token}) == self.state}

    def _configuration(self) -> dict[str, Any]:
        method = self.told["authentication"]
        return {
            "issuer": self.issuer,
            "client_type": "oidc",
            "client_id": self.told["client_id"],
            "client_secret": self.told["secret"],
            "redirect_uris": [self.told["redirect_uri"]],
            "post_logout_redirect_uris": [self.told["logged_out"]],
            "response_types_supported": ["code"],
            "scopes_supported": self.told["scope"],
            "token_endpoint_auth_methods_supported": [method],
            "client_authn_methods": [method],
            "services": SERVICES,
            "add_ons": {"pkce": PKCE},
        }


def answered(parties: list[RelyingParty], told: dict[str, Any], private_keys: dict[str, Any]) -> dict[str, Any]:
    match told["do"]:
        case "begin":
            parties[:] = [RelyingParty(told, private_keys)]
            return parties[0].public_keys()
        case "sign-in":
            return parties[0].sign_in()
        case "refresh":
            return parties[0].refresh()
        case "log-out":
            return parties[0].log_out()
        case _:
            return parties[0].told_directly(told["logout_token"])


def main() -> None:
    parties: list[RelyingParty] = []
    private_keys = init_key_jar(key_defs=[{"type": "RSA", "use": ["sig"]}]).export_jwks(private=True)
    for line in sys.stdin:
        try:
            answer = answered(parties, json.loads(line), private_keys)
        except Exception as error:  # the package refuses with any of dozens of exceptions
            answer = {"refused": type(error).__name__, "why": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
