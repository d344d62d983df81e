"""Shards: where windows are looked up, so that a search need not read all that was ever heard.

A shard is a folder of files that never change, about some of the pieces that were heard: what their windows come to
(:mod:`earmark.archive.digests`), and vectors of their frames (:mod:`earmark.archive.vectors`). What was heard since the
last one becomes a new shard, which takes in those that are no larger, so that there are few. Pieces that are in no
shard yet are searched whole, so that nothing is missed while an archive is indexed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from earmark.archive.ann_index import write_vectors
from earmark.archive.archive import Archive
from earmark.archive.rescoring import Piece, Recordings, Window, searched, windows_around
from earmark.archive.schema import pieces, shard_pieces, shards
from earmark.archive.window_summaries import write_summaries
from earmark.localisation.windows import chunk_bounds_s

ORPHANED_S = 3600.0  # a folder that no row speaks of may be another program's, just written


def build_shard(archive: Archive) -> None:
    """Bring all pieces that are in no shard yet into one.

    It may be stopped at any moment, and run by two programs at once: a shard is whole, or there is none.
    """
    _take_apart_dead(archive)
    loose = _heard(archive) - _kept(archive, _names(archive))
    if loose:
        taken = _no_larger(archive, len(loose))
        rows = searched(archive, [])  # after what was heard: another program may register a recording at any time
        whole = sorted(piece for piece in loose | _kept(archive, taken) if piece.recording in rows)
        name = _name(archive, whole, rows)
        count = _write(archive, name, whole, rows)
        _record(archive, name, count, whole, taken)
    _remove_orphans(archive)


def lookup(archive: Archive, rows: Recordings) -> tuple[list[Path], list[Window]]:
    """The shards that are there, and the windows of some recordings that are in none of them."""
    # Shards first: what another program takes in meanwhile is then searched whole, and not missed.
    names = [name for name in _names(archive) if _folder(archive, name).is_dir()]
    loose = sorted(_heard(archive) - _kept(archive, names))
    windows = dict.fromkeys(window for piece in loose for window in _windows_in(piece, rows))
    return [_folder(archive, name) for name in names], list(windows)


def _windows_in(piece: Piece, rows: Recordings) -> Iterator[Window]:
    """Windows that hear something of a piece."""
    if piece.recording in rows:
        start_s, end_s = chunk_bounds_s(piece.number, rows[piece.recording].duration_s)
        yield from windows_around(piece.recording, piece.channel, start_s, end_s, rows)


def _name(archive: Archive, whole: Sequence[Piece], rows: Recordings) -> str:
    """The same for the same sound heard by the same model: a number may have been another recording's once."""
    about = [(piece.recording, rows[piece.recording].sha256, piece.channel, piece.number) for piece in whole]
    return hashlib.sha256(repr((archive.setting("model"), about)).encode()).hexdigest()[:32]


def _write(archive: Archive, name: str, whole: Sequence[Piece], rows: Recordings) -> int:
    """Write a shard of some pieces; how many vectors it holds."""
    folder = _folder(archive, name)
    partial = folder.with_name(f".{name}.{os.getpid()}.partial")
    partial.mkdir(parents=True)
    try:
        write_summaries(partial, archive, whole, rows)
        count = write_vectors(partial, archive, whole, rows)
        if not folder.is_dir():
            _rename(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return count


def _rename(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another program was quicker, with the very same
            raise


def _record(archive: Archive, name: str, vectors: int, whole: Sequence[Piece], taken: Sequence[str]) -> None:
    rows = [{"shard": name, **piece._asdict()} for piece in whole]
    try:
        with archive.writing() as connection:
            if taken:
                connection.execute(delete(shards).where(shards.c.name.in_(taken)))
            connection.execute(insert(shards).values(name=name, vectors=vectors, pieces=len(whole)))
            connection.execute(insert(shard_pieces), rows)
    except IntegrityError:
        return  # another program has gathered the very same, or one of the recordings was forgotten meanwhile
    for one in taken:
        shutil.rmtree(_folder(archive, one), ignore_errors=True)


def _heard(archive: Archive) -> set[Piece]:
    with archive.reading() as connection:
        return {
            Piece(*row) for row in connection.execute(select(pieces.c.recording, pieces.c.channel, pieces.c.number))
        }


def _kept(archive: Archive, names: Sequence[str]) -> set[Piece]:
    """The pieces in some shards."""
    columns = (shard_pieces.c.recording, shard_pieces.c.channel, shard_pieces.c.number)
    with archive.reading() as connection:
        return {Piece(*row) for row in connection.execute(select(*columns).where(shard_pieces.c.shard.in_(names)))}


def _no_larger(archive: Archive, count: int) -> list[str]:
    """Shards to take in with so many pieces: those that are no larger than all that is taken in already."""
    with archive.reading() as connection:
        known = connection.execute(select(shards.c.name, shards.c.pieces).order_by(shards.c.pieces)).all()
    taken = []
    for name, size in known:
        if size > count:
            break
        taken.append(name)
        count += size
    return taken


def _take_apart_dead(archive: Archive) -> None:
    """Take shards apart that hold recordings that were forgotten, or whose files are gone."""
    alive = select(func.count()).where(shard_pieces.c.shard == shards.c.name).scalar_subquery()
    with archive.writing() as connection:
        known = connection.execute(select(shards.c.name, shards.c.pieces, alive)).all()
        dead = [name for name, count, left in known if left < count or not _folder(archive, name).is_dir()]
        if dead:
            connection.execute(delete(shards).where(shards.c.name.in_(dead)))
    for name in dead:
        shutil.rmtree(_folder(archive, name), ignore_errors=True)


def _remove_orphans(archive: Archive) -> None:
    """Remove what was written and never spoken of, by programs that were stopped."""
    known = set(_names(archive))
    for path in (archive.folder / "vectors").iterdir() if (archive.folder / "vectors").is_dir() else ():
        if path.name not in known and time.time() - path.stat().st_mtime > ORPHANED_S:
            shutil.rmtree(path, ignore_errors=True)


def _names(archive: Archive) -> list[str]:
    with archive.reading() as connection:
        return list(connection.execute(select(shards.c.name).order_by(shards.c.name)).scalars())


def _folder(archive: Archive, name: str) -> Path:
    return archive.folder / "vectors" / name
