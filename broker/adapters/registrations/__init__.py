"""Registrations on INKOM in a database: SQLite in a file, or PostgreSQL. Only this imports SQLAlchemy and Alembic.

`database` says where it is, `tables` what stands in it, `migrating` brings it up to this version, `store` reads and
writes it, `spreadsheet` is the form in which the agency gets it.
"""

from broker.adapters.registrations.database import Database
from broker.adapters.registrations.migrating import Standing, State, migrate, prepare, require_usable, standing
from broker.adapters.registrations.spreadsheet import SpreadsheetInvalid, fields_of, read_spreadsheet, written
from broker.adapters.registrations.store import SqlRegistrations

__all__ = [
    "Database",
    "SpreadsheetInvalid",
    "SqlRegistrations",
    "Standing",
    "State",
    "fields_of",
    "migrate",
    "prepare",
    "read_spreadsheet",
    "require_usable",
    "standing",
    "written",
]
