"""An archive: one folder with everything that was derived from recordings, and its database.

======================  ==========================================================
``archive.json``        version of the format, and the address of the database
``archive.sqlite``      the tables, unless they are in a PostgreSQL database
``model/``              the model that indexed the recordings, whole
``frames/``             the frames of its speech encoder
``vectors/``            shards of vectors, for approximate nearest-neighbour search
``queries/``            images that the search page was queried with
``spoken/``             frames and index for spoken queries
``lexicon/``            clips and pictures of the lexicon's words
======================  ==========================================================

Deleting the folder deletes everything that was derived from the recordings. A PostgreSQL database has to be dropped
separately.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, inspect, make_url, select
from sqlalchemy.exc import DatabaseError, OperationalError

from earmark.archive import schema
from earmark.archive.database import WRITES, is_disk_full, postgresql_engine, reason, sqlite_engine
from earmark.archive.encoding import FEATURES, Encoding, read_encodings
from earmark.archive.frame_store import FrameStore
from earmark.archive.sqlite_file import REPLACED, SqliteFile, is_refused_write
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary, read_text
from earmark.localisation.spotter import KeywordSpotter

DESCRIPTION = "archive.json"
SQLITE = "archive.sqlite"
FORM = 3


class Position(NamedTuple):
    """A point in time in a channel of a recording, written ``recording:channel:seconds``: ``12:1:345.20``.

    Attributes
    ----------
    recording : int
    channel : int
        From 1 on.
    time_s : float
        Seconds from the start of the recording.
    """

    recording: int
    channel: int
    time_s: float

    def __str__(self) -> str:
        return f"{self.recording}:{self.channel}:{self.time_s:.2f}"

    @classmethod
    def read(cls, text: str) -> Position:
        """Parse a position.

        Raises
        ------
        EarmarkError
            If `text` is no position.
        """
        try:
            recording, channel, time_s = text.split(":")
            position = cls(int(recording), int(channel), float(time_s))
            if not (position.recording > 0 and position.channel > 0 and 0 <= position.time_s < float("inf")):
                raise ValueError
            return position
        except ValueError:
            raise EarmarkError(
                f"{text!r} is no position in an archive: write recording:channel:seconds, such as 12:1:345.20, "
                "as 'earmark search' prints it."
            ) from None


@dataclass(frozen=True)
class Description:
    """The contents of ``archive.json``.

    Attributes
    ----------
    database : str or None
        SQLAlchemy URL of a PostgreSQL database; None for the SQLite file in the folder.
    """

    database: str | None = None


class Archive:
    """An open archive, as :func:`open_archive` and :func:`make_archive` return it.

    Attributes
    ----------
    folder : Path
    engine : sqlalchemy.Engine
    """

    def __init__(self, folder: Path, description: Description) -> None:
        self.folder = folder
        self.database = description.database
        self._file: SqliteFile | None = None
        if description.database is None:
            self._file = SqliteFile(folder / SQLITE)
            self.engine = sqlite_engine(self._file)
        else:
            self.engine = postgresql_engine(description.database)

    @property
    def address(self) -> str | None:
        """URL of the PostgreSQL database, without its password; None for the file in the folder."""
        return None if self.database is None else make_url(self.database).render_as_string(hide_password=True)

    @property
    def is_read_only(self) -> bool:
        """Whether nothing may be written to the archive: then it can be searched, but not judged or indexed."""
        return self._file is not None and not self._file.may_be_written

    @property
    def _only_read(self) -> str:
        return (
            f"The archive {self.folder} may only be read here, so nothing can be judged or indexed: "
            "copy it to a folder of your own, or correct its permissions."
        )

    @contextmanager
    def session(self, writing: bool = False) -> Iterator[Archive]:
        """This archive, bound to one transaction: what a request or a command passes down.

        Everything that is read through the yielded archive shows one state of the tables. With `writing`, everything
        that is written through it is committed when the block ends, or rolled back if it raises.

        Raises
        ------
        EarmarkError
            If the database can't be reached.
        OSError
            If its disk is full.
        """
        with self.writing() if writing else self.reading() as connection:
            yield _Session(self, connection, writing)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A write transaction, committed as a whole or not at all. Writers are serialised; readers are not blocked.

        Raises
        ------
        EarmarkError
            If the archive may only be read or was replaced by another, or its database can't be reached.
        OSError
            If its disk is full.
        """
        if self.is_read_only:
            raise EarmarkError(self._only_read)
        with (
            self._explaining(),
            self.engine.connect().execution_options(**{WRITES: True}) as connection,
            connection.begin(),
        ):
            if self._file is not None and self._file.was_replaced:  # while this waited for another writer
                raise EarmarkError(REPLACED.format(self.folder))
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read transaction on one snapshot of the database, whatever others write meanwhile.

        Raises
        ------
        EarmarkError
            If the database can't be reached.
        """
        # SQLite's readers see one state anyway.
        options = {} if self.database is None else {"isolation_level": "REPEATABLE READ"}
        with self._explaining(), self.engine.connect().execution_options(**options) as connection:
            yield connection

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            where = self.address or str(self.folder / SQLITE)
            if self._file is not None and self._file.was_replaced:
                raise EarmarkError(REPLACED.format(self.folder)) from error
            if self._file is not None and is_refused_write(error.orig) and self._file.path.exists():
                raise EarmarkError(self._only_read) from error
            if is_disk_full(error):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), where) from error
            # The other subclasses are about the statement, not the database: they are for the caller.
            if isinstance(error, OperationalError) or type(error) is DatabaseError:
                raise EarmarkError(
                    f"The archive's tables in {where} can't be used ({reason(error)}): see whether "
                    f"{'its disk' if self.database is None else 'the database'} is in order, then run the same command "
                    "again; finished chunks stay."
                ) from error
            raise

    @cached_property
    def encodings(self) -> dict[str, Encoding]:
        """How its recordings are encoded, by kind."""
        return read_encodings(self.folder, self.settings())

    @property
    def encoding(self) -> Encoding:
        """The model, by which the table of chunks is kept; in an archive without one, the features."""
        return next(iter(self.encodings.values()))

    @property
    def spoken(self) -> Encoding:
        """What spoken queries are compared by: the features; in an archive without such, the model's frames."""
        return self.encodings.get(FEATURES) or self.encoding

    @property
    def spotter(self) -> KeywordSpotter:
        """The spotter of :attr:`encoding`."""
        return self.encoding.spotter

    @property
    def frames(self) -> FrameStore:
        """The frames of :attr:`encoding`."""
        return self.encoding.frames

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The model's keywords, read without the model."""
        text = read_text(self.encoding.folder / "vocabulary.txt")
        return Vocabulary(text.removesuffix("\n").split("\n")) if text else Vocabulary.empty()

    def setting(self, key: str, default: str = "") -> str:
        """A setting, as text."""
        return self.settings().get(key) or default

    def settings(self) -> dict[str, str]:
        """All settings, by key."""
        with self.reading() as connection:
            rows = connection.execute(select(schema.settings.c.key, schema.settings.c.value)).all()
        return {str(row.key): str(row.value) for row in rows}

    def set(self, **values: str) -> None:
        """Change settings."""
        with self.writing() as connection:
            write_settings(connection, values)

    def close(self) -> None:
        """Close all connections to the database."""
        self.engine.dispose()
        if self._file is not None:
            self._file.close()


