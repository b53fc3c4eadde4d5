"""Plain nginx as a proxy: who may come in is not its business. It is what the gateway's price is held against."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.backend import as_root
from bench.candidates.candidate import Running
from bench.ports import free_port
from bench.processes import PROXY_CORE, running
from bench.site import LIVE_APPLICATION, Site, answers

_TUNED = "proxy_buffers 8 32k; proxy_request_buffering off;"
HEAD = """
daemon off;
{user}worker_processes 1;
worker_rlimit_nofile 16384;
pid {room}/nginx.pid;
error_log {room}/error.log warn;
events {{ worker_connections 15000; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  client_max_body_size 0;
  client_body_temp_path {room}/temp; proxy_temp_path {room}/temp; fastcgi_temp_path {room}/temp;
  uwsgi_temp_path {room}/temp; scgi_temp_path {room}/temp;
"""
_SERVER = """
  map $http_upgrade $connection_upgrade {{ default upgrade; "" ""; }}
  upstream backend {{ server 127.0.0.1:{backend}; keepalive 64; keepalive_requests 1000000000; }}
  upstream live {{ server 127.0.0.1:{live}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    proxy_http_version 1.1;
    {more}
    location / {{ proxy_pass http://backend; proxy_set_header Connection ""; }}
    location /{application}/ {{
      proxy_pass http://live;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_read_timeout 600s;
    }}
    location /{application}/events {{ proxy_pass http://live; proxy_set_header Connection ""; proxy_buffering off; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nginx:
    """`tuned` has buffers that hold an answer of 100 kB, and streams uploads."""

    tuned: bool = False

    @property
    def name(self) -> str:
        return "nginx_tuned" if self.tuned else "nginx"

    @property
    def title(self) -> str:
        return "nginx, tuned buffers" if self.tuned else "nginx"

    def absent(self) -> str | None:
        return None

    @contextmanager
    def start(self, site: Site) -> Iterator[Running]:
        room, port = site.room(self.name), free_port()
        server = _SERVER.format(
            backend=site.backend(),
            live=site.live(),
            port=port,
            application=LIVE_APPLICATION,
            more=_TUNED if self.tuned else "",
        )
        file = room / "nginx.conf"
        file.write_text(HEAD.format(room=room, user=as_root()) + server)
        command = ("nginx", "-c", str(file), "-e", str(room / "error.log"))
        with running(command, core=PROXY_CORE, log=room / "error.log", ready=answers(port)) as group:
            yield Running(name=self.name, port=port, groups=(group,))
