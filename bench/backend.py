"""The backend behind every candidate: nginx on the other core, with bodies of three sizes and a page that tells.

Whatever stands before the last part of a path is ignored, so that all candidates may keep their own prefixes.
"""

from __future__ import annotations

import os
from pathlib import Path

SIZES = {"1k": 1000, "100k": 100_000, "10m": 10_000_000, "1g": 1_000_000_000}
# What it was sent, for the checks before a measurement: one line for each.
TOLD = ("x_inkom_person", "oidc_claim_sub", "cookie")


def configuration(folder: Path, *, port: int) -> str:
    """Write the bodies and return nginx's configuration."""
    bodies = folder / "bodies"
    bodies.mkdir()
    for name, size in SIZES.items():
        with (bodies / name).open("wb") as file:
            if name == "1g":
                file.truncate(size)  # a hole: it takes no room on the disk
            else:
                file.write(b"x" * size)
    told = "\\n".join(f"{name}=$http_{name}" for name in TOLD)
    return f"""
daemon off;
{as_root()}worker_processes 1;
worker_rlimit_nofile 16384;
pid {folder}/nginx.pid;
error_log {folder}/log warn;
events {{ worker_connections 8000; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  client_max_body_size 0;
  underscores_in_headers on;
  default_type text/plain;
  client_body_temp_path {folder}/temp; proxy_temp_path {folder}/temp; fastcgi_temp_path {folder}/temp;
  uwsgi_temp_path {folder}/temp; scgi_temp_path {folder}/temp;
  server {{
    listen 127.0.0.1:{port} backlog=4096 reuseport;
    location ~ /(1k|100k|10m|1g)$ {{ root {bodies}; rewrite ^.*/([^/]+)$ /$1 break; open_file_cache max=10; }}
    location ~ /taken$ {{ return 200 "taken"; }}  # small bodies only: it answers before it has read a large one
    location ~ /told$ {{ return 200 "{told}\\n"; }}
    location / {{ return 200 "here"; }}
  }}
}}
"""


def as_root() -> str:
    """Started as root, nginx would read our folder as somebody who may not."""
    return "user root;\n" if os.geteuid() == 0 else ""
