"""The tables, step by step: Alembic runs what stands in `versions`, from `env`."""
