"""Approximate nearest-neighbour index of frames: L2-normalised vectors in usearch's memory-mapped graphs.

A vector is the mean of neighbouring frames, about five a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from earmark.archive.archive import Archive
from earmark.archive.frame_store import Half, Single
from earmark.archive.rescoring import ChunkKey, Recordings, Window, windows_around
from earmark.archive.schema import timeline_of
from earmark.core.progress import progress

VECTORS = "vectors.usearch"
APART_S = 0.2  # between two vectors, as nearly as a whole number of frames allows
NEIGHBOURS = 16  # in the graph, a vector
EXPANSION = 32  # of the search while the graph grows; more finds better neighbours, and takes longer
OPEN_SHARDS = 64  # their files never change
CHANNEL_BITS, CHUNK_BITS, NUMBER_BITS = 6, 16, 12  # of a key; the rest is the recording's number

Keys = npt.NDArray[np.uint64]


def write_vectors(folder: Path, archive: Archive, chunks: Sequence[ChunkKey], rows: Recordings) -> int:
    """Write the vectors of some chunks into a folder; their number."""
    index: Any = None
    with progress("Vectors of frames, chunks", len(chunks)) as advance:
        for chunk in chunks:
            frames = archive.frames.read(rows[chunk.recording].sha256, chunk.channel, chunk.number)
            vectors = pooled(frames, archive.frames.step_s)
            if index is None:
                index = _new(vectors.shape[1])
            audible = np.flatnonzero(vectors.any(axis=1))
            if len(audible):
                index.add(_keys(chunk, audible), vectors[audible])
            advance()
    index.save(folder / VECTORS)
    return len(index)


def nearest_windows(
    folders: Sequence[Path], directions: Single, rows: Recordings, step_s: float, limit: int
) -> list[Window]:
    """Windows of some recordings that hold the frames nearest to some directions.

    Parameters
    ----------
    folders : sequence of Path
        Shards.
    directions : numpy.ndarray, shape = (n, K)
        Query vectors; each has its own ranking, and these are interleaved.
    rows : mapping
        Of :func:`earmark.archive.rescoring.matching_recordings`.
    step_s : float
        Between two frames.
    limit : int
        The number of windows, apart from those of the last vector.
    """
    indices = [index for folder in folders if len(index := _open(folder))]
    longest = max(map(len, indices), default=0)
    count = min(limit, longest)
    while True:  # the nearest may be in recordings that are not searched
        found: dict[Window, None] = {}
        for key in _nearest(indices, directions, count):
            found |= dict.fromkeys(_windows_at(key, step_s, rows))
            if len(found) >= limit:
                return list(found)
        if count >= longest:
            return list(found)
        count = min(4 * count, longest)


def pooled(frames: Half | Single, step_s: float) -> Single:
    """Means of neighbouring frames: (T', K) to (about one in 0.2 s, K), of length 1; silence stays 0."""
    starts = np.arange(0, len(frames), frames_apart(step_s))
    if not len(starts):
        return np.zeros((0, frames.shape[1]), np.float32)
    sums: Single = np.add.reduceat(frames.astype(np.float32), starts, axis=0)
    return l2_normalise(sums)


def frames_apart(step_s: float) -> int:
    """How many frames a vector is the mean of."""
    return max(1, round(APART_S / step_s))


def _nearest(indices: Sequence[Any], directions: Single, count: int) -> Iterator[int]:
    """Keys of the vectors nearest to the directions: first the nearest of each, then the second nearest, and so on."""
    keys, distances = [], []
    for index in indices:
        matches = index.search(directions, min(count, len(index)))
        keys.append(np.asarray(matches.keys).reshape(len(directions), -1))
        distances.append(np.asarray(matches.distances).reshape(len(directions), -1))
    if keys:
        nearest = np.argsort(np.concatenate(distances, axis=1), axis=1, kind="stable")
        interleaved = np.take_along_axis(np.concatenate(keys, axis=1), nearest, axis=1).T.ravel()
        yield from dict.fromkeys(interleaved.tolist())


def _new(width: int) -> Any:
    from usearch.index import Index

    return Index(ndim=width, metric="cos", dtype="i8", connectivity=NEIGHBOURS, expansion_add=EXPANSION)


@lru_cache(maxsize=OPEN_SHARDS)
def _open(folder: Path) -> Any:
    from usearch.index import Index

    return Index.restore(folder / VECTORS, view=True)


def _keys(chunk: ChunkKey, numbers: npt.NDArray[np.int64]) -> Keys:
    """Keys of vectors of a chunk."""
    channel = (chunk.recording << CHANNEL_BITS) + chunk.channel
    return ((((channel << CHUNK_BITS) + chunk.number) << NUMBER_BITS) + numbers).astype(np.uint64)


def _windows_at(key: int, step_s: float, rows: Recordings) -> Iterator[Window]:
    """The windows around a vector."""
    place, number = divmod(key, 1 << NUMBER_BITS)
    channel, chunk = divmod(place, 1 << CHUNK_BITS)
    recording, channel = divmod(channel, 1 << CHANNEL_BITS)
    if recording in rows:
        apart_s = frames_apart(step_s) * step_s
        start_s = timeline_of(rows[recording]).chunk_start_s(chunk) + number * apart_s
        yield from windows_around(recording, channel, start_s, start_s + apart_s, rows)


Vectors = TypeVar("Vectors", npt.NDArray[np.float32], npt.NDArray[np.float64])


def l2_normalise(vectors: Vectors) -> Vectors:
    """The same vectors (n, K), each of length 1; one of zeros, as silence has, stays so."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    normalised: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return normalised
