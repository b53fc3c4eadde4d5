"""What a gateway reads in the register of user management, over the wire."""

from typing import Any

import httpx2
from starlette.applications import Starlette

from tests.mock_idp.idm.visit import ORIGIN


async def rights_in_register(app: Starlette, key: str) -> list[dict[str, Any]]:
    """The rights of this person in all organisations, as `POST /idm/v1/person-rights` tells them."""
    number = app.state.world.current.person(key).national_number
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=ORIGIN) as gateway:
        answer = await gateway.post(
            "/idm/v1/person-rights",
            json={"national_number": number},
            headers={"authorization": "Bearer demo-register-token"},
        )
    return [right for relation in answer.json()["relations"] for right in relation["rights"]]
