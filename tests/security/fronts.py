"""Debian's proxies in front of the gateway, each with the smallest configuration that passes requests on as they came.

Each runs as a process of its own with all its files in the folder of the test; none is the machine's own service.
"""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2

from tests.conformance.apache import MODULES
from tests.conformance.apache import PROGRAM as APACHE
from tests.conformance.processes import free_port, running


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How to start a front, and what its environment must hold."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def running_front(name: str, *, to: int) -> Iterator[int]:
    """Run a front that passes everything to this port of the loopback; its own port."""
    port = free_port()
    with TemporaryDirectory(prefix=f"inkom-{name}-") as made:
        folder = Path(made)
        folder.chmod(0o755)  # some become another user, who must get there
        start = FRONTS[name](folder, port, to)
        log = folder / f"{name}.log"
        ready = partial(_passes, port)
        with running(start.command, log=log, ready=ready, environment=start.environment, folder=folder):
            yield port


def program(name: str) -> str:
    """Where a program is. One that is not installed fails the test: nothing is skipped silently."""
    for folder in (None, "/usr/sbin"):
        found = shutil.which(name, path=folder)
        if found is not None:
            return found
    raise AssertionError(f"{name} is not installed: .ci/packages says which packages the tests need")


def _passes(port: int) -> bool:
    """Whether the gateway answers through the front."""
    address = f"http://127.0.0.1:{port}/_inkom/health/live"
    try:
        return httpx2.get(address, headers={"host": "gw.example"}, trust_env=False, timeout=5).status_code == 200
    except httpx2.HTTPError:
        return False


def _haproxy(folder: Path, port: int, to: int) -> Start:
    lines = f"""
global
    maxconn 500
defaults
    mode http
    timeout connect 5s
    timeout client 2s
    timeout server 5s
    http-reuse safe
listen front
    bind 127.0.0.1:{port}
    server gateway 127.0.0.1:{to}
"""
    return Start(command=(program("haproxy"), "-db", "-f", _written(folder, "haproxy.cfg", lines)))


def _nginx(folder: Path, port: int, to: int) -> Start:
    lines = f"""
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
events {{ worker_connections 500; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    client_header_timeout 2s; client_body_timeout 2s; keepalive_timeout 2s;
    merge_slashes off;
    underscores_in_headers on;
    ignore_invalid_headers off;
    upstream gateway {{ server 127.0.0.1:{to}; keepalive 8; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://gateway;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Connection "";
            proxy_request_buffering off;
        }}
    }}
}}
"""
    command = (program("nginx"), "-c", _written(folder, "nginx.conf", lines), "-p", str(folder), "-e", "stderr")
    return Start(command=command)


def _apache(folder: Path, port: int, to: int) -> Start:
    modules = "\n".join(
        f"LoadModule {name}_module {MODULES}/mod_{name}.so"
        for name in ("mpm_event", "authz_core", "proxy", "proxy_http")
    )
    lines = f"""
ServerRoot "{folder}"
DefaultRuntimeDir "{folder}"
PidFile "{folder}/apache.pid"
ErrorLog "{folder}/apache-error.log"
ServerName localhost
Listen 127.0.0.1:{port}
StartServers 1
ServerLimit 1
ThreadLimit 200
ThreadsPerChild 200
MaxRequestWorkers 200
User daemon
Group daemon
{modules}
Timeout 2
KeepAliveTimeout 2
HttpProtocolOptions Unsafe LenientMethods Allow0.9
AllowEncodedSlashes NoDecode
MergeSlashes Off
ProxyPreserveHost On
ProxyPass / http://127.0.0.1:{to}/ nocanon
"""
    assert APACHE.exists(), "apache2 is not installed: .ci/packages says which packages the tests need"
    return Start(command=(str(APACHE), "-f", _written(folder, "apache.conf", lines), "-D", "FOREGROUND"))


def _varnish(folder: Path, port: int, to: int) -> Start:
    lines = f"""
vcl 4.1;
backend gateway {{ .host = "127.0.0.1"; .port = "{to}"; }}
sub vcl_recv {{ return (pass); }}
"""
    command = (program("varnishd"), "-F", "-j", "none", "-n", str(folder / "varnish"), "-a", f"127.0.0.1:{port}")
    more = (
        "-f",
        _written(folder, "front.vcl", lines),
        "-s",
        "malloc,16m",
        "-p",
        "timeout_idle=2",
        "-p",
        "thread_pool_min=20",
    )
    return Start(command=(*command, *more))


def _trafficserver(folder: Path, port: int, to: int) -> Start:
    places = {
        "prefix": folder,
        "exec_prefix": folder,
        "bindir": "/usr/bin",
        "sbindir": "/usr/sbin",
        "includedir": folder,
    }
    for place in ("sysconfdir", "datadir", "localstatedir", "runtimedir", "logdir", "cachedir"):
        places[place] = folder / place
        (folder / place).mkdir()
        (folder / place).chmod(0o777)  # whoever it becomes writes there
    places |= {"libdir": "/usr/lib/trafficserver", "libexecdir": "/usr/lib/trafficserver/modules"}
    root = _written(folder, "runroot.yaml", "".join(f"{place}: {where}\n" for place, where in places.items()))
    records = f"""
CONFIG proxy.config.http.server_ports STRING {port}:ip-in=127.0.0.1
CONFIG proxy.config.http.cache.http INT 0
CONFIG proxy.config.url_remap.pristine_host_hdr INT 1
CONFIG proxy.config.url_remap.remap_required INT 0
CONFIG proxy.config.admin.user_id STRING {_unprivileged()}
CONFIG proxy.config.crash_log_helper STRING NULL
CONFIG proxy.config.exec_thread.autoconfig INT 0
CONFIG proxy.config.exec_thread.limit INT 1
CONFIG proxy.config.http.keep_alive_no_activity_timeout_in INT 2
CONFIG proxy.config.http.transaction_no_activity_timeout_in INT 2
CONFIG proxy.config.diags.logfile.filename STRING stdout
"""
    _written(folder / "sysconfdir", "records.config", records)
    allowed = "ip_allow: [{apply: in, ip_addrs: 127.0.0.1, action: allow, methods: ALL}]\n"
    _written(folder / "sysconfdir", "ip_allow.yaml", allowed)
    _written(folder / "sysconfdir", "storage.config", f"{folder / 'cachedir'} 32M\n")
    _written(folder / "sysconfdir", "remap.config", f"map / http://127.0.0.1:{to}/\n")
    return Start(command=(program("traffic_server"),), environment={"TS_RUNROOT": root})


def _unprivileged() -> str:
    """Whom a server becomes that refuses to be root."""
    return "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def _written(folder: Path, name: str, text: str) -> str:
    file = folder / name
    file.write_text(text.lstrip(), encoding="utf-8")
    return str(file)


FRONTS: Mapping[str, Callable[[Path, int, int], Start]] = {
    "haproxy": _haproxy,
    "nginx": _nginx,
    "apache": _apache,
    "varnish": _varnish,
    "trafficserver": _trafficserver,
}
