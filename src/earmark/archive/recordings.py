"""The catalogue of an archive's recordings, brought up to date with their files: new, changed, moved, or gone.

A recording is identified by its content. Its path, and the size and time of its file, record where that content was
last found; only a file with another size or time is read again. Metadata comes from a table of the recordings' owner.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from earmark.archive.archive import Archive
from earmark.archive.audio_files import AudioFile, Listing, printable
from earmark.archive.schema import BROKEN, MISSING, NEW, chunks, judgement_log, postings, recordings
from earmark.core.csv_tables import Problems, read_table
from earmark.core.errors import EarmarkError
from earmark.core.progress import progress
from earmark.core.types import canonical_path
from earmark.localisation.chunks import read_timeline
from earmark.media.audio import audio_info, require_file
from earmark.media.kinds import is_named_as_audio
from earmark.media.lookup import MediaFolder

AT_A_TIME = 1 << 20  # bytes
AT_ONCE = 500  # paths in a query
MOST_NAMED = 10  # hidden files and folders in a sentence

logger = logging.getLogger(__name__)


@dataclass
class Registered:
    """The result of registering files.

    Attributes
    ----------
    recordings : dict of int
        Ids of the files' recordings, each once, in their order; the values are None.
    problems : dict of str
        By the path of a file or folder that can't be used, one sentence.
    changes : dict
        Number of recordings that were ``new``, ``changed``, ``moved``, ``gone``, and ``copies`` of others.
    """

    recordings: dict[int, None] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)

    def count(self, what: str) -> None:
        """Count one more."""
        self.changes[what] = self.changes.get(what, 0) + 1


def register(archive: Archive, listing: Listing, about: Mapping[str, Mapping[str, str]]) -> Registered:
    """Bring the table of recordings up to what is on disk.

    Parameters
    ----------
    archive : Archive
    listing : Listing
        What the indexed folders hold now.
    about : mapping
        Of :func:`earmark.archive.recordings.read_metadata`; other recordings keep theirs.
    """
    registered = Registered(problems=dict(listing.problems))
    with progress("Looking at files", len(listing.files)) as advance:
        for file in listing.files:
            try:
                recording = _register(archive, file, about.get(canonical_path(file.path), {}), registered)
                registered.recordings[recording] = None
            except EarmarkError as problem:
                registered.problems[os.fspath(file.path)] = str(problem)
            except OSError as problem:
                registered.problems[os.fspath(file.path)] = f"{file.path} can't be read ({problem.strerror})."
            advance()
    if listing.others:
        logger.info("Files that are no recordings: %d.", listing.others)
    if listing.hidden:
        names = ", ".join(map(printable, listing.hidden[:MOST_NAMED]))
        more = f" and {len(listing.hidden) - MOST_NAMED} more" if len(listing.hidden) > MOST_NAMED else ""
        logger.info("Hidden files and folders are left out: %s%s. Rename those that hold recordings.", names, more)
    _mark_missing(archive, listing.folders, registered)
    return registered


def forget_missing(archive: Archive) -> int:
    """Delete all that was derived from recordings that are gone, judgements too; the number of recordings."""
    return _forget(archive, recordings.c.status == MISSING)


def forget_files(archive: Archive, paths: Iterable[str]) -> int:
    """Delete all that was derived from some files, judgements too; the number of recordings.

    Parameters
    ----------
    archive : Archive
    paths : iterable of str
        Of :func:`earmark.archive.audio_files.canonical_path`. Whether the files are still there does not matter.
    """
    listed = list(paths)
    parts = [listed[start : start + AT_ONCE] for start in range(0, len(listed), AT_ONCE)]
    return sum(_forget(archive, recordings.c.path.in_(part)) for part in parts)


def _forget(archive: Archive, which: ColumnElement[bool]) -> int:
    with archive.writing() as connection:
        gone = connection.execute(select(recordings.c.id, recordings.c.sha256).where(which)).all()
        for row in gone:
            _delete_results(connection, row.id)
            connection.execute(delete(recordings).where(recordings.c.id == row.id))
            connection.execute(delete(judgement_log).where(judgement_log.c.sha256 == row.sha256))
    for folder in (archive.folder / "spoken").glob("*/pieces-*") if gone else ():
        shutil.rmtree(folder, ignore_errors=True)  # of all recordings together; made again when they are needed
    for row in gone:
        for encoding in archive.encodings.values():
            encoding.frames.forget(row.sha256)
        # Projected frames, and vectors, of any space: see earmark.archive.spoken_frames.
        for pattern in ("*/{}/{}", "*/*/{}/{}"):
            for folder in (archive.folder / "spoken").glob(pattern.format(row.sha256[:2], row.sha256)):
                shutil.rmtree(folder, ignore_errors=True)
    return len(gone)


def known_files(archive: Archive) -> Listing:
    """The files of all recordings that are not missing."""
    statement = select(recordings.c.path, recordings.c.folder).where(recordings.c.status != MISSING)
    with archive.reading() as connection:
        rows = connection.execute(statement.order_by(recordings.c.path)).all()
    return Listing([AudioFile(Path(row.path), Path(row.folder)) for row in rows])


def paths_by_hash(archive: Archive) -> dict[str, str]:
    """Where each recording is, by the hash of its content."""
    with archive.reading() as connection:
        rows = connection.execute(select(recordings.c.sha256, recordings.c.path)).all()
    return {row.sha256: row.path for row in rows}


def set_broken(archive: Archive, recording: int, problem: str) -> None:
    """Mark a recording that can't be read to its end.

    Its results stay, but are not searched: perhaps only its disk was unplugged.
    """
    with archive.writing() as connection:
        connection.execute(
            update(recordings).where(recordings.c.id == recording).values(status=BROKEN, problem=problem)
        )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(AT_A_TIME):
            digest.update(block)
    return digest.hexdigest()


def _register(archive: Archive, file: AudioFile, about: Mapping[str, str], registered: Registered) -> int:
    """The id of a file's recording, which is added where there is none."""
    path = _path_text(file.path)
    status = file.path.stat()
    require_file(path)
    stamp = {"size": status.st_size, "mtime_ns": _in_64_bits(status.st_mtime_ns)}
    here = {"path": path, "folder": os.fspath(file.folder), **stamp}
    with archive.reading() as connection:
        known = connection.execute(select(recordings).where(recordings.c.path == path)).all()
    same = next((row for row in known if {"size": row.size, "mtime_ns": row.mtime_ns} == stamp), None)
    if same is not None:
        return _update_known(archive, same, here, about)
    sha256 = sha256_of(file.path)
    with archive.reading() as connection:
        found = connection.execute(select(recordings).where(recordings.c.sha256 == sha256)).first()
    if found is None:
        made = _add(archive, sha256, here, about)
        registered.count("changed" if known else "new")
        return made
    if found.path != path and os.path.isfile(found.path) and sha256_of(Path(found.path)) == sha256:
        registered.count("copies")
        return int(found.id)
    if found.path != path:
        registered.count("moved")
    return _update_known(archive, found, here, about)


