"""The first tables: one row for each registered organisation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "registrations",
        sa.Column("number", sa.String(10), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("phone", sa.Text, nullable=False),
        sa.Column("street", sa.Text, nullable=False),
        sa.Column("house_number", sa.Text, nullable=False),
        sa.Column("postal_code", sa.String(4), nullable=False),
        sa.Column("municipality", sa.Text, nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("registered_by", sa.Text, nullable=False),
        sa.Column("registered_by_name", sa.Text, nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_registrations_registered_at", "registrations", ["registered_at"])


def downgrade() -> None:
    """Remove the table, with what stands in it."""
    op.drop_table("registrations")
