"""Programs at the gate: their token is judged, then the same policy, audit line and identity as for people."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from broker.adapters.bearer.reader import ApplicationTokens
from broker.adapters.bearer.settings import TokenTerms
from broker.adapters.bearer.signed import SignedTokens
from broker.adapters.oidc.keys import ProviderKey
from broker.adapters.oidc.published_keys import PublishedKeys
from broker.config import Api
from broker.domain.people import Assurance, SignInMethod
from broker.domain.policy import AssuranceAtLeast, MethodIsOneOf, Policy, Requirement
from broker.ports import AccessTokens, ProviderUnavailable
from broker.proxy.tunnel import TunnelGranted, TunnelRefused, UpgradeRequest
from tests.broker.adapters.bearer.issuer import ISSUER, TERMS, Holder, Issuer, MemoryProofs, good_claims
from tests.broker.gateway import BAKERY, ORIGIN, PAGE, Hands, World, gateway

API = Api(issuer=ISSUER, audience="kmo-portefeuille", scopes=("kmo.read",))
ADDRESS = "/kmo-portefeuille/api/aanvragen"
PROGRAMS = frozenset({SignInMethod.CLIENT_CREDENTIALS})


def programs_too(policy: Policy) -> Policy:
    """The shipped policy, edited as an operator does who lets programs in."""
    first, *others = policy.require
    assert isinstance(first.condition, MethodIsOneOf)
    methods = MethodIsOneOf(methods=first.condition.methods | PROGRAMS)
    return replace(policy, require=(replace(first, condition=methods), *others))


def demanding_a_level(policy: Policy) -> Policy:
    level = Requirement(id="level", condition=AssuranceAtLeast(level=Assurance.HIGH))
    edited = programs_too(policy)
    return replace(edited, require=(*edited.require, level))


class MovingIssuer(Issuer):
    """Its key set may be away; nothing of it is kept."""

    away = False

    def keys(self) -> PublishedKeys:
        return PublishedKeys(self.fetch, lifetime=0, stale_lifetime=0, refetch_interval=0)

    async def fetch(self) -> tuple[ProviderKey, ...]:
        if self.away:
            raise ProviderUnavailable("keys of access tokens: no answer in time")
        return await super().fetch()


@dataclass(kw_only=True)
class Programs:
    """A gateway that serves programs, and the issuer of their tokens."""

    world: World
    issuer: MovingIssuer

    def token(self, **claims: Any) -> str:
        return self.issuer.token(good_claims(now=int(self.world.clock.now().timestamp()), **claims))

    async def call(self, token: str, *, scheme: str = "Bearer", **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.world.client.get(ADDRESS, headers={"authorization": f"{scheme} {token}", **named})


@asynccontextmanager
async def serving(
    *, change: Callable[[Policy], Policy] = programs_too, terms: TokenTerms = TERMS, api: Api = API
) -> AsyncIterator[Programs]:
    issuer = MovingIssuer()

    def tokens(clock: Hands) -> Mapping[str, AccessTokens]:
        source = SignedTokens(terms, keys=issuer.keys())
        only = ApplicationTokens(terms, source=source, proofs=MemoryProofs(), clock=clock)
        return dict.fromkeys(("kmo-portefeuille", "ecologiepremie-plus", "coronamaatregelen"), only)

    async with gateway(change=change, application={"api": api}, tokens=tokens) as world:
        yield Programs(world=world, issuer=issuer)


@pytest.fixture
async def programs() -> AsyncIterator[Programs]:
    async with serving() as programs:
        yield programs


async def test_a_program_with_a_right_passes_with_its_own_identity(programs: Programs) -> None:
    answer = await programs.call(programs.token(), x_inkom_person="me")
    assert answer.status_code == 200
    (received,) = programs.world.backend.received
    assert received.values(b"x-inkom-name") == [b"crm"]
    assert received.values(b"x-inkom-role") == [b"user"]
    assert received.values(b"x-inkom-organisation") == [b"1999999943"]
    assert received.values(b"x-inkom-organisation-name") == [b"Voorbeeld%20Bakkerij%20BV"]
    assert received.values(b"x-inkom-right") == [b"VLAIO%20Inkom%20Gebruiker%20Nieuw"]
    assert received.values(b"x-inkom-profile") == [b"Gebruiker"]
    assert received.values(b"x-inkom-assurance") == []
    assert received.values(b"x-inkom-decision") == [b"record-1"]
    (assertion,) = received.values(b"x-inkom-assertion")
    (person,) = received.values(b"x-inkom-person")
    assert person not in (b"me", b"crm")
    published = KeySet.import_key_set((await programs.world.ask("/_inkom/jwks.json")).json())
    claims = jwt.decode(assertion.decode(), published, algorithms=["ES256"]).claims
    assert (claims["sub"], claims["name"], claims["role"]) == (person.decode(), "crm", "user")
    assert claims["client_id"] == "crm"
    assert [decision.reason for decision in programs.world.audit.decisions] == ["inkom-user"]


async def test_the_token_is_not_forwarded_nor_its_proof(programs: Programs) -> None:
    await programs.call(programs.token(), dpop="a-proof")
    (received,) = programs.world.backend.received
    assert received.values(b"authorization") == received.values(b"dpop") == []


async def test_the_token_is_forwarded_where_the_application_asks_for_it() -> None:
    async with serving(api=Api(**{**_fields(API), "forward_token": True})) as programs:
        token = programs.token()
        await programs.call(token)
        (received,) = programs.world.backend.received
        assert received.values(b"authorization") == [f"Bearer {token}".encode()]
        # What somebody with a session sends along is nobody's token.
        await programs.world.sign_in()
        await programs.world.ask(ADDRESS, authorization="Basic abc")
        assert programs.world.backend.received[-1].values(b"authorization") == []


async def test_the_shipped_policy_refuses_programs_until_an_operator_lists_them() -> None:
    async with serving(change=lambda policy: policy) as programs:
        answer = await programs.call(programs.token())
        assert answer.status_code == 403
        assert (answer.json()["reason"], answer.json()["cause"]) == ("sign-in-method", "method-not-accepted")
        assert "www-authenticate" not in answer.headers
        assert "login_url" not in answer.json()
        assert [decision.allowed for decision in programs.world.audit.decisions] == [False]
        assert programs.world.backend.received == []


@pytest.mark.parametrize(
    ("claims", "status", "reason"),
    [
        ({"vlaio_inkom_rol_3d": None}, 403, "right-missing"),
        ({"vlaio_inkom_rol_3d": ["VLAIOInkomGebruikerNieuw-Gebruiker:1999999844"]}, 403, "right-elsewhere"),
        ({"vlaio_inkom_rol_3d": ["VLAIOInkomGebruikerNieuw:1999999943"]}, 403, "wrong-profile"),
        ({"vlaio_inkom_rol_3d": ["Onbekend-Gebruiker:1999999943"]}, 403, "right-missing"),
        ({"vo_orgcode": "1999999844"}, 403, "organisation-active"),
        ({"aud": "ecologiepremie-plus"}, 401, "invalid-token"),
        ({"exp": None}, 401, "invalid-token"),
        ({"scope": "kmo.write"}, 403, "insufficient-scope"),
    ],
)
async def test_a_program_that_may_not_pass_is_told_why_and_the_backend_sees_nothing(
    programs: Programs, claims: dict[str, Any], status: int, reason: str
) -> None:
    answer = await programs.call(programs.token(**claims))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] == reason
    assert programs.world.backend.received == []


async def test_the_error_codes_of_rfc_6750_are_in_the_challenge(programs: Programs) -> None:
    bad = await programs.call(programs.token(aud="another"))
    assert bad.headers.get_list("www-authenticate")[0] == (
        'Bearer realm="kmo-portefeuille", error="invalid_token",'
        ' error_description="aud is absent or does not name this application"'
    )
    less = await programs.call(programs.token(scope="other"))
    assert less.headers["www-authenticate"] == (
        'Bearer realm="kmo-portefeuille", error="insufficient_scope",'
        ' error_description="the token lacks a scope that is needed here", scope="kmo.read"'
    )
    none = await programs.world.ask(ADDRESS)
    assert none.status_code == 401
    assert none.headers.get_list("www-authenticate")[0] == 'Bearer realm="kmo-portefeuille", scope="kmo.read"'
    assert none.json()["reason"] == "not-signed-in"


async def test_c25_a_bound_token_passes_by_its_proof_and_without_it_never(
    programs: Programs, record_property: Callable[[str, object], None]
) -> None:
    record_property("statement", "C25: a DPoP-bound token passes with its own fresh proof only")
    holder, now = Holder(), int(programs.world.clock.now().timestamp())
    token = programs.token(cnf={"jkt": holder.thumbprint})
    proof = holder.proof(token, address=ORIGIN + ADDRESS, now=now)
    assert (await programs.call(token, scheme="DPoP", dpop=proof)).status_code == 200
    for scheme, proofs, error in (
        ("DPoP", {"dpop": proof}, "invalid_dpop_proof"),
        ("DPoP", {}, "invalid_dpop_proof"),
        ("DPoP", {"dpop": holder.proof(token, address=ORIGIN + "/kmo-portefeuille/", now=now)}, "invalid_dpop_proof"),
        ("Bearer", {}, "invalid_token"),
    ):
        answer = await programs.call(token, scheme=scheme, **proofs)
        assert answer.status_code == 401
        assert f'error="{error}"' in answer.headers["www-authenticate"]
        assert any(one.startswith("DPoP ") for one in answer.headers.get_list("www-authenticate"))
    assert len(programs.world.backend.received) == 1
    record_property("seen", "200 with the proof; 401 invalid_dpop_proof or invalid_token for each other")


async def test_c27_a_program_below_the_level_gets_the_challenge_of_rfc_9470(
    record_property: Callable[[str, object], None],
) -> None:
    record_property("statement", "C27: an API call below the level gets 401 with acr_values")
    async with serving(change=demanding_a_level) as programs:
        answer = await programs.call(programs.token())
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == (
            'Bearer realm="kmo-portefeuille", error="insufficient_user_authentication",'
            ' error_description="The application asks for a stronger or more recent sign-in",'
            ' acr_values="urn:be:vlaanderen:authmech:eid urn:be:vlaanderen:authmech:itsme"'
        )
        assert "login_url" not in answer.json()
        record_property("seen", answer.headers["www-authenticate"])


async def test_a_token_and_the_cookie_of_a_session_together_are_refused(programs: Programs) -> None:
    await programs.world.sign_in()
    answer = await programs.call(programs.token())
    assert answer.status_code == 400
    assert answer.json()["reason"] == "invalid-request"
    assert programs.world.backend.received == []


async def test_people_pass_as_before_where_programs_may_come_too(programs: Programs) -> None:
    await programs.world.sign_in()
    assert (await programs.world.get("/kmo-portefeuille/")).status_code == 200
    (received,) = programs.world.backend.received
    assert received.values(b"x-inkom-name") == [b"Ana%C3%AFs%20Testers"]


async def test_a_token_opens_nothing_where_no_api_is_configured(world: World) -> None:
    token = Issuer().token()
    answer = await world.client.get(ADDRESS, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert "www-authenticate" not in answer.headers
    assert world.backend.received == []


async def test_a_program_is_never_sent_elsewhere_not_even_when_it_says_it_shows_pages(programs: Programs) -> None:
    for token in ("nonsense", programs.token(aud="another"), programs.token(vlaio_inkom_rol_3d=None)):
        answer = await programs.call(token, **{name.replace("-", "_"): value for name, value in PAGE.items()})
        assert answer.status_code in (401, 403)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_an_organisation_that_is_not_registered_is_no_errand_for_a_program(programs: Programs) -> None:
    programs.world.registrations.missing.add(BAKERY.number)
    answer = await programs.call(programs.token())
    assert answer.status_code == 403
    assert answer.json()["reason"] == "organisation-not-registered"
    assert not [name for name in answer.json() if name.endswith("_url")]


async def test_what_is_known_of_an_organisation_is_kept_as_long_as_facts_of_people_are(programs: Programs) -> None:
    world = programs.world
    assert (await programs.call(programs.token())).status_code == 200
    world.registers.active = False
    assert (await programs.call(programs.token())).status_code == 200
    world.clock.forward(seconds=301)
    assert (await programs.call(programs.token())).status_code == 403
    world.registers.active = True
    assert (await programs.call(programs.token())).status_code == 403, "younger than five seconds"
    world.clock.forward(seconds=5)
    assert (await programs.call(programs.token())).status_code == 200


async def test_a_provider_or_a_database_that_is_away_is_503_and_says_nothing_of_the_token(programs: Programs) -> None:
    programs.issuer.away = True
    answer = await programs.call(programs.token(), accept="text/html")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "15")
    assert answer.json()["reason"] == "provider"
    programs.issuer.away = False
    programs.world.registrations.away = True
    assert (await programs.call(programs.token())).status_code == 503
    assert programs.world.backend.received == []


async def test_nothing_of_a_token_is_in_any_log_or_answer(programs: Programs, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = [programs.token(), programs.token(aud="another"), programs.token(exp=1), "c2VjcmV0LXRva2Vu"]
    answers = [await programs.call(token) for token in tokens]
    programs.issuer.away = True
    answers += [await programs.call(token) for token in tokens]
    said = " ".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    said += " ".join(f"{answer.text} {answer.headers}" for answer in answers)
    said += repr(programs.world.audit)
    assert "a token was refused" in said
    for token in tokens:
        for part in token.split("."):
            assert part not in said


async def test_a_running_answer_ends_when_the_token_does(programs: Programs) -> None:
    world = programs.world
    upgrade = UpgradeRequest(
        target=b"/kmo-portefeuille/ws",
        headers=[(b"host", b"localhost:8000"), (b"authorization", b"Bearer " + programs.token().encode())],
        client="127.0.0.1",
        secure=False,
    )
    granted = await world.gate.admit_tunnel(upgrade)
    assert isinstance(granted, TunnelGranted)
    ended = asyncio.ensure_future(granted.ended)
    await asyncio.sleep(0)
    assert not ended.done()
    world.clock.forward(seconds=600)
    async with asyncio.timeout(5):
        assert await ended == "session ended"


async def test_a_running_answer_ends_when_the_organisation_ceases(programs: Programs) -> None:
    world = programs.world
    headers = [(b"host", b"localhost:8000"), (b"authorization", b"Bearer " + programs.token().encode())]
    upgrade = UpgradeRequest(target=b"/kmo-portefeuille/ws", headers=headers, client="127.0.0.1", secure=False)
    granted = await world.gate.admit_tunnel(upgrade)
    assert isinstance(granted, TunnelGranted)
    world.registers.active = False
    world.clock.forward(seconds=301)
    async with asyncio.timeout(5):
        assert await granted.ended == "session ended"


async def test_a_running_answer_ends_when_nobody_can_say_whether_its_token_still_counts(programs: Programs) -> None:
    headers = [(b"host", b"localhost:8000"), (b"authorization", b"Bearer " + programs.token().encode())]
    upgrade = UpgradeRequest(target=b"/kmo-portefeuille/ws", headers=headers, client="127.0.0.1", secure=False)
    granted = await programs.world.gate.admit_tunnel(upgrade)
    assert isinstance(granted, TunnelGranted)
    programs.issuer.away = True
    async with asyncio.timeout(5):
        assert await granted.ended == "session ended"


@pytest.mark.parametrize(("origin", "status"), [(b"https://evil.test", 403), (b"null", 403)])
async def test_a_page_of_another_site_opens_no_socket_with_a_token_either(
    programs: Programs, origin: bytes, status: int
) -> None:
    headers = [
        (b"host", b"localhost:8000"),
        (b"origin", origin),
        (b"authorization", b"Bearer " + programs.token().encode()),
    ]
    upgrade = UpgradeRequest(target=b"/kmo-portefeuille/ws", headers=headers, client="127.0.0.1", secure=False)
    refused = await programs.world.gate.admit_tunnel(upgrade)
    assert isinstance(refused, TunnelRefused)
    assert refused.status == status


async def test_a_socket_with_a_bad_token_is_refused_with_the_challenge(programs: Programs) -> None:
    headers = [(b"host", b"localhost:8000"), (b"authorization", b"Bearer nonsense")]
    upgrade = UpgradeRequest(target=b"/kmo-portefeuille/ws", headers=headers, client="127.0.0.1", secure=False)
    refused = await programs.world.gate.admit_tunnel(upgrade)
    assert isinstance(refused, TunnelRefused)
    assert refused.status == 401
    assert b"www-authenticate" in dict(refused.headers)


async def test_two_programs_are_two_strangers_to_the_backend_and_the_same_one_is_known_again(
    programs: Programs,
) -> None:
    for client, subject in (("crm", "crm"), ("crm", "crm"), ("erp", "erp"), ("crm", "somebody")):
        await programs.call(programs.token(client_id=client, sub=subject))
    first, again, other, delegated = (one.values(b"x-inkom-person")[0] for one in programs.world.backend.received)
    assert first == again
    assert len({first, other, delegated}) == 3


async def test_logs_name_the_client_and_which_of_its_tokens_and_a_pseudonym_of_its_own(programs: Programs) -> None:
    token = programs.token()
    for sent in (token, token, programs.token(jti="two")):
        await programs.call(sent)
    first, again, other = programs.world.audit.about
    assert first == again
    assert first[0].startswith("crm/")
    assert first[0] != other[0]
    assert first[1] == other[1]
    assert "crm" not in first[1]


def _fields(api: Api) -> dict[str, Any]:
    return {name: getattr(api, name) for name in Api.__struct_fields__}
