"""The gateway's configuration: `topics` is what can be set, `rules` what must fit together, `reading` reads it all."""

from broker.config.reading import ConfigurationInvalid, Secrets, load
from broker.config.schema import schema
from broker.config.topics import (
    LOCAL_HOSTS,
    Acm,
    Application,
    Audit,
    Claims,
    Development,
    Disclosure,
    Key,
    Links,
    Listen,
    Magda,
    Operators,
    Registers,
    Registrations,
    Sessions,
    Settings,
    Signals,
    TimeLimits,
)

__all__ = [
    "LOCAL_HOSTS",
    "Acm",
    "Application",
    "Audit",
    "Claims",
    "ConfigurationInvalid",
    "Development",
    "Disclosure",
    "Key",
    "Links",
    "Listen",
    "Magda",
    "Operators",
    "Registers",
    "Registrations",
    "Secrets",
    "Sessions",
    "Settings",
    "Signals",
    "TimeLimits",
    "load",
    "schema",
]
