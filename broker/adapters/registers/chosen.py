"""The registers that the configuration chooses: IDM with one of two ways to KBO, or none but ACM's claims."""

from __future__ import annotations

from broker.adapters.http import BackChannel, Limits
from broker.adapters.registers.claims import ClaimedRegisters
from broker.adapters.registers.idm import JsonIdm
from broker.adapters.registers.joined import JoinedRegisters, Kbo
from broker.adapters.registers.kbo import JsonKbo
from broker.adapters.registers.magda import MagdaKbo, Party
from broker.config import Magda, Secrets
from broker.config import Registers as Settings
from broker.ports import Clock, Registers


def chosen_registers(
    settings: Settings, secrets: Secrets, *, channel: BackChannel, magda_channel: BackChannel, clock: Clock
) -> Registers:
    """Return the registers of a configuration that was checked."""
    if settings.source == "claims":
        return ClaimedRegisters(rights=settings.claims.rights, profiles=settings.claims.profiles, clock=clock)
    token, limit = secrets.register_token or "", settings.time_limit
    kbo: Kbo
    if settings.magda is not None:
        kbo = magda_kbo(settings.magda, time_limit=limit, channel=magda_channel, clock=clock)
    else:
        kbo = JsonKbo(settings.kbo or "", token=token, channel=channel, time_limit=limit)
    idm = JsonIdm(settings.idm or "", token=token, channel=channel, time_limit=limit)
    return JoinedRegisters(idm=idm, kbo=kbo, clock=clock)


def magda_kbo(magda: Magda, *, time_limit: float, channel: BackChannel, clock: Clock) -> MagdaKbo:
    """Return KBO by way of MAGDA."""
    return MagdaKbo(
        functions=magda.functions,
        enterprise=magda.enterprise,
        party=Party(sender=magda.sender, capacity=magda.capacity, recipient=magda.recipient),
        channel=channel,
        clock=clock,
        time_limit=time_limit,
    )


def magda_channel(settings: Settings, secrets: Secrets) -> BackChannel:
    """Return a channel that shows our client certificate; nothing is connected before it is needed."""
    return BackChannel(Limits(total=settings.time_limit), tls=secrets.magda_tls)
