"""Alignment of spoken examples with an archive's projected frames, on the scale of the archive.

z is how many standard deviations a score is above the mean of what the example reaches in stretches of two seconds, in
half an hour of the archive. Examples of one query are fused by the mean of their z within a quarter of a second;
negative examples, of what is not meant, lower it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from earmark.archive.rescoring import ChunkKey
from earmark.archive.spoken_frames import SpokenFrames
from earmark.archive.spoken_index import Candidate
from earmark.localisation.spoken_queries import Single, align, similarities, start_of

BACKGROUND_S = 1800.0  # of the archive, from which the scale of scores is taken
PIECE_S = 30.0  # of a chunk, at least
BLOCK_S = 2.0
NEAR_S = 0.25  # how far apart the ends of the same word by two examples can be
AROUND_S = 0.25  # of a candidate: it may end so much earlier or later
PER_CHUNK = 30  # places of a query in a chunk, at most
MIN_BLOCKS = 20  # as many blocks stand for what is typical of other archives
TYPICAL_MEAN, TYPICAL_STD = -0.15, 0.12  # of the best alignment in two seconds
FRAMES_AT_ONCE = 40_000
SEED = 0
REMEMBERED = 4  # archives

Floats = npt.NDArray[np.float32]


class Place(NamedTuple):
    """Where a query may end: its z, the chunk, and the frame there."""

    z: float
    chunk: ChunkKey
    frame: int


class Extent(NamedTuple):
    """First and last frame of an alignment, counted from the start of a chunk."""

    first: int
    last: int


class SpokenExamples:
    """The examples of one query, and those of what is not meant.

    Parameters
    ----------
    examples, negatives : sequence of numpy.ndarray, each of shape = (m, D + 1)
        Projected frames.
    frames : SpokenFrames
        Of the archive that is searched.
    """

    def __init__(self, examples: Sequence[Single], negatives: Sequence[Single], frames: SpokenFrames) -> None:
        self._examples, self._negatives, self._frames = examples, negatives, frames
        self._near = max(1, round(NEAR_S / frames.step_s))
        self._reach = 2 * (max(map(len, (*examples, *negatives))) - 1)  # of an alignment, before its end
        background = _background(frames)
        self._scale_of = [_scale(example, background, frames.step_s) for example in (*examples, *negatives)]

    @property
    def apart(self) -> int:
        """Frames between the ends of two places: nearer ones are of the same utterance of the word."""
        return max(max(map(len, self._examples)) // 2, 2 * self._near)

    def places_in(self, chunk: ChunkKey) -> Iterator[Place]:
        """The best places of a chunk, apart from one another."""
        frames = self._frames.span(chunk, -self._reach, len(self._frames.read(chunk)))
        fused = self._fused(frames[None])[0, self._reach :]
        fused[~frames[self._reach :].any(axis=1)] = -np.inf
        before = max(min(map(len, self._examples)), 2 * self._near)
        for _ in range(PER_CHUNK):
            best = int(fused.argmax())
            if not np.isfinite(fused[best]):
                return
            yield Place(float(fused[best]), chunk, best)
            # Alignments that end near it are of the same place; another utterance of the word ends a word later.
            fused[max(0, best - before) : best + self.apart + 1] = -np.inf

    def places_at(self, candidates: Sequence[Candidate]) -> Iterator[Place]:
        """The best place near each candidate."""
        around = max(1, round(AROUND_S / self._frames.step_s))
        before = self._reach + self._near + around
        length = before + around + self._near + 1
        at_once = max(1, FRAMES_AT_ONCE // length)
        for start in range(0, len(candidates), at_once):
            some = candidates[start : start + at_once]
            frames = np.stack(
                [self._frames.span(one.chunk, one.frame - before, one.frame - before + length) for one in some]
            )
            core = slice(before - around, before + around + 1)
            fused = self._fused(frames)[:, core]
            fused[~frames[:, core].any(axis=2)] = -np.inf
            best = fused.argmax(axis=1)
            for one, column, z in zip(some, best.tolist(), fused.max(axis=1).tolist(), strict=True):
                if np.isfinite(z):
                    yield Place(z, one.chunk, one.frame - around + column)

    def extent_at(self, place: Place) -> Extent:
        """The extent of the example that fits best where a place is."""
        first = place.frame - self._near - self._reach
        frames = self._frames.span(place.chunk, first, place.frame + self._near + 1)
        aligned = [similarities(example, frames) for example in self._examples]
        ends = [self._reach + int(align(one)[self._reach :].argmax()) for one in aligned]
        scores = [float(align(one)[end]) for one, end in zip(aligned, ends, strict=True)]
        best = int(np.argmax(scores))
        return Extent(first + start_of(aligned[best], ends[best]), first + ends[best])

    def _fused(self, frames: Single) -> Floats:
        """Fused z of each frame at which alignments end, in stretches (n, t, D + 1) of equal length: (n, t)."""
        flat = frames.reshape(-1, frames.shape[2])
        scaled = [
            _highest_near(((align(similarities(one, flat)) - mean) / std).reshape(frames.shape[:2]), self._near)
            for one, (mean, std) in zip((*self._examples, *self._negatives), self._scale_of, strict=True)
        ]
        fused = np.mean(scaled[: len(self._examples)], axis=0)
        if self._negatives:
            against = np.max(scaled[len(self._examples) :], axis=0)
            fused = fused - np.maximum(0.0, against - fused) - np.maximum(0.0, against) / 2
        result: Floats = fused
        return result


def apart(places: Sequence[Place], distance: int) -> list[Place]:
    """The best places, by falling z, of those that are nearer than `distance` frames to each other in a chunk."""
    taken: dict[ChunkKey, list[int]] = {}
    left = []
    for place in sorted(places, reverse=True):
        others = taken.setdefault(place.chunk, [])
        if all(abs(place.frame - other) >= distance for other in others):
            others.append(place.frame)
            left.append(place)
    return left


def _highest_near(values: Floats, near: int) -> Floats:
    """At each place the highest value within `near` places: (n, t) to (n, t)."""
    highest = np.pad(values, ((0, 0), (near, near)), constant_values=-np.inf)
    for by in _doubling(near):
        wider = highest.copy()
        wider[:, by:] = np.maximum(wider[:, by:], highest[:, :-by])
        wider[:, :-by] = np.maximum(wider[:, :-by], highest[:, by:])
        highest = wider
    return highest[:, near:-near]


def _doubling(near: int) -> Iterator[int]:
    """Steps whose sum is `near`, each at most one more than twice the sum of those before: no place is missed."""
    reached = 0
    while reached < near:
        step = min(2 * reached + 1, near - reached)
        reached += step
        yield step


def _scale(example: Single, background: tuple[Single, ...], step_s: float) -> tuple[float, float]:
    """Mean and deviation of the best scores in stretches of two seconds, steadied where there are few."""
    block = max(1, round(BLOCK_S / step_s))
    blocks = [np.zeros(0, np.float32)]
    for piece in background:
        audible = np.where(piece.any(axis=1), align(similarities(example, piece)), -np.inf)
        blocks.append(np.maximum.reduceat(audible, np.arange(0, len(audible), block)))
    best = np.concatenate(blocks)
    best = best[np.isfinite(best)]
    weight = len(best) / (len(best) + MIN_BLOCKS)
    mean = weight * (float(np.median(best)) if len(best) else 0.0) + (1 - weight) * TYPICAL_MEAN
    std = weight * (float(best.std()) if len(best) else 0.0) + (1 - weight) * TYPICAL_STD
    return mean, max(std, 1e-3)


def _background(frames: SpokenFrames) -> tuple[Single, ...]:
    """Pieces of chunks, which stay in memory for the next query."""
    chunks = [frames.chunks[i] for i in np.random.default_rng(SEED).permutation(len(frames.chunks))]
    chunks = sorted(chunks[: round(BACKGROUND_S / PIECE_S)])
    names = tuple(map(frames.name, chunks))
    if _pieces_of.get(frames.folder, ((),))[0] != names:
        length = round(max(PIECE_S, BACKGROUND_S / max(1, len(chunks))) / frames.step_s)
        while len(_pieces_of) >= REMEMBERED:
            _pieces_of.pop(next(iter(_pieces_of)))
        _pieces_of[frames.folder] = names, tuple(_middle(frames.read(chunk), length) for chunk in chunks)
    return _pieces_of[frames.folder][1]


_pieces_of: dict[Path, tuple[tuple[tuple[str, int, int], ...], tuple[Single, ...]]] = {}


def _middle(frames: Single, length: int) -> Single:
    first = max(0, (len(frames) - length) // 2)
    return frames[first : first + length].copy()