class _Session(Archive):
    """An archive whose transactions are all one; models and stores are those of the archive it belongs to."""

    def __init__(self, archive: Archive, connection: Connection, writes: bool) -> None:
        self.folder, self.database, self.engine = archive.folder, archive.database, archive.engine
        self._file = archive._file
        self._archive, self._connection, self._writes = archive, connection, writes

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        yield self._connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        if not self._writes:
            raise RuntimeError("This session only reads: open it with writing=True.")
        yield self._connection

    @cached_property
    def encodings(self) -> dict[str, Encoding]:
        return self._archive.encodings

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return self._archive.vocabulary


def open_archive(folder: Path | str) -> Archive:
    """Open an archive that is there.

    Raises
    ------
    EarmarkError
        If the folder is no archive, or its database can't be reached.
    """
    folder = Path(folder)
    path = folder / DESCRIPTION
    if not path.is_file():
        raise EarmarkError(f"{folder} is no archive (it has no {DESCRIPTION}): make one with 'earmark index'.")
    try:
        content = json.loads(read_text(path))
        form, database = content["form"], content["database"]
        if database is not None and not isinstance(database, str):
            raise TypeError("the database is not a string")
    except (ValueError, TypeError, KeyError) as error:
        raise EarmarkError(f"{path} is damaged ({error}): copy it again, or index anew.") from error
    if form != FORM:
        raise EarmarkError(f"{folder} has form {form}, and this version of Earmark reads form {FORM}: index anew.")
    archive = Archive(folder, Description(database))
    archive.setting("model")  # raises where the tables can't be used
    _add_missing_tables(archive)
    return archive


def _add_missing_tables(archive: Archive) -> None:
    """Make tables that were not in Earmark yet when the archive was made."""
    with archive.reading() as connection:
        missing = set(schema.metadata.tables) - set(inspect(connection).get_table_names())
    if missing and not archive.is_read_only:
        with archive.writing() as connection:
            schema.metadata.create_all(connection)


def read_setting(connection: Connection, key: str) -> str:
    """Return a setting as a transaction sees it, or an empty text."""
    value = select(schema.settings.c.value).where(schema.settings.c.key == key)
    return str(connection.execute(value).scalar_one_or_none() or "")


def write_settings(connection: Connection, values: Mapping[str, str]) -> None:
    """Change settings as a part of a transaction."""
    for key, value in values.items():
        connection.execute(schema.settings.delete().where(schema.settings.c.key == key))
        connection.execute(schema.settings.insert().values(key=key, value=value))
