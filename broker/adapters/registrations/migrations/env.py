"""Alembic's entry: runs the migrations on the connection, and in the transaction, that `migrating` opened."""

from __future__ import annotations

from alembic import context

from broker.adapters.registrations.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
