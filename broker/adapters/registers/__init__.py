"""The registers IDM and KBO: `client` asks over HTTP, `documents` reads what they say."""

from broker.adapters.registers.client import HttpRegisters
from broker.adapters.registers.documents import (
    EnterpriseDocument,
    read_administrators,
    read_enterprise,
    read_person,
)

__all__ = ["EnterpriseDocument", "HttpRegisters", "read_administrators", "read_enterprise", "read_person"]
