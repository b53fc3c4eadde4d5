"""Sessions and sign-in attempts in Redis. The only package that imports redis.

`connection` opens it, `cookies` signs, `sealing` encrypts, `store` and `attempts` are the two ports.
"""

from broker.adapters.sessions.attempts import RedisAttempts
from broker.adapters.sessions.connection import StoreLimits, connect
from broker.adapters.sessions.store import RedisSessions

__all__ = ["RedisAttempts", "RedisSessions", "StoreLimits", "connect"]
