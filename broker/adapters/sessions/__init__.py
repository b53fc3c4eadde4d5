"""Sessions and sign-in attempts in Redis. The only package that imports redis.

`connection` opens it, `cookies` signs, `sealing` encrypts; `store`, `index`, `attempts` and `parking` are ports.
"""

from broker.adapters.sessions.attempts import RedisAttempts
from broker.adapters.sessions.connection import StoreLimits, connect
from broker.adapters.sessions.index import RedisSessionIndex
from broker.adapters.sessions.parking import RedisParking
from broker.adapters.sessions.store import RedisSessions

__all__ = ["RedisAttempts", "RedisParking", "RedisSessionIndex", "RedisSessions", "StoreLimits", "connect"]
