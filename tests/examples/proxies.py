"""Debian's nginx, HAProxy and Caddy as processes, configured by the very files of `examples/`.

Only addresses are filled in, each where the file says CHANGE, and what belongs to the machine is put around: folders
for logs and temporary files. Never the machine's own services.
"""

from __future__ import annotations

import grp
import os
import pwd
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.processes import running
from tests.project.places import ROOT

EXAMPLES = ROOT / "examples"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Ports of the loopback: where visitors come, where the gateway listens, the application, and another one."""

    visitors: int
    gateway: int
    application: int
    other_application: int


Start = Callable[[Path, Places], tuple[str, ...]]


def filled_in(example: str, replaced: Mapping[str, str]) -> str:
    """Return an example with other addresses. Each must stand in it, or it would not be what is tried."""
    text = (EXAMPLES / example).read_text(encoding="utf-8")
    for old, new in replaced.items():
        assert old in text, f"{example} does not hold {old!r}"
        text = text.replace(old, new)
    return text


@contextmanager
def proxy(name: str, folder: Path, places: Places) -> Iterator[Path]:
    """Run a product for the length of a block, in a folder of its own; its log."""
    log = folder / f"{name}.log"
    command = STARTED_BY[name](folder, places)
    environment = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with running(command, log=log, ready=lambda: _listens(places.visitors), environment=environment, folder=folder):
        yield log


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _addresses(places: Places) -> dict[str, str]:
    return {"127.0.0.1:8000": f"127.0.0.1:{places.gateway}", "127.0.0.1:9101": f"127.0.0.1:{places.application}"}


def _nginx(example: str) -> Start:
    def command(folder: Path, places: Places) -> tuple[str, ...]:
        cache = {"proxy_cache_path /dev/shm": f"proxy_cache_path {folder}"} if "cached" in example else {}
        visitors = {"listen 80": f"listen 127.0.0.1:{places.visitors}", "inkom.example": "localhost"}
        site = filled_in(f"nginx/{example}", {**_addresses(places), **visitors, **cache})
        site = _repeated(site, port=places.other_application)
        # Whoever starts it stays who they are: the folders of the tests are theirs alone.
        account = pwd.getpwuid(os.getuid()).pw_name
        user = f"user {account} {grp.getgrgid(os.getgid()).gr_name};\n" if os.getuid() == 0 else ""
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        paths = "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in kinds)
        configuration = folder / "nginx.conf"
        configuration.write_text(
            f"{user}daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\n"
            f"events {{}}\nhttp {{\n    access_log off;\n{paths}{site}}}\n",
            encoding="utf-8",
        )
        return ("nginx", "-e", f"{folder}/error.log", "-p", str(folder), "-c", str(configuration))

    return command


def _repeated(site: str, *, port: int) -> str:
    """Repeat the block of the application for a second one, as the example tells people to do."""
    head, mark, tail = site.partition("    location ^~ /kmo-portefeuille/ {\n")
    block, end, rest = tail.partition("\n    }\n")
    assert mark, "the example has no block for the application"
    assert end, "the block for the application does not end"
    second = (mark + block + end).replace("/kmo-portefeuille/", "/ecologiepremie-plus/")
    return head + mark + block + end + second.replace("http://kmo_portefeuille;", f"http://127.0.0.1:{port};") + rest


def _haproxy(folder: Path, places: Places) -> tuple[str, ...]:
    script = folder / "inkom.lua"
    gateway = {"127.0.0.1:8000": f"127.0.0.1:{places.gateway}"}
    script.write_text(filled_in("haproxy/inkom.lua", gateway), encoding="utf-8")
    others = {
        "bind :80": f"bind 127.0.0.1:{places.visitors}",
        "inkom.example": "localhost",
        "/etc/haproxy/inkom.lua": str(script),
    }
    configuration = folder / "haproxy.cfg"
    configuration.write_text(filled_in("haproxy/haproxy.cfg", {**_addresses(places), **others}), encoding="utf-8")
    return ("haproxy", "-db", "-f", str(configuration))


def _caddy(folder: Path, places: Places) -> tuple[str, ...]:
    visitors = {"http://inkom.example": f"http://localhost:{places.visitors}"}
    site = filled_in("caddy/Caddyfile", {**_addresses(places), **visitors})
    configuration = folder / "Caddyfile"
    # Its control port would be the same for all.
    configuration.write_text(
        f"{{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}}\n{site}", encoding="utf-8"
    )
    return ("caddy", "run", "--config", str(configuration), "--adapter", "caddyfile")


STARTED_BY: Mapping[str, Start] = {
    "nginx": _nginx("inkom.conf"),
    "nginx-cached": _nginx("inkom-cached.conf"),
    "haproxy": _haproxy,
    "caddy": _caddy,
}
