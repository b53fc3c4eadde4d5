"""KBO by way of MAGDA, the Flemish government's services: GeefFuncties and GeefOnderneming 02.00, SOAP over HTTPS.

`client` asks, `envelope` writes the question, `answer` and `rows` read what came by way of `markup`, which refuses all
of XML but elements, attributes and text. What is not done here: docs/decisions/0015.
"""

from broker.adapters.registers.magda.client import MagdaKbo
from broker.adapters.registers.magda.envelope import Party

__all__ = ["MagdaKbo", "Party"]
