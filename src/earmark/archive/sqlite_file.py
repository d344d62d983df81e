"""Connections to the SQLite file of an archive, also where it may only be read.

An archive on a disc, a share or in somebody else's folder can be searched without writing anything beside it. SQLite's
write-ahead log needs a file for its index beside the database, so there are three cases (sqlite.org/wal.html,
"Read-Only Databases"): the log and its index are there and can be read; there is no log, and the file is opened as one
that never changes; or a log was left without an index, and both are copied to a temporary folder, where the log is
played back.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from earmark.core.errors import EarmarkError

BUSY_S = 60.0  # how long one process waits for another's transaction
REPLACED = "The archive {} was indexed anew with another model meanwhile: open it again."
NOT_TO_WRITE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH)


class SqliteFile:
    """A database in a file.

    Parameters
    ----------
    path : Path
        Made by the first connection, if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._identity: tuple[int, int] | None = None  # of the file that was opened first
        self._copy: TemporaryDirectory[str] | None = None
        self._lock = threading.Lock()

    @property
    def may_be_written(self) -> bool:
        """Whether the file, and others in its folder, may be written."""
        return os.access(self.path.parent, os.W_OK) and (not self.path.exists() or os.access(self.path, os.W_OK))

    @property
    def was_replaced(self) -> bool:
        """Whether another file has the place of the one that was opened first: what is written here would be lost."""
        now = _identity_of(self.path)
        return self._identity is not None and now is not None and now != self._identity

    def connect(self) -> sqlite3.Connection:
        """A new connection.

        Raises
        ------
        sqlite3.Error
            If the file is damaged or can't be read.
        EarmarkError
            If another file has its place now.
        """
        connection = self._connect()
        if self._identity is None:
            self._identity = _identity_of(self.path)
        if self.was_replaced:
            connection.close()
            raise EarmarkError(REPLACED.format(self.path.parent))
        return connection

    def _connect(self) -> sqlite3.Connection:
        if self.may_be_written:
            try:
                return self._writing()
            except sqlite3.OperationalError as error:
                # Some shares declare a file writable, and then refuse writes.
                if not is_refused_write(error) or not self.path.exists():
                    raise
        with self._lock:
            return self._reading()

    def _writing(self) -> sqlite3.Connection:
        # SQLAlchemy begins transactions: Python would begin them too late for a safe read before a write.
        connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")  # what was committed survives a power cut
            connection.execute("PRAGMA foreign_keys=ON")
            _read_something(connection)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _reading(self) -> sqlite3.Connection:
        if self._copy is None:
            try:
                return _open(self.path, "mode=ro")
            except sqlite3.OperationalError as error:
                if not is_refused_write(error):
                    raise
            log = self.path.with_name(f"{self.path.name}-wal")
            if not log.is_file() or not log.stat().st_size:
                return _open(self.path, "mode=ro&immutable=1")
            self._copy = TemporaryDirectory(prefix="earmark-", ignore_cleanup_errors=True)
            for part in (self.path, log):
                shutil.copyfile(part, Path(self._copy.name) / part.name)
        return _open(Path(self._copy.name) / self.path.name, "mode=rw", "PRAGMA query_only=ON")

    def close(self) -> None:
        """Delete the temporary copy, if there is one."""
        if self._copy is not None:
            self._copy.cleanup()
            self._copy = None


def _identity_of(path: Path) -> tuple[int, int] | None:
    """What distinguishes a file from another in its place; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_refused_write(error: BaseException | None) -> bool:
    """Whether SQLite was not allowed to write, or to make a file."""
    return isinstance(error, sqlite3.Error) and (getattr(error, "sqlite_errorcode", 0) & 0xFF) in NOT_TO_WRITE


def _open(path: Path, options: str, *commands: str) -> sqlite3.Connection:
    address = f"{path.as_uri()}?{options}"
    connection = sqlite3.connect(address, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        for command in commands:
            connection.execute(command)
        _read_something(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _read_something(connection: sqlite3.Connection) -> None:
    """Find out now whether the file can be read: SQLite opens it when it is first used."""
    connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
