"""An archive as a folder that describes itself.

======================  ==========================================================
``archive.json``        its form, and the database's address
``archive.sqlite``      the tables, unless they are in a database of its own
``model/``              the model that heard the recordings, whole
``frames/``             what it heard, frame by frame
``vectors/``            the same, to be looked up quickly
======================  ==========================================================

Deleting the folder deletes everything that was derived from the recordings; a database of its own is dropped apart.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from earmark.archive import tables
from earmark.archive.frames import FrameStore
from earmark.errors import EarmarkError
from earmark.files import replacing, write_text
from earmark.finder import Finder
from earmark.models.checkpoint import WEIGHTS, Checkpoint, read_checkpoint
from earmark.vocabulary import Vocabulary, read_text

DESCRIPTION = "archive.json"
SQLITE = "archive.sqlite"
FORM = 1
WRITES = "earmark_writes"
BUSY_S = 60.0  # how long one process waits for another's transaction


class Place(NamedTuple):
    """A moment of an archive, which can be written down and asked for again: ``12:1:345.20``.

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
    def read(cls, text: str) -> Place:
        """The place that `text` names.

        Raises
        ------
        EarmarkError
            If it names none.
        """
        try:
            recording, channel, time_s = text.split(":")
            place = cls(int(recording), int(channel), float(time_s))
            if not (place.recording > 0 and place.channel > 0 and 0 <= place.time_s < float("inf")):
                raise ValueError
            return place
        except ValueError:
            raise EarmarkError(
                f"{text!r} is no place in an archive: write recording:channel:seconds, such as 12:1:345.20, "
                "as 'earmark search' prints it."
            ) from None


@dataclass(frozen=True)
class Description:
    """What ``archive.json`` says.

    Attributes
    ----------
    database : str or None
        Address of a database, for SQLAlchemy; None for the SQLite file in the folder.
    """

    database: str | None = None


class Archive:
    """An archive that is open. Use :func:`open_archive` or :func:`make_archive`.

    Attributes
    ----------
    folder : Path
    engine : sqlalchemy.Engine
    """

    def __init__(self, folder: Path, description: Description) -> None:
        self.folder = folder
        self.database = description.database
        self.engine = _engine(folder, description)

    @property
    def address(self) -> str | None:
        """Of the database, without a password, if it is not in the folder."""
        return None if self.database is None else make_url(self.database).render_as_string(hide_password=True)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: all of it is kept, or nothing."""
        with self.engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the archive, whatever others write meanwhile."""
        with self.engine.connect() as connection:
            yield connection

    @cached_property
    def finder(self) -> Finder:
        """The model that heard the recordings."""
        return Finder(read_checkpoint(self.folder / "model"))

    @cached_property
    def frames(self) -> FrameStore:
        """What was heard, frame by frame."""
        return FrameStore(self.folder / "frames", float(self.setting("frame_step_s")))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The model's keywords, read without the model."""
        return Vocabulary(read_text(self.folder / "model" / "vocabulary.txt").removesuffix("\n").split("\n"))

    def setting(self, key: str, default: str = "") -> str:
        """A setting, as text."""
        with self.reading() as connection:
            found = connection.execute(
                select(tables.settings.c.value).where(tables.settings.c.key == key)
            ).scalar_one_or_none()
        return default if found is None else str(found)

    def set(self, **values: str) -> None:
        """Change settings."""
        with self.writing() as connection:
            for key, value in values.items():
                connection.execute(tables.settings.delete().where(tables.settings.c.key == key))
                connection.execute(tables.settings.insert().values(key=key, value=value))

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()


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
        said = json.loads(read_text(path))
        form, database = said["form"], said["database"]
        if database is not None and not isinstance(database, str):
            raise TypeError("the database is no text")
    except (ValueError, TypeError, KeyError) as error:
        raise EarmarkError(f"{path} is damaged ({error}): copy it again, or index anew.") from error
    if form != FORM:
        raise EarmarkError(f"{folder} has form {form}, and this version of Earmark reads form {FORM}: index anew.")
    archive = Archive(folder, Description(database))
    try:
        with archive.reading() as connection:
            connection.execute(select(tables.settings.c.key).limit(1))
    except DBAPIError as error:
        raise EarmarkError(_out_of_reach(archive, error)) from error
    return archive


