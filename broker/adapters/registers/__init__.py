"""The registers behind the Registers port.

`joined` puts a register of rights and one of enterprises together: `idm` and `kbo` speak JSON (`documents` reads it),
`magda` is the government's own way to KBO. `claims` asks no register at all.
"""

from broker.adapters.registers.documents import read_administrators, read_enterprise, read_person
from broker.adapters.registers.idm import JsonIdm
from broker.adapters.registers.joined import JoinedRegisters
from broker.adapters.registers.kbo import JsonKbo
from broker.adapters.registers.told import EnterpriseDocument

__all__ = [
    "EnterpriseDocument",
    "JoinedRegisters",
    "JsonIdm",
    "JsonKbo",
    "read_administrators",
    "read_enterprise",
    "read_person",
]
