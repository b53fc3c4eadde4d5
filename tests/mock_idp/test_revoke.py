"""Revoking tokens (RFC 7009), and access tokens that live as long as the client's entry says."""

from __future__ import annotations

from tests.mock_idp.provider import SECRET, Party
from tests.mock_idp.test_client_authentication import refreshing as refreshing

OWN = ("demo-client", SECRET)


def revoke(party: Party, token: str, **more: str) -> int:
    answer = party.browser.post(f"{party.mock.issuer}/v1/revoke", data={"token": token, **more}, auth=OWN)
    return int(answer.status_code)


def active(party: Party, token: str) -> bool:
    answer = party.browser.post(f"{party.mock.issuer}/v1/introspect", data={"token": token}, auth=OWN)
    return bool(answer.json()["active"])


def test_a_revoked_access_token_is_over(party: Party) -> None:
    token = party.tokens()["access_token"]
    assert active(party, token)
    assert revoke(party, token, token_type_hint="refresh_token") == 200
    assert not active(party, token)


def test_a_token_that_is_not_there_is_revoked_already(party: Party) -> None:
    assert revoke(party, "unknown") == 200


def test_a_stranger_revokes_nothing(party: Party) -> None:
    token = party.tokens()["access_token"]
    address = f"{party.mock.issuer}/v1/revoke"
    assert party.browser.post(address, data={"token": token}).status_code == 401
    assert party.browser.post(address, data={}, auth=OWN).status_code == 400
    assert active(party, token)


def test_a_revoked_refresh_token_takes_its_grant_with_it(refreshing: tuple[Party, dict[str, str]]) -> None:
    party, tokens = refreshing
    assert revoke(party, tokens["refresh_token"]) == 200
    renewed = party.token_request({"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]})
    assert (renewed.status_code, renewed.json()["error"]) == (400, "invalid_grant")
    assert not active(party, tokens["access_token"])
