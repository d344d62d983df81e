"""Shards: indices of windows, so that a search need not read the frames of the chunks archive.

A shard is a folder of files that never change. It holds the window summaries of some chunks
(:mod:`earmark.archive.window_summaries`) and vectors of their frames (:mod:`earmark.archive.ann_index`). Chunks that
were indexed since the last shard was built go into a new one, into which shards that are no larger are merged, so that
there are few. Chunks that are in no shard yet are searched exhaustively, so that nothing is missed meanwhile.
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
from earmark.archive.rescoring import ChunkKey, Recordings, Window, matching_recordings, windows_around
from earmark.archive.schema import chunks as chunk_table
from earmark.archive.schema import shard_chunks, shards, timeline_of
from earmark.archive.window_summaries import write_summaries

ORPHANED_S = 3600.0  # a folder that no row refers to may be another program's, just written


def build_shard(archive: Archive) -> None:
    """Compact all chunks that are in no shard yet into a new shard.

    It may be stopped at any time, and run by two programs at once: a shard is complete, or there is none.
    """
    _drop_stale(archive)
    loose = _indexed_chunks(archive) - _chunks_in(archive, _names(archive))
    if loose:
        merged = _no_larger(archive, len(loose))
        rows = matching_recordings(archive, [])  # read after the chunks: another program may register recordings
        chunks = sorted(chunk for chunk in loose | _chunks_in(archive, merged) if chunk.recording in rows)
        name = _name(archive, chunks, rows)
        count = _write(archive, name, chunks, rows)
        _record(archive, name, count, chunks, merged)
    _remove_orphans(archive)


def lookup(archive: Archive, rows: Recordings) -> tuple[list[Path], list[Window]]:
    """The shards, and the windows of some recordings that are in none of them."""
    # Shards first: chunks that another program merges meanwhile are then searched exhaustively, and not missed.
    names = [name for name in _names(archive) if _folder(archive, name).is_dir()]
    loose = sorted(_indexed_chunks(archive) - _chunks_in(archive, names))
    windows = dict.fromkeys(window for chunk in loose for window in _windows_in(chunk, rows))
    return [_folder(archive, name) for name in names], list(windows)


def _windows_in(chunk: ChunkKey, rows: Recordings) -> Iterator[Window]:
    """Windows that overlap a chunk."""
    if chunk.recording in rows:
        start_s, end_s = timeline_of(rows[chunk.recording]).chunk_bounds_s(chunk.number)
        yield from windows_around(chunk.recording, chunk.channel, start_s, end_s, rows)


def _name(archive: Archive, chunks: Sequence[ChunkKey], rows: Recordings) -> str:
    """A name that depends on sound and model alone: a recording's number may have been another's once."""
    about = [(chunk.recording, rows[chunk.recording].sha256, chunk.channel, chunk.number) for chunk in chunks]
    return hashlib.sha256(repr((archive.encoding.identity, about)).encode()).hexdigest()[:32]


def _write(archive: Archive, name: str, chunks: Sequence[ChunkKey], rows: Recordings) -> int:
    """Write a shard of some chunks; the number of vectors in it."""
    folder = _folder(archive, name)
    partial = folder.with_name(f".{name}.{os.getpid()}.partial")
    partial.mkdir(parents=True)
    try:
        write_summaries(partial, archive, chunks, rows)
        count = write_vectors(partial, archive, chunks, rows)
        if not folder.is_dir():
            _rename(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return count


def _rename(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another program was faster, with the same shard
            raise


def _record(archive: Archive, name: str, vectors: int, chunks: Sequence[ChunkKey], merged: Sequence[str]) -> None:
    rows = [{"shard": name, **chunk._asdict()} for chunk in chunks]
    try:
        with archive.writing() as connection:
            if merged:
                connection.execute(delete(shards).where(shards.c.name.in_(merged)))
            connection.execute(insert(shards).values(name=name, vectors=vectors, chunks=len(chunks)))
            connection.execute(insert(shard_chunks), rows)
    except IntegrityError:
        return  # another program has recorded the same shard, or one of the recordings was forgotten meanwhile
    for one in merged:
        shutil.rmtree(_folder(archive, one), ignore_errors=True)


def _indexed_chunks(archive: Archive) -> set[ChunkKey]:
    with archive.reading() as connection:
        return {
            ChunkKey(*row)
            for row in connection.execute(select(chunk_table.c.recording, chunk_table.c.channel, chunk_table.c.number))
        }


def _chunks_in(archive: Archive, names: Sequence[str]) -> set[ChunkKey]:
    """The chunks in some shards."""
    columns = (shard_chunks.c.recording, shard_chunks.c.channel, shard_chunks.c.number)
    with archive.reading() as connection:
        return {ChunkKey(*row) for row in connection.execute(select(*columns).where(shard_chunks.c.shard.in_(names)))}


def _no_larger(archive: Archive, count: int) -> list[str]:
    """Shards to merge with so many chunks: those no larger than all that is merged already."""
    with archive.reading() as connection:
        known = connection.execute(select(shards.c.name, shards.c.chunks).order_by(shards.c.chunks)).all()
    merged = []
    for name, size in known:
        if size > count:
            break
        merged.append(name)
        count += size
    return merged


def _drop_stale(archive: Archive) -> None:
    """Delete shards of recordings that were forgotten, and those whose files are gone; their other chunks are loose."""
    remaining = select(func.count()).where(shard_chunks.c.shard == shards.c.name).scalar_subquery()
    with archive.writing() as connection:
        known = connection.execute(select(shards.c.name, shards.c.chunks, remaining)).all()
        stale = [name for name, count, left in known if left < count or not _folder(archive, name).is_dir()]
        if stale:
            connection.execute(delete(shards).where(shards.c.name.in_(stale)))
    for name in stale:
        shutil.rmtree(_folder(archive, name), ignore_errors=True)


def _remove_orphans(archive: Archive) -> None:
    """Remove folders that interrupted programs wrote and no row refers to."""
    known = set(_names(archive))
    for path in (archive.folder / "vectors").iterdir() if (archive.folder / "vectors").is_dir() else ():
        if path.name not in known and time.time() - path.stat().st_mtime > ORPHANED_S:
            shutil.rmtree(path, ignore_errors=True)


def _names(archive: Archive) -> list[str]:
    with archive.reading() as connection:
        return list(connection.execute(select(shards.c.name).order_by(shards.c.name)).scalars())


def _folder(archive: Archive, name: str) -> Path:
    return archive.folder / "vectors" / name
