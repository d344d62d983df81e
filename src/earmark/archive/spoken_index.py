"""Small vectors of an archive's projected frames, in which places for a spoken query are found without reading frames.

The vectors of a chunk are a file beside its projected frames (:mod:`earmark.archive.spoken_frames`); those of a hundred
hours are 200 MB, and stay in memory while a program runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from earmark.archive.archive import Archive
from earmark.archive.rescoring import ChunkKey
from earmark.archive.spoken_frames import SpokenFrames
from earmark.core.files import replacing
from earmark.core.progress import progress
from earmark.localisation.spoken_queries import Single
from earmark.localisation.spoken_vectors import Bytes, SmallVectors

FOLDER = "vectors"
BLOCK_S = 0.6  # of which one place at most is a candidate
OPEN_SPACES = 4

Name = tuple[str, int, int]  # of a chunk: see earmark.archive.spoken_frames.SpokenFrames.name


class Candidate(NamedTuple):
    """Where a query may end: a chunk, and about which frame of it."""

    chunk: ChunkKey
    frame: int


class SpokenIndex:
    """The small vectors of an archive.

    Parameters
    ----------
    frames : SpokenFrames
    archive : Archive
        Its owner: vectors that are missing are computed, and stored if it may be written to.
    """

    def __init__(self, frames: SpokenFrames, archive: Archive) -> None:
        self._frames, self._writes = frames, not archive.is_read_only
        self._small = SmallVectors(frames.space, frames.step_s)
        self._open = _open(frames.folder)

    def prepare(self) -> None:
        """Compute and store the vectors of all chunks, and the projected frames that they need."""
        missing = [chunk for chunk in self._frames.chunks if self._frames.name(chunk) not in self._open.vectors]
        missing = [chunk for chunk in missing if not self._load(chunk)]
        if missing:
            with progress("Preparing for spoken queries, chunks", len(missing)) as advance:
                for chunk in missing:
                    self._compute(chunk)
                    advance()

    def candidates(self, query: Single, chunks: Sequence[ChunkKey], limit: int) -> list[Candidate]:
        """The places of some chunks where a query (m, D + 1) may end, the likeliest first."""
        vectors, firsts = self._joined(chunks)
        scores = self._small.align(query, vectors)
        block = max(1, round(BLOCK_S / self._frames.step_s / self._small.size))
        padded = np.pad(scores, (0, -len(scores) % block), constant_values=-np.inf).reshape(-1, block)
        best = np.maximum.reduce(list(padded.T))  # far faster than along the short axis
        chosen = np.argpartition(-best, limit)[:limit] if len(best) > limit else np.arange(len(best))
        chosen = chosen[np.argsort(-best[chosen], kind="stable")]
        places = chosen * block + padded[chosen].argmax(axis=1)
        owners = np.searchsorted(firsts, places, side="right") - 1
        frames = (places - firsts[owners]) * self._small.size + self._small.size // 2
        return [Candidate(chunks[owner], int(frame)) for owner, frame in zip(owners, frames, strict=True)]

    def _joined(self, chunks: Sequence[ChunkKey]) -> tuple[Bytes, npt.NDArray[np.int64]]:
        """The vectors of some chunks after one another, and the first of each."""
        names = tuple(map(self._frames.name, chunks))
        if self._open.joined is None or self._open.joined[0] != names:
            parts = [self._open.vectors[name] for name in names]
            firsts = np.cumsum([0, *map(len, parts)])[:-1]
            joined = np.concatenate(parts)
            # Views of what is joined, so that nothing is in memory twice.
            self._open.vectors.update(zip(names, np.split(joined, firsts[1:]), strict=True))
            self._open.joined = names, joined, firsts
        return self._open.joined[1:]

    def _load(self, chunk: ChunkKey) -> bool:
        try:
            vectors = np.load(self._path(chunk), allow_pickle=False)
        except (OSError, ValueError):  # not yet, or half a file
            return False
        self._open.vectors[self._frames.name(chunk)] = vectors
        return True

    def _compute(self, chunk: ChunkKey) -> None:
        vectors = self._small.of(self._frames.read(chunk))
        self._open.vectors[self._frames.name(chunk)] = vectors
        if self._writes:
            with replacing(self._path(chunk)) as partial, partial.open("wb") as file:
                np.save(file, vectors, allow_pickle=False)

    def _path(self, chunk: ChunkKey) -> Path:
        sha256, channel, number = self._frames.name(chunk)
        return self._frames.folder / FOLDER / sha256[:2] / sha256 / f"{channel}-{number}.npy"


class _Open:
    """What stays in memory of the vectors of one space."""

    def __init__(self) -> None:
        self.vectors: dict[Name, Bytes] = {}
        self.joined: tuple[tuple[Name, ...], Bytes, npt.NDArray[np.int64]] | None = None


@lru_cache(maxsize=OPEN_SPACES)
def _open(folder: Path) -> _Open:
    return _Open()
