"""Engines of an archive's database, SQLite or PostgreSQL: how writers are serialised, and what an error means."""

from __future__ import annotations

import sqlite3

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from earmark.archive.sqlite_file import SqliteFile
from earmark.core.errors import EarmarkError

WRITES = "earmark_writes"  # execution option of connections that write
WRITE_LOCK = 5_318_008  # key of the advisory lock that serialises the writers of a PostgreSQL database
DISK_FULL = "53100"  # PostgreSQL, appendix A


def sqlite_engine(file: SqliteFile) -> Engine:
    """Connections to the SQLite file of an archive; a transaction with the option :data:`WRITES` locks out writers."""
    address = URL.create("sqlite+pysqlite", database=str(file.path))
    # As many connections as there are requests at a time: one that waits for the model must not hold up the others.
    engine = create_engine(address, creator=file.connect, max_overflow=-1)
    event.listen(engine, "begin", _begin)
    return engine


def postgresql_engine(address: str) -> Engine:
    """Connections to a PostgreSQL database, of which transactions with the option :data:`WRITES` are serialised.

    Raises
    ------
    EarmarkError
        If the address is none of a PostgreSQL database, or its driver is not installed.
    """
    try:
        if make_url(address).get_backend_name() != "postgresql":
            raise ArgumentError("it is no PostgreSQL database")
        engine = create_engine(address, pool_pre_ping=True, max_overflow=-1)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise EarmarkError(
            f"The address of the database can't be used ({error}): write one such as "
            "postgresql+psycopg://user@localhost/name, with 'pip install earmark[postgresql]'."
        ) from error
    event.listen(engine, "begin", _lock_writers)
    return engine


def _begin(connection: Connection) -> None:
    # Take the write lock at BEGIN, so that a transaction that first reads and then writes cannot fail with SQLITE_BUSY.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")


def _lock_writers(connection: Connection) -> None:
    """Serialise the writers of a PostgreSQL database: the lock is held until the transaction ends."""
    if _writes(connection):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get(WRITES, False))


def is_disk_full(error: DBAPIError) -> bool:
    """Whether a database has no room on its disk."""
    return (
        getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        or getattr(error.orig, "sqlstate", None) == DISK_FULL
    )


def reason(error: DBAPIError) -> str:
    """The message of a database, on one line."""
    return " ".join(str(error.orig).split())
