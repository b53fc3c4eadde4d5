"""nginx that asks the gateway whether to let somebody in (auth_request), and believes the answer for one second.

Both run on the proxy's core and count together.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.backend import as_root
from bench.candidates.candidate import Running
from bench.candidates.gateway import Gateway
from bench.candidates.nginx import HEAD
from bench.ports import free_port
from bench.processes import PROXY_CORE, running
from bench.site import APPLICATION, Site, answers
from broker.config import Settings

_TOPIC = "forward_auth"  # where the configuration names the proxies that may ask
# Every header that the gateway may set: what a client sends in its place is overwritten, or dropped where it sets none.
_HEADERS = (
    *("Person", "Name", "Organisation", "Organisation-Name", "Role", "Right", "Profile", "Assurance"),
    *("Decision", "Assertion", "Authenticated-At", "National-Number"),
)
_SERVER = """
  proxy_cache_path {room}/cache keys_zone=decisions:4m;
  map $http_cookie $session {{ default ""; "~(?:^|; ){cookie}=(?<token>[^;]+)" $token; }}
  map $http_cookie $others {{
    default $http_cookie;
    "~^(?<before>.*?)(?:; )?{cookie}=[^;]+(?:; )?(?<after>.*)$" $before$after;
  }}
  upstream backend {{ server 127.0.0.1:{backend}; keepalive 64; keepalive_requests 1000000000; }}
  upstream gateway {{ server 127.0.0.1:{gateway}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    proxy_http_version 1.1;
    location = /decision {{
      internal;
      proxy_pass http://gateway/_inkom/auth;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header Connection "";
      proxy_set_header Host localhost:{gateway};
      proxy_set_header X-Original-Method $request_method;
      proxy_set_header X-Original-URI $request_uri;
      proxy_cache decisions;
      proxy_cache_key $session$request_method$uri;
      proxy_cache_lock on;
      proxy_cache_valid 200 1s;
      proxy_ignore_headers Cache-Control Expires Set-Cookie Vary;
    }}
    location / {{
      auth_request /decision;
      {taken}
      proxy_set_header Cookie $others;
      proxy_set_header Connection "";
      proxy_pass http://backend;
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthRequest:
    """nginx in front, the gateway beside it."""

    name: str = "auth_request"
    title: str = "nginx, auth_request to the gateway, decision kept 1 s"
    gateway: Gateway = field(default_factory=lambda: Gateway(topics={_TOPIC: {"nginx": ["127.0.0.1"]}}))

    def absent(self) -> str | None:
        return None if _TOPIC in Settings.__struct_fields__ else f"this version has no setting {_TOPIC}"

    @contextmanager
    def start(self, site: Site) -> Iterator[Running]:
        with self.gateway.start(site) as gateway:
            room, port = site.room(self.name), free_port()
            server = _SERVER.format(
                room=room,
                backend=site.backend(),
                gateway=gateway.port,
                port=port,
                cookie=gateway.session_cookie,
                taken="\n      ".join(_taken(name) for name in _HEADERS),
            )
            file = room / "nginx.conf"
            file.write_text(HEAD.format(room=room, user=as_root()) + server)
            command = ("nginx", "-c", str(file), "-e", str(room / "error.log"))
            # Nobody in particular is answered 401 there; anywhere else the gateway knows nothing to say.
            ready = answers(port, path=f"/{APPLICATION}/1k")
            with running(command, core=PROXY_CORE, log=room / "error.log", ready=ready) as group:
                yield Running(
                    name=self.name,
                    port=port,
                    groups=(group, *gateway.groups),
                    cookie=gateway.cookie,
                    identity=gateway.identity,
                )


def _taken(name: str) -> str:
    """Take a header of the decision, and nothing that the client sent in its place."""
    variable = "inkom_" + name.lower().replace("-", "_")
    return f"auth_request_set ${variable} $upstream_http_x_{variable}; proxy_set_header X-Inkom-{name} ${variable};"
