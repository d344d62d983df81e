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
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, insert, inspect, make_url, select
from sqlalchemy.exc import DatabaseError, OperationalError

from earmark.archive import schema
from earmark.archive.database import WRITES, is_disk_full, postgresql_engine, reason, sqlite_engine
from earmark.archive.encoding import FEATURES, KINDS, MODEL, Encoding, read_encodings, settings_of
from earmark.archive.frame_store import FrameStore
from earmark.archive.sqlite_file import REPLACED, SqliteFile, is_refused_write
from earmark.core.errors import EarmarkError
from earmark.core.files import replacing, write_text
from earmark.core.vocabulary import Vocabulary, read_text
from earmark.localisation.spotter import KeywordSpotter
from earmark.models.checkpoint import Checkpoint, read_checkpoint, write_features_model
from earmark.recipe import FeatureSettings

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
            _set(connection, values)

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


def make_archive(folder: Path | str, run: Path | str, database: str | None = None) -> Archive:
    """Open an archive, or make it; the model of the folder `run` indexes its recordings.

    An archive that was indexed with features alone gets the model, and keeps the features for spoken queries.

    Raises
    ------
    EarmarkError
        If `run` holds no model or another than the archive's, or `folder` is something else.
    """
    run = Path(run)
    checkpoint = read_checkpoint(run)  # a run that can't be used is refused before anything is written
    return _make(Path(folder), MODEL, checkpoint, run.resolve().name, database)


def make_features_archive(folder: Path | str, features: FeatureSettings, database: str | None = None) -> Archive:
    """Open an archive, or make it, that is indexed with features alone: no model is trained, spoken examples find.

    An archive of a model gets the features, for its spoken queries.

    Raises
    ------
    EarmarkError
        If a pretrained network is missing, or `folder` was indexed with other features, or is something else.
    """
    with tempfile.TemporaryDirectory() as temporary:
        model = Path(temporary) / features.kind
        write_features_model(model, features)
        return _make(Path(folder), FEATURES, read_checkpoint(model), features.kind, database)


def _make(folder: Path, kind: str, checkpoint: Checkpoint, name: str, database: str | None) -> Archive:
    settings = settings_of(kind, checkpoint, name)
    if (folder / DESCRIPTION).is_file():
        archive = open_archive(folder)
        if database is not None and database != archive.database:
            raise EarmarkError(f"{folder} has its tables elsewhere: leave --database out.")
        known = archive.encodings.get(kind)
        if known is None:
            return _add(archive, kind, checkpoint, settings)
        if known.identity != settings[kind]:
            other = "another model" if kind == MODEL else "other features"
            raise EarmarkError(
                f"{folder} was indexed with {other} ({known.name}): its scores can't stand beside those of this "
                "index; index into a new folder."
            )
        return archive
    if folder.exists() and (not folder.is_dir() or any(_foreign_files(folder))):
        raise EarmarkError(f"{folder} is there and is no archive: name a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    _copy_model(checkpoint.folder, folder / kind)
    archive = Archive(folder, Description(database))
    with archive.writing() as connection:
        schema.metadata.create_all(connection)
        _refuse_taken(connection, archive)
        _set_keywords(connection, checkpoint.vocabulary)
        _set(connection, {**settings, "folder": str(folder.absolute())})
    # Written last: a folder without it is made again from the start.
    write_text(folder / DESCRIPTION, json.dumps({"form": FORM, "database": database}, indent=1) + "\n")
    return archive


def _add(archive: Archive, kind: str, checkpoint: Checkpoint, settings: Mapping[str, str]) -> Archive:
    """Add a model to an archive of features, or features to that of a model; its recordings are to be indexed."""
    with archive.writing() as connection:
        _copy_model(checkpoint.folder, archive.folder / kind)
        if kind == MODEL:  # what was indexed so far is of the features
            of_features = select(*(schema.chunks.c[column.name] for column in schema.feature_chunks.c))
            connection.execute(insert(schema.feature_chunks).from_select(list(schema.feature_chunks.c), of_features))
            connection.execute(schema.chunks.delete())
            connection.execute(schema.shards.delete())
            _set_keywords(connection, checkpoint.vocabulary)
        connection.execute(
            schema.recordings.update().where(schema.recordings.c.status == schema.DONE).values(status=schema.NEW)
        )
        _set(connection, settings)
    archive.close()
    return open_archive(archive.folder)


def _add_missing_tables(archive: Archive) -> None:
    """Make tables that were not in Earmark yet when the archive was made."""
    with archive.reading() as connection:
        missing = set(schema.metadata.tables) - set(inspect(connection).get_table_names())
    if missing and not archive.is_read_only:
        with archive.writing() as connection:
            schema.metadata.create_all(connection)


def _copy_model(source: Path, goal: Path) -> None:
    for path in sorted(source.iterdir()):
        if path.is_file() and path.suffix != ".pt":  # a training's state is of no use here
            with replacing(goal / path.name) as partial:
                shutil.copyfile(path, partial)


def _foreign_files(folder: Path) -> Iterator[Path]:
    """Files that are not left over from an interrupted :func:`make_archive`."""
    own = (SQLITE, f".{Path(DESCRIPTION).stem}.")  # the second: a description that was not finished
    return (path for path in folder.iterdir() if path.name not in KINDS and not path.name.startswith(own))


def _refuse_taken(connection: Connection, archive: Archive) -> None:
    """Raise an EarmarkError if a database of its own belongs to another folder, or to one that was deleted."""
    if archive.database is None:
        return
    other = _setting(connection, "folder") not in ("", str(archive.folder.absolute()))
    used = connection.execute(select(schema.recordings.c.id).limit(1)).first() is not None
    if other or (used and not (archive.folder / DESCRIPTION).is_file()):
        raise EarmarkError(f"The database {archive.address} holds an archive already: name an empty one.")


def _set_keywords(connection: Connection, vocabulary: Vocabulary) -> None:
    rows = [{"id": i, "word": word} for i, word in enumerate(vocabulary)]
    known = connection.execute(select(schema.keywords).order_by(schema.keywords.c.id)).mappings().all()
    if [dict(row) for row in known] != rows:  # none, or those of a model that was to be another
        connection.execute(schema.keywords.delete())
        connection.execute(schema.keywords.insert(), rows)


def _setting(connection: Connection, key: str) -> str:
    value = select(schema.settings.c.value).where(schema.settings.c.key == key)
    return str(connection.execute(value).scalar_one_or_none() or "")


def _set(connection: Connection, values: Mapping[str, str]) -> None:
    for key, value in values.items():
        connection.execute(schema.settings.delete().where(schema.settings.c.key == key))
        connection.execute(schema.settings.insert().values(key=key, value=value))
