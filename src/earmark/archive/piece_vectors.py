"""Vectors of short pieces of speech, from which a word's scorer ranks a whole archive in under a second.

A piece is about an eighth of a second. Its vector is the mean of its frames in the space for spoken queries
(:mod:`earmark.archive.spoken_frames`), of length 1, in 8-bit integers; silence is 0. The vectors of all chunks lie in a
few memory-mapped files in the archive's folder ``spoken``, 3 MB an hour. They can be deleted: they are made again from
the stored frames. A file is named by its content and never changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.archive.ann_index import l2_normalise
from earmark.archive.archive import Archive
from earmark.archive.rescoring import ChunkKey, Recordings
from earmark.archive.schema import timeline_of
from earmark.archive.spoken_frames import SpokenFrames
from earmark.core.files import replacing
from earmark.core.progress import progress
from earmark.localisation.spoken_queries import SpokenSpace

PIECE_S = 0.12
DIMENSION = 96  # of the space, the leading ones, which differ most between sounds
SCALE = 127.0
AT_ONCE = 8192  # vectors that are multiplied at a time: they stay in a processor's cache
MANY_FILES = 8  # more are merged into one
SAMPLE = 2000  # pieces whose mean stands for that of the archive
SEED = 0

Single = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """The pieces of some chunks, one after the other.

    Attributes
    ----------
    chunks : sequence of ChunkKey
        By recording, channel and number.
    firsts : numpy.ndarray, shape = (C + 1,)
        Row of the first piece of each chunk; the last is the number of rows.
    vectors : numpy.ndarray, shape = (n, D), int8
    silent : numpy.ndarray, shape = (n,)
        Which pieces are silent.
    """

    chunks: Sequence[ChunkKey]
    firsts: Ints
    vectors: Bytes
    silent: Bools

    @cached_property
    def numbers(self) -> dict[ChunkKey, int]:
        """Where each chunk is in the block."""
        return {chunk: i for i, chunk in enumerate(self.chunks)}

    def scores(self, template: Single) -> Single:
        """Inner product of a template (J, D) with each run of J pieces, by its first piece, shape = (n,).

        Minus infinity where a run leaves its recording, or begins and ends in silence.
        """
        total = np.zeros(len(self.vectors), np.float32)
        length = len(template)
        weights = np.ascontiguousarray(template.T / np.float32(SCALE), np.float32)
        for first in range(0, len(self.vectors), AT_ONCE):
            # With the pieces that follow, so that no run is cut.
            products = self.vectors[first : first + AT_ONCE + length - 1].astype(np.float32) @ weights
            for j in range(length):
                column = products[j : j + min(AT_ONCE, len(self.vectors) - first), j]
                total[first : first + len(column)] += column
        total[self._outside(length)] = -np.inf
        return total

    def _outside(self, length: int) -> Bools:
        """Runs that leave their recording, or hold silence at both ends."""
        outside = self.silent.copy()
        outside[: len(outside) - length + 1] &= self.silent[length - 1 :]
        for chunk, end in zip(self.chunks, self.firsts[1:].tolist(), strict=True):
            if chunk._replace(number=chunk.number + 1) not in self.numbers:
                outside[max(0, end - length + 1) : end] = True
        return outside

    def run(self, row: int, length: int) -> Single:
        """The vectors (J, D) of a run."""
        return self.vectors[row : row + length].astype(np.float32) / np.float32(SCALE)

    def rows_in(self, rows: Recordings) -> Bools:
        """Which rows are of some recordings."""
        within = np.array([chunk.recording in rows for chunk in self.chunks], np.bool_)
        return np.repeat(within, np.diff(self.firsts))


class PieceVectors:
    """The pieces of an archive; those that are not stored yet are made, and stored where that is allowed.

    Parameters
    ----------
    archive : Archive
    frames : SpokenFrames
        All its chunks, and the space.
    rows : mapping
        Its recordings, by number.
    """

    def __init__(self, archive: Archive, frames: SpokenFrames, rows: Recordings) -> None:
        self._archive, self._rows, self._space = archive, rows, frames.space
        self.frame_s = archive.spoken.frames.step_s
        self._frames = pieces_apart(self.frame_s)
        self.step_s = self._frames * self.frame_s
        self.width = min(DIMENSION, self._space.projection.shape[1])
        self._folder = frames.folder / f"pieces-{self._frames}-{self.width}"
        self.blocks = self._open(frames.chunks)

    @cached_property
    def mean_piece(self) -> Single:
        """Of the archive, shape = (D,)."""
        rng = np.random.default_rng(SEED)
        sample = []
        for block in self.blocks:
            count = min(SAMPLE, len(block.vectors))
            drawn = np.sort(rng.choice(len(block.vectors), count, replace=False))
            audible = drawn[~block.silent[drawn]]
            sample.append(block.vectors[audible].astype(np.float32) / np.float32(SCALE))
        pieces = np.concatenate(sample)
        mean: Single = pieces.mean(axis=0) if len(pieces) else np.zeros(self.width, np.float32)
        return mean

    def place(self, block: int, row: int) -> tuple[ChunkKey, float]:
        """The chunk of a piece, and where the piece begins in its recording, in seconds."""
        stored = self.blocks[block]
        number = int(np.searchsorted(stored.firsts, row, side="right")) - 1
        chunk = stored.chunks[number]
        begin_s = timeline_of(self._rows[chunk.recording]).chunk_start_s(chunk.number)
        return chunk, begin_s + (row - int(stored.firsts[number])) * self.step_s

    def rows_at(self, recording: int, channel: int, start_s: float, around: int = 0) -> Iterator[tuple[int, int]]:
        """Blocks and rows of the piece that begins at a time, and of some pieces around it."""
        if recording not in self._rows:
            return
        timeline = timeline_of(self._rows[recording])
        number = timeline.chunk_at(start_s)
        for chunk in (ChunkKey(recording, channel, number), ChunkKey(recording, channel, number - 1)):
            for i, block in enumerate(self.blocks):
                if chunk in block.numbers:
                    at = block.numbers[chunk]
                    first, end = int(block.firsts[at]), int(block.firsts[at + 1])
                    row = first + round((start_s - timeline.chunk_start_s(chunk.number)) / self.step_s)
                    yield from ((i, one) for one in range(max(first, row - around), min(end, row + around + 1)))
                    return

    def of_segment(self, recording: int, channel: int, middle_s: float, count: int) -> Single | None:
        """The pieces (count, D) about the middle of a segment; None where nothing is stored.

        They are computed from the stored frames, so they begin where the segment does and not where a piece does.
        """
        row = self._rows.get(recording)
        if row is None:
            return None
        first_s = max(0.0, middle_s - count * self.step_s / 2)
        frames = self._archive.spoken.frames.segment(
            row.sha256, timeline_of(row), channel, first_s, first_s + (count + 1) * self.step_s
        )
        return self.of_frames(frames, count) if frames.any() else None

    def of_frames(self, frames: Single, at_least: int) -> Single:
        """The pieces (n, D) of frames (t, K), with silence after them up to some number, and none beyond it."""
        missing = max(0, at_least * self._frames - len(frames))
        padded = np.concatenate([frames, np.zeros((missing, frames.shape[1]), np.float32)])
        return _pieces(self._space, padded[: at_least * self._frames], self._frames, self.width)

    def _open(self, chunks: Sequence[ChunkKey]) -> list[Block]:
        """All blocks; chunks that are in none go into a new one."""
        stored = [block for path in sorted(self._folder.glob("*.npy")) if (block := self._read(path)) is not None]
        known = {chunk for block in stored for chunk in block.chunks}
        missing = [chunk for chunk in chunks if chunk not in known]
        if not missing:
            return stored
        if len(stored) < MANY_FILES:
            return [*stored, self._add(missing)]
        merged = self._add(chunks)
        if not self._archive.is_read_only:
            name = self._name(merged)
            for path in (*self._folder.glob("*.npy"), *self._folder.glob("*.npz")):
                if path.stem != name:
                    path.unlink(missing_ok=True)
        return [merged]

    def _add(self, chunks: Iterable[ChunkKey]) -> Block:
        block = self._make(sorted(chunks))
        if not self._archive.is_read_only:
            self._write(block)
        return block

    def _make(self, chunks: Sequence[ChunkKey]) -> Block:
        parts: list[Bytes] = []
        with progress("Vectors for judging, chunks", len(chunks)) as advance:
            for chunk in chunks:
                sha256 = self._rows[chunk.recording].sha256
                frames = self._archive.spoken.frames.read(sha256, chunk.channel, chunk.number)
                pieces = _pieces(self._space, np.asarray(frames, np.float32), self._frames, self.width)
                parts.append(np.rint(pieces * SCALE).astype(np.int8))
                advance()
        firsts = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
        vectors = np.concatenate(parts)
        silent: Bools = np.logical_not(vectors.any(axis=1))
        return Block(chunks, firsts, vectors, silent)

    def _name(self, block: Block) -> str:
        about = [(*chunk, str(self._rows[chunk.recording].sha256)) for chunk in block.chunks]
        return hashlib.sha256(repr(about).encode()).hexdigest()[:32]

    def _write(self, block: Block) -> None:
        """Write a block: its vectors, and which chunks of which recordings they are."""
        path = self._folder / f"{self._name(block)}.npy"
        about = np.array([(*chunk, first) for chunk, first in zip(block.chunks, block.firsts, strict=False)], np.int64)
        hashes = "\n".join(str(self._rows[chunk.recording].sha256) for chunk in block.chunks)
        with replacing(path.with_suffix(".npz")) as partial, partial.open("wb") as file:
            np.savez(
                file,
                about=about,
                hashes=np.frombuffer(hashes.encode(), np.uint8),
                silent=np.packbits(block.silent),
            )
        with replacing(path) as partial, partial.open("wb") as file:
            np.save(file, block.vectors, allow_pickle=False)

    def _read(self, path: Path) -> Block | None:
        """A stored block; None if it is damaged, or of recordings that are no longer those."""
        try:
            vectors: Bytes = np.load(path, mmap_mode="r", allow_pickle=False)
            with np.load(path.with_suffix(".npz"), allow_pickle=False) as stored:
                about, hashes, silent = (
                    stored["about"],
                    stored["hashes"].tobytes().decode().split("\n"),
                    stored["silent"],
                )
        except (OSError, ValueError, KeyError):
            return None
        chunks = [ChunkKey(*map(int, row[:3])) for row in about]
        for chunk, sha256 in zip(chunks, hashes, strict=True):
            if chunk.recording not in self._rows or self._rows[chunk.recording].sha256 != sha256:
                return None
        firsts = np.append(about[:, 3], len(vectors))
        return Block(chunks, firsts, vectors, np.unpackbits(silent, count=len(vectors)).astype(np.bool_))


def pieces_apart(step_s: float) -> int:
    """How many frames a piece has."""
    return max(1, round(PIECE_S / step_s))


def _pieces(space: SpokenSpace, frames: Single, each: int, width: int) -> Single:
    """Unit vectors (n, D) of pieces of `each` frames (t, K); silence to zeros."""
    if not len(frames):
        return np.zeros((0, width), np.float32)
    projected = (frames - space.mean) @ space.projection[:, :width]
    projected[~frames.any(axis=1)] = 0
    sums: Single = np.add.reduceat(projected, np.arange(0, len(frames), each), axis=0)
    return l2_normalise(sums)
