"""The tables of the mock government's world. Each class is one row; what may be written is decided elsewhere.

Days are calendar days in Brussels. `version` counts the changes of a row, so that a form that was filled in on an older
one is noticed (SQLAlchemy, "Configuring a Version Counter").
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Connection, ForeignKey, Index, Table, UniqueConstraint
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from mock_idp.world.names import folded


class Row(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012  # SQLAlchemy reads it from the class


class PersonRow(Row):
    """A human being whom the national register knows.

    `in_registers`: user management knows them too. `status` becomes active at `activates_at` (UTC), when the workflow
    after adding somebody is through. `source` is where the name comes from: VKBP, or typed by hand. `generated`: one of
    a large world for load tests, whom a reset leaves alone.
    """

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    national_number: Mapped[str] = mapped_column(unique=True)
    given_name: Mapped[str]
    family_name: Mapped[str]
    call_name: Mapped[str] = mapped_column(default="")
    initials: Mapped[str] = mapped_column(default="")
    birth_date: Mapped[date | None]
    source: Mapped[str] = mapped_column(default="VKBP")
    phone: Mapped[str] = mapped_column(index=True)
    email: Mapped[str | None]
    story: Mapped[dict[str, Any]] = mapped_column(default=dict)
    in_cast: Mapped[bool] = mapped_column(index=True)
    generated: Mapped[bool] = mapped_column(default=False)
    status: Mapped[str]
    activates_at: Mapped[datetime | None]
    in_registers: Mapped[bool]
    activated: Mapped[list[Any]] = mapped_column(default=list)
    acts_for: Mapped[str | None]
    outcomes: Mapped[list[Any]] = mapped_column(default=list)
    version: Mapped[int] = mapped_column()

    relations: Mapped[list[RelationRow]] = relationship(
        back_populates="person", order_by="RelationRow.id", cascade="all, delete-orphan"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy reads it from the class
    __table_args__ = (Index("person_by_name", "family_name", "given_name"),)

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"


def _sought(context: DefaultExecutionContext) -> str:
    row: Callable[[], dict[str, Any]] = context.get_current_parameters
    return folded(row()["name"])


# Any part of a name of three letters or more is found by index, among however many enterprises (SQLite, "FTS5: the
# trigram tokenizer"). The triggers keep it, whoever writes.
_NAME_INDEX = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS enterprise_name"
    " USING fts5(sought, content='enterprise', tokenize='trigram', detail='full')",
    "CREATE TRIGGER IF NOT EXISTS enterprise_named AFTER INSERT ON enterprise BEGIN"
    " INSERT INTO enterprise_name(rowid, sought) VALUES (new.rowid, new.sought); END",
    "CREATE TRIGGER IF NOT EXISTS enterprise_unnamed AFTER DELETE ON enterprise BEGIN"
    " INSERT INTO enterprise_name(enterprise_name, rowid, sought) VALUES ('delete', old.rowid, old.sought); END",
    "CREATE TRIGGER IF NOT EXISTS enterprise_renamed AFTER UPDATE OF sought ON enterprise BEGIN"
    " INSERT INTO enterprise_name(enterprise_name, rowid, sought) VALUES ('delete', old.rowid, old.sought);"
    " INSERT INTO enterprise_name(rowid, sought) VALUES (new.rowid, new.sought); END",
)


def _index_names(_: Table, connection: Connection, **__: object) -> None:
    for statement in _NAME_INDEX:
        connection.exec_driver_sql(statement)


class EnterpriseRow(Row):
    """An enterprise in KBO. `sought` is its name as a search compares it, filled in by itself."""

    __tablename__ = "enterprise"

    number: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(index=True)
    address: Mapped[str]
    began_on: Mapped[date | None]
    ceased_on: Mapped[date | None]
    generated: Mapped[bool] = mapped_column(default=False)
    sought: Mapped[str] = mapped_column(default=_sought, index=True)

    __table_args__ = {"listeners": [("after_create", _index_names)]}  # noqa: RUF012  # as above: SQLAlchemy reads it


class EstablishmentUnitRow(Row):
    __tablename__ = "establishment_unit"

    number: Mapped[str] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(ForeignKey("enterprise.number"), index=True)
    name: Mapped[str]
    address: Mapped[str]
    first: Mapped[date]
    last: Mapped[date]


class FunctionRow(Row):
    """A function in KBO. It is public from `recorded_on`; an end that was asked for later is so from `end_recorded_on`.

    KBO takes up to five working days to record what it is told. `end_reason` is what was told with the end.
    """

    __tablename__ = "function"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(ForeignKey("enterprise.number"), index=True)
    code: Mapped[str]
    holder: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    company: Mapped[str | None]
    first: Mapped[date]
    last: Mapped[date]
    recorded_on: Mapped[date] = mapped_column(default=date.min, index=True)
    ends_on: Mapped[date | None]
    end_recorded_on: Mapped[date | None] = mapped_column(index=True)
    end_reason: Mapped[str] = mapped_column(default="")

    person: Mapped[PersonRow | None] = relationship()


class RelationRow(Row):
    """A working relation between a person and an organisation: at most ten years."""

    __tablename__ = "relation"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    organisation: Mapped[str] = mapped_column(ForeignKey("enterprise.number"), index=True)
    category: Mapped[str]
    status: Mapped[str]
    first: Mapped[date]
    last: Mapped[date] = mapped_column(index=True)
    phone: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column()

    person: Mapped[PersonRow] = relationship(back_populates="relations")
    enterprise: Mapped[EnterpriseRow] = relationship()
    rights: Mapped[list[RightRow]] = relationship(
        back_populates="relation", order_by="RightRow.id", cascade="all, delete-orphan"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy reads it from the class


class RightRow(Row):
    """A user right within a relation: at most four years, and never outside its relation."""

    __tablename__ = "right"

    id: Mapped[int] = mapped_column(primary_key=True)
    relation_id: Mapped[int] = mapped_column(ForeignKey("relation.id"), index=True)
    name: Mapped[str] = mapped_column(index=True)
    profiles: Mapped[list[Any]]
    first: Mapped[date]
    last: Mapped[date] = mapped_column(index=True)
    version: Mapped[int] = mapped_column()

    relation: Mapped[RelationRow] = relationship(back_populates="rights")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy reads it from the class


class AdministratorRow(Row):
    """Somebody who may grant and withdraw rights in an organisation; `level` is main or local."""

    __tablename__ = "administrator"

    organisation: Mapped[str] = mapped_column(ForeignKey("enterprise.number"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, index=True)
    level: Mapped[str]

    person: Mapped[PersonRow] = relationship()


class AcquaintanceRow(Row):
    """Somebody whom an administrator of this organisation added by number, before there is a working relation."""

    __tablename__ = "acquaintance"

    organisation: Mapped[str] = mapped_column(ForeignKey("enterprise.number"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)


class HistoryRow(Row):
    """Who changed what about whom, when (UTC, and the mock's own day), with the reason given.

    `change` holds the values before and after, as the page *Historiek* shows them. Never a national number.
    """

    __tablename__ = "history"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    day: Mapped[date]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    organisation: Mapped[str | None] = mapped_column(ForeignKey("enterprise.number"), index=True)
    action: Mapped[str]
    change: Mapped[dict[str, Any]] = mapped_column(default=dict)
    reason: Mapped[str] = mapped_column(default="")

    actor: Mapped[PersonRow | None] = relationship(foreign_keys=[actor_id])
    person: Mapped[PersonRow] = relationship(foreign_keys=[person_id])


class RequestRow(Row):
    """*Zelfregistratie*: a person asks for a right; a local administrator approves or refuses."""

    __tablename__ = "request"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    organisation: Mapped[str] = mapped_column(ForeignKey("enterprise.number"), index=True)
    right: Mapped[str]
    profiles: Mapped[list[Any]]
    phone: Mapped[str]
    email: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    asked_at: Mapped[datetime]
    asked_on: Mapped[date]
    status: Mapped[str]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_on: Mapped[date | None]
    decision_reason: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column()

    person: Mapped[PersonRow] = relationship(foreign_keys=[person_id])
    decided_by: Mapped[PersonRow | None] = relationship(foreign_keys=[decided_by_id])

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy reads it from the class


class SubmissionRow(Row):
    """A form that was handled, and where its sender was sent: the same form sent twice changes nothing twice."""

    __tablename__ = "submission"

    token: Mapped[str] = mapped_column(primary_key=True)
    location: Mapped[str]


class ReminderRow(Row):
    """A mail about rights that end: one a day for a person, however often the job runs.

    `claimed_at` (UTC) is when a job took it in hand, for the `attempts`-th time; `answer` is what the mail server said.
    """

    __tablename__ = "reminder"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    day: Mapped[date]
    status: Mapped[str]
    message_id: Mapped[str] = mapped_column(default="")
    claimed_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    answer: Mapped[str] = mapped_column(default="")

    __table_args__ = (UniqueConstraint("person_id", "day"),)


class MailRow(Row):
    """A message that the mock's own mail server received."""

    __tablename__ = "mail"

    id: Mapped[int] = mapped_column(primary_key=True)
    received_at: Mapped[datetime]
    received_on: Mapped[date]
    sender: Mapped[str]
    recipients: Mapped[list[Any]]
    subject: Mapped[str] = mapped_column(default="")
    message: Mapped[bytes]


class MarkRow(Row):
    """Small facts about the world itself, by name: such as the days by which the clock was moved."""

    __tablename__ = "mark"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
