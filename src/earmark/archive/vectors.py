"""Looking up which windows hold a frame near to something: vectors in usearch's graphs, memory-mapped.

A vector is the mean of neighbouring frames, about five a second. Vectors lie in *shards*, each a file that never
changes: what was heard since the last one becomes a new shard, which takes in those that are no larger, so that there
are few. Pieces that are in no shard yet are offered whole, so that nothing is missed while an archive is indexed.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from earmark.archive.archive import Archive
from earmark.archive.frames import Half, Single
from earmark.archive.scoring import Recordings, Window
from earmark.archive.tables import pieces, recordings, shard_pieces, shards
from earmark.archive.windows import HOP_S, WINDOW_S, begin_s, bounds_s, count_windows
from earmark.files import replacing
from earmark.progress import progress

APART_S = 0.2  # between two vectors, as nearly as whole frames allow
NEIGHBOURS = 16  # in the graph, a vector
ORPHANED_S = 3600.0  # a file that no row speaks of may be another program's, just written
POSITION_BITS, CHANNEL_BITS = 28, 6  # of a key; the rest is the recording's number

Keys = npt.NDArray[np.uint64]


class Piece(NamedTuple):
    """A piece that was heard, of the table of pieces."""

    recording: int
    channel: int
    number: int


def gather(archive: Archive) -> None:
    """Bring the vectors of all pieces that are in no shard yet into one.

    It may be stopped at any moment, and run by two programs at once: a shard is a file that is whole, or it is none.
    """
    _forget_dead(archive)
    loose = _loose(archive)
    if loose:
        taken = _no_larger(archive, len(loose))
        whole = sorted(loose | {piece for name in taken for piece in _pieces_in(archive, name)})
        _record(archive, _build(archive, whole), whole, taken)
    _remove_orphans(archive)


def candidates(archive: Archive, directions: Single, rows: Recordings, most: int) -> list[Window]:
    """Windows that hold the frames nearest to some directions, and those of pieces that are in no shard yet.

    Parameters
    ----------
    archive : Archive
    directions : numpy.ndarray, shape = (n, K)
        What to look for, each for itself.
    rows : mapping
        Of :func:`earmark.archive.scoring.searched`.
    most : int
        Windows from the shards, at most; the directions take turns.
    """
    loose = dict.fromkeys(window for piece in sorted(_loose(archive)) for window in _windows_in(piece, rows))
    found: dict[Window, None] = {}
    for key in _nearest(archive, directions, most):
        found |= dict.fromkeys(_windows_at(key, archive.frames.step_s, rows))
        if len(found) >= most:
            break
    return list(loose | found)


def pooled(frames: Half, step_s: float) -> Single:
    """Means of neighbouring frames: (T', K) to (about one in 0.2 s, K), of length 1; silence stays 0."""
    starts = np.arange(0, len(frames), frames_apart(step_s))
    if not len(starts):
        return np.zeros((0, frames.shape[1]), np.float32)
    sums = np.add.reduceat(frames.astype(np.float32), starts, axis=0)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    directed: Single = np.divide(sums, lengths, out=np.zeros_like(sums), where=lengths > 0)
    return directed


def frames_apart(step_s: float) -> int:
    """How many frames a vector is the mean of."""
    return max(1, round(APART_S / step_s))


def _nearest(archive: Archive, directions: Single, count: int) -> Iterator[int]:
    """Keys of the vectors nearest to the directions: first the nearest of each, then the second nearest, and so on."""
    keys, distances = [], []
    for path in _files(archive):
        index = _open(path)
        if len(index):
            matches = index.search(directions, min(count, len(index)))
            keys.append(np.asarray(matches.keys).reshape(len(directions), -1))
            distances.append(np.asarray(matches.distances).reshape(len(directions), -1))
    if keys:
        nearest = np.argsort(np.concatenate(distances, axis=1), axis=1, kind="stable")
        in_turns = np.take_along_axis(np.concatenate(keys, axis=1), nearest, axis=1).T.ravel()
        yield from dict.fromkeys(in_turns.tolist())


def _build(archive: Archive, whole: Sequence[Piece]) -> tuple[str, int]:
    """Write a shard of some pieces; its name, and how many vectors it holds."""
    from usearch.index import Index

    name = hashlib.sha256(repr([tuple(piece) for piece in whole]).encode()).hexdigest()[:32] + ".usearch"
    with archive.reading() as connection:
        hashes = {row.id: row.sha256 for row in connection.execute(select(recordings.c.id, recordings.c.sha256))}
    index: Any = None
    with progress("Gathering vectors, pieces", len(whole)) as advance:
        for piece in whole:
            frames = archive.frames.read(hashes[piece.recording], piece.channel, piece.number)
            vectors = pooled(frames, archive.frames.step_s)
            if index is None:
                index = Index(ndim=vectors.shape[1], metric="cos", dtype="f16", connectivity=NEIGHBOURS)
            speaking = np.flatnonzero(vectors.any(axis=1))
            if len(speaking):
                index.add(_keys(piece, speaking, archive.frames.step_s), vectors[speaking])
            advance()
    with replacing(archive.folder / "vectors" / name) as partial:
        index.save(partial)
    return name, len(index)


def _record(archive: Archive, built: tuple[str, int], whole: Sequence[Piece], taken: Sequence[str]) -> None:
    name, count = built
    rows = [{"shard": name, **piece._asdict()} for piece in whole]
    try:
        with archive.writing() as connection:
            if taken:
                connection.execute(delete(shards).where(shards.c.name.in_(taken)))
            connection.execute(insert(shards).values(name=name, vectors=count, pieces=len(whole)))
            connection.execute(insert(shard_pieces), rows)
    except IntegrityError:
        pass  # another program has gathered the very same, or one of the recordings was forgotten meanwhile


def _loose(archive: Archive) -> set[Piece]:
    """Pieces that are in no shard."""
    heard = select(pieces.c.recording, pieces.c.channel, pieces.c.number)
    kept = select(shard_pieces.c.recording, shard_pieces.c.channel, shard_pieces.c.number)
    with archive.reading() as connection:
        return {Piece(*row) for row in connection.execute(heard.except_(kept))}


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


def _pieces_in(archive: Archive, name: str) -> list[Piece]:
    asked = select(shard_pieces.c.recording, shard_pieces.c.channel, shard_pieces.c.number)
    with archive.reading() as connection:
        return [Piece(*row) for row in connection.execute(asked.where(shard_pieces.c.shard == name))]


def _forget_dead(archive: Archive) -> None:
    """Take shards apart that hold vectors of recordings that were forgotten, or whose file is gone."""
    alive = select(func.count()).where(shard_pieces.c.shard == shards.c.name).scalar_subquery()
    with archive.writing() as connection:
        known = connection.execute(select(shards.c.name, shards.c.pieces, alive)).all()
        files = {name: archive.folder / "vectors" / name for name, _, _ in known}
        dead = [name for name, count, left in known if left < count or not files[name].is_file()]
        if dead:
            connection.execute(delete(shards).where(shards.c.name.in_(dead)))
    for name in dead:
        files[name].unlink(missing_ok=True)


def _remove_orphans(archive: Archive) -> None:
    known = set(_names(archive))
    for path in (archive.folder / "vectors").glob("*.usearch"):
        if path.name not in known and time.time() - path.stat().st_mtime > ORPHANED_S:
            path.unlink(missing_ok=True)


def _names(archive: Archive) -> list[str]:
    with archive.reading() as connection:
        return list(connection.execute(select(shards.c.name).order_by(shards.c.name)).scalars())


def _files(archive: Archive) -> Iterator[Path]:
    for name in _names(archive):
        path = archive.folder / "vectors" / name
        if path.is_file():  # else another program has just taken it in
            yield path


def _open(path: Path) -> Any:
    from usearch.index import Index

    return Index.restore(path, view=True)


def _keys(piece: Piece, numbers: npt.NDArray[np.int64], step_s: float) -> Keys:
    """Keys of vectors of a piece: the recording, the channel, and the place in the recording."""
    channel = (piece.recording << CHANNEL_BITS) + piece.channel
    first = int(begin_s(piece.number) / (frames_apart(step_s) * step_s))
    return ((channel << POSITION_BITS) + first + numbers).astype(np.uint64)


def _windows_at(key: int, step_s: float, rows: Recordings) -> Iterator[Window]:
    """The windows around a vector; one too many where vectors of two pieces do not line up."""
    channel, position = divmod(key, 1 << POSITION_BITS)
    recording, channel = divmod(channel, 1 << CHANNEL_BITS)
    apart_s = frames_apart(step_s) * step_s
    if recording in rows:
        yield from _windows_around(recording, channel, position * apart_s, (position + 2) * apart_s, rows)


def _windows_in(piece: Piece, rows: Recordings) -> Iterator[Window]:
    if piece.recording in rows:
        start_s, end_s = bounds_s(piece.number, rows[piece.recording].duration_s)
        yield from _windows_around(piece.recording, piece.channel, start_s, end_s, rows)


def _windows_around(recording: int, channel: int, start_s: float, end_s: float, rows: Recordings) -> Iterator[Window]:
    """Windows that share time with a stretch."""
    first = max(0, int((start_s - WINDOW_S) // HOP_S) + 1)
    last = min(int(end_s // HOP_S), count_windows(rows[recording].duration_s) - 1)
    for number in range(min(first, last), last + 1):
        yield Window(recording, channel, number)
