"""The provider's keys for tests: `GET` and `POST /mock/keys`. FOR DEVELOPMENT ONLY, as `control`.

What each turn does to the keys is in `acm.keys`.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mock_idp.acm.keys import ALGS, KeyRing, KeyState, Turn
from mock_idp.control_requests import ControlError, answer, body_of, nothing_else, refused, text_in


class KeyControl:
    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def routes(self) -> list[Route]:
        return [
            Route("/mock/keys", self.states, methods=["GET"]),
            Route("/mock/keys", self.turn, methods=["POST"]),
        ]

    async def states(self, request: Request) -> Response:
        return self._told()

    async def turn(self, request: Request) -> Response:
        """`{"mode": "rotate", "alg": "RS256"}`; without `alg`, both keys."""
        try:
            asked = await body_of(request)
            nothing_else(asked, "mode", "alg")
            mode, alg = text_in(asked, "mode"), text_in(asked, "alg")
            if mode not in tuple(Turn):
                raise ControlError(f"mode is one of {', '.join(Turn)}")
            if alg is not None and alg not in ALGS:
                raise ControlError(f"alg is one of {', '.join(ALGS)}")
        except ControlError as error:
            return refused(error)
        self._keys.turn(Turn(mode), *(() if alg is None else (alg,)))
        return self._told()

    def _told(self) -> Response:
        return answer({"keys": [_described(state) for state in self._keys.states()]})


def _described(state: KeyState) -> dict[str, str]:
    told = {"kid": state.kid, "alg": state.alg, "use": state.use}
    return told if state.until is None else {**told, "published_until": state.until.isoformat(timespec="seconds")}
