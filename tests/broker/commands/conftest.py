"""The same real parts as the adapters' tests have."""

from tests.broker.adapters.conftest import redis as redis
from tests.broker.adapters.conftest import running_mock as running_mock
from tests.broker.adapters.conftest import shared_redis as shared_redis