def _in_64_bits(mtime_ns: int) -> int:
    """A time as a database takes it; those before 1678 and after 2262 are wrapped, and still distinguish files."""
    return (mtime_ns + (1 << 63)) % (1 << 64) - (1 << 63)


def _path_text(path: Path) -> str:
    """A path as text that a database takes."""
    try:
        return os.fspath(path).encode("utf-8").decode("utf-8")
    except UnicodeEncodeError:
        raise EarmarkError(f"The name of {printable(path)} is not UTF-8: rename the file.") from None


def _add(archive: Archive, sha256: str, here: Mapping[str, Any], about: Mapping[str, str]) -> int:
    info = audio_info(here["path"])
    if not is_named_as_audio(here["path"]):
        logger.info("%s is taken for a recording by its content, not by its name.", here["path"])
    for note in info.notes:
        logger.warning("%s.", note)
    sound = {
        "duration_s": info.duration_s,
        "start_s": read_timeline(here["path"]).start_s,
        "sample_rate": info.sample_rate,
        "channels": info.channels,
    }
    try:
        with archive.writing() as connection:
            return _insert(connection, {"sha256": sha256, "status": NEW, **here, **sound, **about})
    except IntegrityError:  # another process was faster
        with archive.reading() as connection:
            return int(connection.execute(select(recordings.c.id).where(recordings.c.sha256 == sha256)).scalar_one())


