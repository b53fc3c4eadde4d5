"""Signing in at the mock government, which errs on request in every way that it knows (its list of faults)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from joserfc.jwk import ECKey, RSAKey

from broker.adapters.clock import SystemClock
from broker.adapters.http import BackChannel
from broker.adapters.oidc import KeyAuthentication, OidcProvider, OidcSettings, SecretAuthentication
from broker.domain.claims import ClaimedRole
from broker.domain.people import Assurance, SignInMethod
from broker.domain.session import SignInAttempt
from broker.ports import Mismatch, ProviderUnavailable, SignedIn, SignInRefused
from mock_idp.fault_list import all_faults
from mock_idp.faults import Fault, Stage
from tests.broker.adapters.conftest import MockGovernment
from tests.broker.adapters.examples import BAKERY, attempt

CLIENT_ID, SECRET, CALLBACK = "adapter-tests", "a-secret-of-the-tests", "http://localhost:8000/_inkom/callback"
SCOPES = ["openid", "profile", "rrn", "vo", "wettelijkvertegenwoordiger", "vlaio_inkom"]
STAGES = (Stage.CALLBACK, Stage.ID_TOKEN, Stage.TOKEN, Stage.USERINFO, Stage.KEYS, Stage.DISCOVERY)
# What ACM says of roles and organisations only suggests: the sign-in goes on, and the registers decide.
SUGGESTIONS = ("role-", "organisation-", "representative-", "target-group-", "mandate")
# The mock leaves the number in UserInfo, from which it may well come (other providers have it nowhere else).
OURS = {"rrn-missing": "accept"}
ENTITLED = ClaimedRole(right="VLAIOInkomGebruikerNieuw", context="Gebruiker", organisations=(BAKERY.digits,))


def faults(*, suggesting: bool) -> list[Fault]:
    return [
        fault for fault in all_faults() if fault.stage in STAGES and fault.name.startswith(SUGGESTIONS) is suggesting
    ]


def settings(mock: MockGovernment) -> OidcSettings:
    return OidcSettings(
        issuer=mock.issuer,
        client_id=CLIENT_ID,
        redirect_uri=CALLBACK,
        post_logout_redirect_uri="http://localhost:8000/_inkom/logged-out",
        entry_uri="http://localhost:8000/_inkom/login",
        authentication=SecretAuthentication(method="client_secret_basic", secret=SECRET),
        step_up_max_age=300,
    )


def register(mock: MockGovernment, **changes: object) -> None:
    client = {
        "client_id": CLIENT_ID,
        "name": "Tests of the adapter",
        "redirect_uris": [CALLBACK],
        "post_logout_redirect_uris": ["http://localhost:8000/_inkom/logged-out"],
        "client_secret": SECRET,
        "scopes": SCOPES,
        "organisation_choice": "acm",
        **changes,
    }
    mock.post("/mock/clients", {name: value for name, value in client.items() if value is not None})


@pytest.fixture
async def us(mock: MockGovernment) -> AsyncIterator[OidcProvider]:
    register(mock)
    provider = OidcProvider(settings(mock), clock=SystemClock(), channel=BackChannel())
    yield provider
    await provider.aclose()


async def sign_in(us: OidcProvider, trying: SignInAttempt, *, person: str = "employee") -> SignedIn:
    """Go to the provider as a browser would, without pages, and come back."""
    url = await us.authorization_url(trying)
    script = {"mock_person": person, "mock_method": "itsme", "mock_organisation": BAKERY.digits}
    async with httpx2.AsyncClient(trust_env=False) as browser:
        answer = await browser.get(str(httpx2.URL(url).copy_merge_params(script)))
    assert answer.status_code == 303, answer.text
    query = urlsplit(answer.headers["location"]).query
    return await us.identify(trying, parse_qsl(query, keep_blank_values=True))


async def test_an_employee_signs_in(us: OidcProvider) -> None:
    signed = await sign_in(us, attempt())
    assert signed.identity.name == "Britt Proefman"
    assert (signed.identity.method, signed.identity.assurance) == (SignInMethod.ITSME, Assurance.HIGH)
    assert (signed.chosen, signed.target_group, signed.roles) == (BAKERY, "EA", (ENTITLED,))


async def test_whoever_else_signs_with_the_providers_keys_is_told_where_they_are(
    us: OidcProvider, mock: MockGovernment
) -> None:
    assert await us.jwks_uri() == f"{mock.issuer}/v1/keys"


async def test_a_legal_representative_signs_in(us: OidcProvider) -> None:
    signed = await sign_in(us, attempt(), person="legal-representative")
    assert (signed.chosen, signed.represents, signed.roles) == (BAKERY, BAKERY, ())


@pytest.mark.parametrize("key", [RSAKey.generate_key(2048), ECKey.generate_key("P-256")], ids=["RS256", "ES256"])
async def test_the_client_proves_itself_with_a_key(mock: MockGovernment, key: RSAKey | ECKey) -> None:
    register(mock, client_secret=None, jwks={"keys": [key.as_dict(private=False)]})
    authentication = KeyAuthentication(private_key=key.as_pem(private=True).decode())
    provider = OidcProvider(
        replace(settings(mock), authentication=authentication), clock=SystemClock(), channel=BackChannel()
    )
    for _ in range(2):
        assert (await sign_in(provider, attempt())).identity.given_name == "Britt"
    await provider.aclose()


async def test_the_secret_may_be_in_the_body(mock: MockGovernment) -> None:
    register(mock)
    authentication = SecretAuthentication(method="client_secret_post", secret=SECRET)
    provider = OidcProvider(
        replace(settings(mock), authentication=authentication), clock=SystemClock(), channel=BackChannel()
    )
    assert (await sign_in(provider, attempt())).identity.given_name == "Britt"
    await provider.aclose()


async def test_a_wrong_secret_is_refused(mock: MockGovernment) -> None:
    register(mock)
    wrong = SecretAuthentication(method="client_secret_basic", secret="another")
    provider = OidcProvider(replace(settings(mock), authentication=wrong), clock=SystemClock(), channel=BackChannel())
    with pytest.raises(SignInRefused, match="invalid_client") as refusal:
        await sign_in(provider, attempt())
    assert refusal.value.mismatch is Mismatch.PROVIDER_ERROR
    await provider.aclose()


async def outcome_of(us: OidcProvider) -> str:
    try:
        trying = attempt(level=Assurance.HIGH, began_at=SystemClock().now())
        await sign_in(us, trying, person="legal-representative")
    except (SignInRefused, ProviderUnavailable) as refusal:
        return "rejected, with a person in the reason" if "82672100108" in str(refusal) else "reject"
    return "accept"


@pytest.mark.parametrize("fault", faults(suggesting=False), ids=lambda fault: fault.name)
async def test_every_fault_meets_the_answer_that_a_careful_client_gives(
    mock: MockGovernment, us: OidcProvider, fault: Fault
) -> None:
    if fault.stage is Stage.ID_TOKEN:
        await us.ready()  # so that keys that change meanwhile are news
    mock.post("/mock/fault", {"fault": fault.name, "times": "always", "seconds": 0.1})
    expected = OURS.get(fault.name, fault.expected)
    assert await outcome_of(us) in (("accept", "reject") if expected == "either" else (expected,))


@pytest.mark.parametrize(
    "fault",
    [one for one in all_faults() if one.stage in (Stage.PAR, Stage.DPOP, Stage.DPOP_USERINFO)],
    ids=lambda fault: fault.name,
)
async def test_faults_of_pushed_requests_and_bound_tokens_meet_that_answer_too(
    mock: MockGovernment, fault: Fault
) -> None:
    register(mock)
    careful = replace(settings(mock), request="pushed", sender_constrained="dpop", dpop_secret=b"s" * 32)
    provider = OidcProvider(careful, clock=SystemClock(), channel=BackChannel())
    mock.post("/mock/fault", {"fault": fault.name, "seconds": 0.1})
    try:
        outcome = await outcome_of(provider)
    except AssertionError:
        outcome = "reject"  # the provider's own page, when the request's name is not known there
    assert outcome in (("accept", "reject") if fault.expected == "either" else (fault.expected,))
    await provider.aclose()


@pytest.mark.parametrize("fault", faults(suggesting=True), ids=lambda fault: fault.name)
async def test_no_fault_in_roles_or_organisation_stops_the_sign_in_or_gives_a_right_here(
    mock: MockGovernment, us: OidcProvider, fault: Fault
) -> None:
    mock.post("/mock/fault", {"fault": fault.name})
    signed = await sign_in(us, attempt())
    assert signed.identity.given_name == "Britt"
    if fault.name.startswith("role-") and fault.expected == "reject":
        assert ENTITLED not in signed.roles
    if fault.name.startswith("organisation-") and fault.expected == "reject":
        assert signed.chosen is None


async def test_several_organisations_in_one_role_are_all_read(mock: MockGovernment, us: OidcProvider) -> None:
    for fault in ("role-several-organisations", "role-no-space"):
        mock.post("/mock/fault", {"fault": fault})
        (role,) = (await sign_in(us, attempt())).roles
        assert BAKERY.digits in role.organisations
        assert len(role.organisations) > 1


async def test_signing_out_at_the_provider_comes_back(us: OidcProvider) -> None:
    url = await us.logout_url(state="goodbye")
    assert url is not None
    async with httpx2.AsyncClient(trust_env=False) as browser:
        answer = await browser.get(url)
    assert answer.headers["location"] == "http://localhost:8000/_inkom/logged-out?state=goodbye"
