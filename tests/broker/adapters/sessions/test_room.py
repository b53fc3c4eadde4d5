"""What a session takes in Redis with all that is kept for it, over many that differ in everything that can differ."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta

from broker.adapters.sessions import RedisParking, RedisSessionIndex, RedisSessions, connect
from broker.domain.browsers import Browser
from broker.domain.numbers import EnterpriseNumber, NationalNumber
from broker.domain.people import KboFunction, Organisation, SignInMethod
from broker.domain.session import Session
from broker.domain.validity import Period
from broker.standing import StandingSessions
from tests.broker.adapters.examples import NOW, SetClock, acting, identity, session
from tests.broker.adapters.sessions.test_store import ABSOLUTE, IDLE, NEW
from tests.redis_server import RedisServer

MOST_BYTES = 900
MANY = 1000
GIVEN = ("Jan", "Éloïse", "Mohamed", "Marie-Claire", "Zoë", "Bo", "Jean-Baptiste", "Annelies", "Ingeborg", "Youssef")
FAMILY = ("Peeters", "De Smet", "Van den Broeck", "El Amrani", "Ó Súilleabháin", "Nguyen", "Van Cauwenberghe-Dhondt")
TRADES = ("Bakkerij", "Advocatenkantoor", "Garage", "Schilderwerken", "Software", "Tandartspraktijk", "Zuivelhoeve")
FORMS = (" BV", " NV", " VOF", " vzw", " CommV", "")
PROFILES = ("Gebruiker", "Dienstverlener kmo-portefeuille")


def national_number(chance: random.Random) -> NationalNumber:
    day = date(1940, 1, 1) + timedelta(days=chance.randrange(22_000))
    nine = f"{day.year % 100:02d}{day.month + 60:02d}{day.day:02d}{chance.randrange(1, 998):03d}"
    return NationalNumber(f"{nine}{97 - int(nine) % 97:02d}")


def never_issued(chance: random.Random) -> EnterpriseNumber:
    eight = 19_000_000 + chance.randrange(999_999)
    return EnterpriseNumber(f"{eight}{97 - eight % 97:02d}")


def somebody(chance: random.Random) -> Session:
    """A session whose names, numbers, dates and tokens are nobody else's."""
    began = NOW - timedelta(microseconds=chance.randrange(3_600_000_000))
    method = chance.choice([SignInMethod.EID, SignInMethod.ITSME, SignInMethod.APP, SignInMethod.FEDERAL_TOKEN])
    family = chance.choice(FAMILY)
    organisation = Organisation(
        number=never_issued(chance), name=f"{chance.choice(TRADES)} {chance.choice(FAMILY)}{chance.choice(FORMS)}"
    )
    known, facts = acting(), acting().facts
    since = date(2022, 1, 1) + timedelta(days=chance.randrange(1400))
    period = Period(begins=since, until=since + timedelta(days=1461))
    (right,), relation = facts.rights, facts.rights[0].relation
    assert relation is not None
    relation = replace(relation, organisation=organisation.number, period=replace(period, until=date(2034, 1, 1)))
    right = replace(
        right, organisation=organisation.number, period=period, relation=relation, profiles=(chance.choice(PROFILES),)
    )
    function = KboFunction(organisation=organisation.number, code="10002", period=Period(begins=since, until=None))
    facts = replace(
        facts,
        organisation=organisation.number,
        method=method,
        functions=chance.choice([(), (function,)]),
        rights=(right,),
        authenticated_at=began.replace(microsecond=0),
    )
    return session(
        reference=chance.randbytes(8).hex(),
        form_token=chance.randbytes(16).hex(),  # no shorter once compressed than what is really random
        began_at=began,
        browser=Browser(name=chance.choice(["Chrome", "Firefox", "Safari"]), system=chance.choice(["Windows", "iPad"])),
        identity=identity(
            subject=chance.randbytes(20).hex(),
            acm_session=chance.randbytes(12).hex(),
            national_number=national_number(chance),
            given_name=chance.choice(GIVEN),
            family_name=family,
            method=method,
            authenticated_at=began.replace(microsecond=0),
            auth_time=began.replace(microsecond=0),
        ),
        acting=replace(known, organisation=organisation, facts=facts, read_at=began + timedelta(milliseconds=217)),
    )


async def test_a_session_with_all_that_is_kept_for_it_takes_at_most_900_bytes_with_redis_defaults(
    redis: RedisServer,
) -> None:
    connection, clock, chance = connect(redis.url), SetClock(), random.Random(5)
    index = RedisSessionIndex(
        connection, secrets=(NEW,), pseudonym_key=b"k" * 32, idle=IDLE, absolute=ABSOLUTE, clock=clock
    )
    store = RedisSessions(connection, secrets=(NEW,), idle=IDLE, absolute=ABSOLUTE, clock=clock, index=index)
    parking = RedisParking(connection, secrets=(NEW,), clock=clock, largest=1000, owners=ABSOLUTE)
    standing = StandingSessions(store, parking=parking)
    try:
        for _ in range(MANY):
            await standing.begin(somebody(chance))
        keys = [key async for key in connection.scan_iter(count=1000)]
        pipeline = connection.pipeline(transaction=False)
        for key in keys:
            pipeline.memory_usage(key, samples=0)
        used = await pipeline.execute()
    finally:
        await store.aclose()
    assert len(keys) == 3 * MANY
    assert sum(used) / MANY <= MOST_BYTES