def _insert(connection: Connection, row: Mapping[str, Any]) -> int:
    made = connection.execute(insert(recordings).values(row)).inserted_primary_key
    assert made is not None
    return int(made[0])


def _update_known(archive: Archive, row: Row[Any], here: Mapping[str, Any], about: Mapping[str, str]) -> int:
    """Update the path and metadata of a known recording. One that was broken or missing is tried once more."""
    changes = {**here, **about}
    if row.status in (BROKEN, MISSING):
        changes |= {"status": NEW, "problem": ""}
    if any(row._mapping[column] != value for column, value in changes.items()):
        with archive.writing() as connection:
            connection.execute(update(recordings).where(recordings.c.id == row.id).values(changes))
    return int(row.id)


def _mark_missing(archive: Archive, folders: Iterable[Path], registered: Registered) -> None:
    """Mark the recordings of these folders that are gone. Their results stay: a disk may be plugged in again.

    What can't be read now is not gone. Of a file that has changed, what it was before is no longer searched.
    """
    with archive.reading() as connection:
        rows = connection.execute(select(recordings.c.id, recordings.c.path, recordings.c.status)).all()
    here = {row.path for row in rows if row.id in registered.recordings}
    scanned = {os.fspath(folder) for folder in folders}
    gone = [
        row
        for row in rows
        if row.id not in registered.recordings
        and row.status != MISSING
        and _is_below(row.path, scanned)
        and not _is_below(row.path, registered.problems)
    ]
    if gone:
        with archive.writing() as connection:
            for row in gone:
                connection.execute(update(recordings).where(recordings.c.id == row.id).values(status=MISSING))
    for row in gone:
        if row.path not in here:
            registered.count("gone")


def _is_below(path: str, places: Container[str]) -> bool:
    """Whether a path is one of some places, or lies below one."""
    return path in places or any(os.fspath(above) in places for above in Path(path).parents)


def _delete_results(connection: Connection, recording: int) -> None:
    for table in (postings, chunks):
        connection.execute(delete(table).where(table.c.recording == recording))


ABOUT = ("speaker", "date", "language", "licence", "consent")


def read_metadata(table: Path) -> dict[str, dict[str, str]]:
    """Read a table of metadata: by canonical path of the recording, texts by column.

    Parameters
    ----------
    table : Path
        UTF-8 CSV with the column ``audio`` (paths relative to the table) and any of ``speaker``, ``date``,
        ``language``, ``licence`` and ``consent``.

    Raises
    ------
    EarmarkError
        If the table can't be read; with all that is wrong in it.
    """
    problems = Problems()
    known = read_table(table, ("audio",), ABOUT, problems)
    media = MediaFolder(table.parent)
    about: dict[str, dict[str, str]] = {}
    rows: dict[str, int] = {}
    for row in known.rows:
        path = media.find(row.get("audio"))
        if not path.is_file():
            problems.add(table, row.number, f"there is no audio file {row.get('audio')!r}")
        if rows.setdefault(canonical_path(path), row.number) != row.number:
            first = rows[canonical_path(path)]
            problems.add(table, row.number, f"the audio file {row.get('audio')!r} is that of row {first} too")
        about[canonical_path(path)] = {column: row.get(column) for column in known.columns if column != "audio"}
    problems.stop()
    return about
