"""`inkom demo`: the whole chain on one machine, started and stopped as one thing.

Starts a Redis, the mock government, the sample backends and the gateway as processes of their own, prints where they
are and who can sign in, and ends them all again. It knows the others by command line, environment and HTTP only, and
is never part of a production gateway.

Read in this order: options (what may differ), runtime (keys and files), registered (which organisations are registered
on INKOM), parts (who is started), processes (how), guard (what happens when we die), screen (what is printed),
supervisor (the whole run).
"""

from broker.demo.options import add_arguments
from broker.demo.supervisor import run

__all__ = ["add_arguments", "run"]