def make_archive(folder: Path | str, run: Path | str, database: str | None = None) -> Archive:
    """Open an archive, or make it; the model of the folder `run` hears its recordings.

    Raises
    ------
    EarmarkError
        If `run` holds no model or another than the archive's, or `folder` is something else.
    """
    folder, run = Path(folder), Path(run)
    checkpoint = read_checkpoint(run)  # a run that can't be used is refused before anything is written
    identity = model_identity(checkpoint)
    if (folder / DESCRIPTION).is_file():
        archive = open_archive(folder)
        if database is not None and database != archive.database:
            raise EarmarkError(f"{folder} keeps its tables elsewhere: leave --database out.")
        if archive.setting("model") != identity:
            raise EarmarkError(
                f"{folder} was indexed with another model ({archive.setting('model_name')}): its scores can't stand "
                "beside this one's; index into a new folder."
            )
        return archive
    if folder.exists() and (not folder.is_dir() or any(_strangers(folder))):
        raise EarmarkError(f"{folder} is there and is no archive: name a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    _copy_model(checkpoint.folder, folder / "model")
    archive = Archive(folder, Description(database))
    try:
        tables.metadata.create_all(archive.engine)
    except DBAPIError as error:
        raise EarmarkError(_out_of_reach(archive, error)) from error
    if database is not None and archive.setting("model"):
        raise EarmarkError(f"The database {archive.address} holds an archive already: name an empty one.")
    with archive.writing() as connection:
        known = connection.execute(select(tables.keywords.c.id)).first()
        if known is None:
            rows = [{"id": i, "word": word} for i, word in enumerate(checkpoint.vocabulary)]
            connection.execute(tables.keywords.insert(), rows)
    step_s = checkpoint.model.grid.stride_s
    archive.set(model=identity, model_name=run.resolve().name, frame_step_s=repr(step_s))
    # Last: a folder without it is begun anew.
    write_text(folder / DESCRIPTION, json.dumps({"form": FORM, "database": database}, indent=1) + "\n")
    return archive


def model_identity(checkpoint: Checkpoint) -> str:
    """The same for every copy of a model."""
    digest = hashlib.sha256()
    for name in (WEIGHTS, "recipe.yaml", "vocabulary.txt"):
        digest.update((checkpoint.folder / name).read_bytes())
    return digest.hexdigest()


def _copy_model(source: Path, goal: Path) -> None:
    for path in sorted(source.iterdir()):
        if path.is_file():
            with replacing(goal / path.name) as partial:
                shutil.copyfile(path, partial)


def _strangers(folder: Path) -> Iterator[Path]:
    """What is not left from making an archive that was stopped."""
    return (path for path in folder.iterdir() if path.name != "model" and not path.name.startswith(SQLITE))


def _engine(folder: Path, description: Description) -> Engine:
    if description.database is not None:
        try:
            return create_engine(description.database, pool_pre_ping=True)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise EarmarkError(
                f"The database {description.database!r} can't be used ({error}): write an address such as "
                "postgresql+psycopg://user@localhost/name, with 'pip install earmark[postgresql]'."
            ) from error
    path = (folder / SQLITE).absolute()
    engine = create_engine(URL.create("sqlite+pysqlite", database=str(path)), creator=lambda: _connect(path))
    event.listen(engine, "begin", _begin)
    return engine


def _connect(path: Path) -> Any:
    import sqlite3

    # SQLAlchemy says when a transaction begins: Python's own way begins it too late for a safe read before a write.
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # what was said to be kept outlives a power cut
    connection.execute("PRAGMA foreign_keys=ON")
    connection.create_function("lower", 1, _lower, deterministic=True)  # SQLite's own knows A to Z alone
    return connection


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _begin(connection: Connection) -> None:
    # Who will write waits for its turn now. Later, what it has read could be out of date, and it would have to give up.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _out_of_reach(archive: Archive, error: DBAPIError) -> str:
    where = archive.address or str(archive.folder / SQLITE)
    return f"The archive's tables in {where} can't be reached ({error.orig}): start the database, or mend the address."
