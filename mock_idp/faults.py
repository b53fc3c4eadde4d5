"""The fault switches: which wrong answers the mock can give, and how often each is still to come.

A fault waits at one stage (the ID token, the token endpoint, a register …) and is used up by the next answer of that
stage. The list of faults is `fault_list`; what a fault does stands beside the code that it changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Stage(StrEnum):
    PAR = "par"
    CALLBACK = "callback"
    TOKEN = "token"
    DPOP = "dpop"
    ID_TOKEN = "id_token"
    REFRESH = "refresh"
    USERINFO = "userinfo"
    DPOP_USERINFO = "dpop-userinfo"
    KEYS = "keys"
    DISCOVERY = "discovery"
    LOGOUT = "logout"
    BACKCHANNEL = "backchannel"
    IDM = "idm"
    KBO = "kbo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`expected` is what a careful relying party makes of it. `statements` name the acceptance list."""

    name: str
    stage: Stage
    description: str
    expected: str
    statements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Armed:
    """`times` is None until the reset. `client_id` None means whoever comes next. `seconds` is for the slow ones."""

    fault: Fault
    times: int | None
    client_id: str | None
    seconds: float


class Faults:
    def __init__(self, known: tuple[Fault, ...]) -> None:
        self.known = {fault.name: fault for fault in known}
        self._armed: list[Armed] = []

    @property
    def armed(self) -> tuple[Armed, ...]:
        return tuple(self._armed)

    def arm(self, name: str, *, times: int | None, client_id: str | None, seconds: float) -> Armed:
        """Raises KeyError for a name that isn't in the list."""
        armed = Armed(fault=self.known[name], times=times, client_id=client_id, seconds=seconds)
        self._armed.append(armed)
        return armed

    def take(self, stage: Stage, *, client_id: str | None = None) -> Armed | None:
        """The oldest fault that waits here for this client; its count goes down."""
        for place, armed in enumerate(self._armed):
            if armed.fault.stage is not stage:
                continue
            if armed.client_id is not None and client_id is not None and armed.client_id != client_id:
                continue
            self._count_down(place, armed)
            return armed
        return None

    def reset(self) -> None:
        self._armed.clear()

    def _count_down(self, place: int, armed: Armed) -> None:
        if armed.times is None:
            return
        if armed.times > 1:
            self._armed[place] = replace(armed, times=armed.times - 1)
        else:
            del self._armed[place]
