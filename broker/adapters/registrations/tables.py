"""What stands in the database. A change here needs a migration; a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Column, DateTime, Dialect, MetaData, String, Table, Text
from sqlalchemy.types import TypeDecorator

METADATA = MetaData()


class Instant(TypeDecorator[datetime]):
    """A moment in UTC, with its time zone also where the database forgets it, as SQLite does."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment in UTC, which is how it was written."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# The number alone is the key: whoever comes second, on whatever machine, is told so by the database.
REGISTRATIONS = Table(
    "registrations",
    METADATA,
    Column("number", String(10), primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("street", Text, nullable=False),
    Column("house_number", Text, nullable=False),
    Column("postal_code", String(4), nullable=False),
    Column("municipality", Text, nullable=False),
    Column("language", String(2), nullable=False),
    Column("registered_by", Text, nullable=False),
    Column("registered_by_name", Text, nullable=False),
    Column("registered_at", Instant, nullable=False, index=True),
)
