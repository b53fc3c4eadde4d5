"""One mock government for all tests of this folder; nothing of another test is left in it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from tests.broker.gateway import BAKERY
from tests.chromium import chromium as real_chromium
from tests.conformance.browser import Browser
from tests.conformance.government import Government, mock_government
from tests.conformance.meeting import Arranging, Authentication, Meeting, meetings
from tests.conformance.node import install_packages, node_runs
from tests.conformance.pair import Pair, registration, running_pair
from tests.conformance.provider import RELEASES
from tests.conformance.relying_party import Arrangement, RelyingParty, registrations_of, repeating_backend
from tests.conformance.statements import Statement
from tests.mock_idp.statements import seen
from tests.mock_idp.statements import statement as numbered_statement
from tests.redis_server import redis_server

__all__ = ["numbered_statement", "seen"]

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def started_government(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Government]:
    with mock_government(tmp_path_factory.mktemp("government")) as running:
        yield running


@pytest.fixture
def government(started_government: Government) -> Government:
    started_government.tell("/mock/reset", {})
    return started_government


@pytest.fixture(scope="session")
def npm_packages() -> None:
    """Without these there is nothing foreign to try."""
    install_packages()


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(scope="session")
def newest_release(npm_packages: None) -> str:
    """Of the foreign provider, the newest that this machine can run."""
    return next(package for package in reversed(RELEASES) if node_runs(package))


@pytest.fixture
def release(request: pytest.FixtureRequest, newest_release: str) -> str:
    """The release that a test is for: the newest, unless the test names one (indirectly)."""
    package: str = getattr(request, "param", newest_release)
    if not node_runs(package):
        pytest.skip(f"NOT TRIED with {package}: this Node is too old for it; its predecessor is tried in its place")
    return package


@pytest.fixture(scope="session")
def gateways(
    tmp_path_factory: pytest.TempPathFactory, started_government: Government, redis: str
) -> Iterator[Arranging]:
    def new_folder() -> Path:
        return tmp_path_factory.mktemp("gateway")

    with meetings(new_folder, government=started_government, redis=redis) as arranging:
        yield arranging


@pytest.fixture
def arrange(gateways: Arranging, release: str, government: Government) -> Arranging:
    """Start a gateway, and tell it and the provider of each other. The test starts the provider."""

    def arranged(*authentication: Authentication, alone: bool = False, strict: bool = False) -> Meeting:
        meeting = gateways(*authentication, alone=alone, strict=strict)
        return replace(meeting, provider=replace(meeting.provider, package=release))

    return arranged


@pytest.fixture(scope="session")
def started_pair(
    tmp_path_factory: pytest.TempPathFactory, started_government: Government, redis: str
) -> Iterator[Pair]:
    with running_pair(
        lambda: tmp_path_factory.mktemp("gateway"), government=started_government, redis=redis
    ) as running:
        yield running


@pytest.fixture
def pair(started_pair: Pair) -> Pair:
    """Two gateways and the mock, with nothing left of another test's world."""
    government = started_pair.government
    government.tell("/mock/reset", {})
    government.tell("/mock/clients", registration(started_pair.first, started_pair.second))
    return started_pair


@pytest.fixture
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.fixture
def chromium() -> Iterator[Page]:
    """A page of a real browser."""
    with real_chromium() as running:
        page = running.new_page(locale="en-GB")
        # The foreign provider's pages want letters from elsewhere; nothing leaves this machine.
        page.route(lambda address: urlsplit(address).hostname != "localhost", lambda route: route.abort())
        yield page


@pytest.fixture(scope="session")
def arrangement(
    tmp_path_factory: pytest.TempPathFactory, started_government: Government, redis: str
) -> Iterator[Arrangement]:
    """What gateways need that run in this process."""
    folder = tmp_path_factory.mktemp("relying-parties")
    with repeating_backend() as backend:
        yield Arrangement(
            folder=folder,
            government=started_government,
            redis=redis,
            registrations=registrations_of(BAKERY, folder=folder),
            backend=backend,
        )


@pytest.fixture(scope="module")
def shared_rp(arrangement: Arrangement, request: pytest.FixtureRequest) -> Iterator[RelyingParty]:
    with arrangement.relying_party(request.module.__name__.rpartition(".")[2].replace("_", "-")) as running:
        yield running


@pytest.fixture
def rp(shared_rp: RelyingParty, government: Government) -> RelyingParty:
    """The gateway of a file; nothing is armed at the mock, and nothing was asked of it yet."""
    shared_rp.refusals.details.clear()
    return shared_rp


@pytest.fixture
def statement(record_property: Callable[[str, object], None]) -> Statement:
    return Statement(record=record_property)
