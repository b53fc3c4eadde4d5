"""Which organisations of the demo are registered on INKOM: all that the mock government knows, except one.

Each gets a made-up contact address, in the CSV of `inkom registrations import`: the demo in containers imports that
file, and the demo on this machine stores the same by the gateway's own adapter.
"""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime

from broker.adapters.registrations import Database, SqlRegistrations, migrate, read_spreadsheet, written
from broker.demo.processes import PartFailed
from broker.demo.runtime import Runtime, write_private
from broker.domain.numbers import EnterpriseNumber
from broker.domain.people import Organisation
from broker.domain.registration import Contact, Registration

# The brewery of `new-enterprise`: whoever signs in for it meets the registration page.
UNREGISTERED = EnterpriseNumber("1999998953")
_SECONDS = 30
_SINCE = datetime(2022, 1, 1, 8, 0, tzinfo=UTC)


def write_registrations(runtime: Runtime) -> None:
    """Write the CSV. Raises PartFailed when the mock government does not tell its enterprises."""
    organisations = [Organisation(number=EnterpriseNumber(number), name=name) for number, name in _enterprises()]
    registered = [_registration(one) for one in organisations if one.number != UNREGISTERED]
    write_private(runtime.registrations_csv, written(registered).encode())


async def register(runtime: Runtime) -> None:
    """Store what stands in the CSV in this run's database; what is registered already stays."""
    database = Database.at(f"sqlite:///{runtime.registrations}", near=runtime.directory)
    await asyncio.to_thread(migrate, database)
    registrations = SqlRegistrations(database)
    try:
        await registrations.register_all(read_spreadsheet(runtime.registrations_csv.read_text(encoding="utf-8")))
    finally:
        await registrations.aclose()


def _enterprises() -> list[tuple[str, str]]:
    """Number and name of each, as the mock's own command line tells them."""
    command = [sys.executable, "-m", "mock_idp", "enterprises"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INKOM_MOCK_")}
    answer = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS, env=environment)
    if answer.returncode != 0:
        raise PartFailed("The mock government does not tell its enterprises (python -m mock_idp enterprises).")
    return [(one["number"], one["name"]) for one in json.loads(answer.stdout)]


def _registration(organisation: Organisation) -> Registration:
    return Registration(
        organisation=organisation,
        contact=Contact(
            email=f"onderneming-{organisation.number.digits}@voorbeeld.test",
            phone="+3212345678",
            street="Voorbeeldstraat",
            house_number="1",
            postal_code="1000",
            municipality="Brussel",
            language="nl",
        ),
        registered_by="demo",
        registered_by_name="inkom demo",
        registered_at=_SINCE,
    )
