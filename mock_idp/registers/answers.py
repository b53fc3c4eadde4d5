"""What both registers share: the bearer check, the reading of a question, and problems as RFC 9457 has them."""

from __future__ import annotations

import hmac
import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mock_idp.numbers import parse_national_number

NO_STORE = {"Cache-Control": "no-store"}
LARGEST_QUESTION = 10_000


class ProblemError(Exception):
    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(f"{status} {title}")
        self.status = status
        self.title = title
        self.detail = detail


def register_answer(content: object) -> Response:
    return JSONResponse(content, headers=NO_STORE)


def problem_answer(problem: ProblemError) -> Response:
    content = {"type": "about:blank", "title": problem.title, "status": problem.status, "detail": problem.detail}
    answer = JSONResponse(content, status_code=problem.status, headers=NO_STORE, media_type="application/problem+json")
    if problem.status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="registers"'
    return answer


def check_bearer(request: Request, token: str) -> None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(value.strip().encode(), token.encode()):
        raise ProblemError(401, "Unauthorized", "A bearer token of a client of the registers is needed.")


async def asked_national_number(request: Request) -> str:
    """Eleven digits out of `{"national_number": …}`. The answer to a bad one never repeats it."""
    body = await request.body()
    try:
        if len(body) > LARGEST_QUESTION:
            raise ValueError("too long")
        question = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProblemError(400, "Bad Request", "The body is not JSON.") from error
    number = question.get("national_number") if isinstance(question, dict) else None
    if not isinstance(number, str) or len(question) != 1:
        raise ProblemError(400, "Bad Request", 'The body is {"national_number": "<eleven digits>"} and nothing else.')
    if not number.isdigit() or parse_national_number(number) is None:
        raise ProblemError(422, "Unprocessable Content", "That is not a national number of eleven digits.")
    return number
