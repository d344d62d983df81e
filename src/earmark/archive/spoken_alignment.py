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
from earmark.core.threads import on_all_cores
from earmark.localisation.spoken_queries import Single, align, align_with_starts, is_silent, similarities

BACKGROUND_S = 1800.0  # of the archive, from which the scale of scores is taken
PIECE_S = 30.0  # of a chunk, at least
BLOCK_S = 2.0
NEAR_S = 0.25  # how far apart the ends of the same word by two examples can be
AROUND_S = 0.3  # of a candidate, which is the best of 0.6 s: it may end so much earlier or later
MIN_BLOCKS = 20  # as many blocks stand for what is typical of other archives
TYPICAL_MEAN, TYPICAL_STD = -0.41, 0.075  # of the best alignment in two seconds
FRAMES_AT_ONCE = 8000  # so that what is computed of them stays in the processor's cache
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

    def places_in(self, chunk: ChunkKey, limit: int) -> Iterator[Place]:
        """The best places of a chunk, at most so many, apart from one another."""
        frames = np.concatenate([self._frames.span(chunk, -self._reach, 0), self._frames.read(chunk)])
        fused = self._fused(frames[None])[0, self._reach :]
        fused[is_silent(frames[self._reach :])] = -np.inf
        before = max(min(map(len, self._examples)), 2 * self._near)
        for _ in range(limit):
            best = int(fused.argmax())
            if not np.isfinite(fused[best]):
                return
            yield Place(float(fused[best]), chunk, best)
            # Alignments that end near it are of the same place; another utterance of the word ends a word later.
            fused[max(0, best - before) : best + self.apart + 1] = -np.inf

    def places_at(self, candidates: Sequence[Candidate]) -> list[Place]:
        """The best place near each candidate."""
        around = max(1, round(AROUND_S / self._frames.step_s))
        before = self._reach + self._near + around
        length = before + around + self._near + 1
        at_once = max(1, FRAMES_AT_ONCE // length)
        ordered = sorted(candidates)  # as they lie in files, which disks read faster
        batches = [ordered[first : first + at_once] for first in range(0, len(ordered), at_once)]

        def places_of(some: Sequence[Candidate]) -> list[Place]:
            frames = self._frames.spans([one.chunk for one in some], [one.frame - before for one in some], length)
            core = slice(before - around, before + around + 1)
            fused = self._fused(frames)[:, core]
            fused[is_silent(frames[:, core])] = -np.inf
            best = zip(some, fused.argmax(axis=1).tolist(), fused.max(axis=1).tolist(), strict=True)
            return [Place(z, one.chunk, one.frame - around + column) for one, column, z in best if np.isfinite(z)]

        return [place for places in on_all_cores(places_of, batches) for place in places]

    def extents_at(self, places: Sequence[Place]) -> list[Extent]:
        """The extent of the example that fits best at each of some places."""
        at_once = max(1, FRAMES_AT_ONCE // (self._reach + 2 * self._near + 1))
        batches = [places[first : first + at_once] for first in range(0, len(places), at_once)]
        return [extent for extents in on_all_cores(self._extents_of, batches) for extent in extents]

    def _extents_of(self, places: Sequence[Place]) -> list[Extent]:
        firsts = [place.frame - self._near - self._reach for place in places]
        length = self._reach + 2 * self._near + 1
        frames = self._frames.spans([place.chunk for place in places], firsts, length)
        numbers = np.arange(len(places))
        scores, starts, ends = [], [], []
        for example in self._examples:
            aligned, origins = align_with_starts(_similarities(example, frames))
            end = self._reach + aligned[:, self._reach :].argmax(axis=1)
            scores.append(aligned[numbers, end])
            starts.append(origins[numbers, end])
            ends.append(end)
        best = np.argmax(scores, axis=0)
        chosen = zip(firsts, np.array(starts)[best, numbers], np.array(ends)[best, numbers], strict=True)
        return [Extent(first + int(start), first + int(end)) for first, start, end in chosen]

    def _fused(self, frames: Single) -> Floats:
        """Fused z of each frame at which alignments end, in stretches (n, t, D + 1) of equal length: (n, t)."""
        scaled = [
            _highest_near((align(_similarities(one, frames)) - mean) / std, self._near)
            for one, (mean, std) in zip((*self._examples, *self._negatives), self._scale_of, strict=True)
        ]
        fused = np.mean(scaled[: len(self._examples)], axis=0)
        if self._negatives:
            against = np.max(scaled[len(self._examples) :], axis=0)
            fused = fused - np.maximum(0.0, against - fused) - np.maximum(0.0, against) / 2
        result: Floats = fused
        return result


def _similarities(example: Single, frames: Single) -> Single:
    """Similarities of an example (m, D + 1) with stretches (n, t, D + 1) of equal length: (m, n, t)."""
    return similarities(example, frames.reshape(-1, frames.shape[2])).reshape(-1, *frames.shape[:2])


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


def _scale(example: Single, background: Single, step_s: float) -> tuple[float, float]:
    """Mean and deviation of the best scores in stretches of two seconds, steadied where there are few."""
    block = max(1, round(BLOCK_S / step_s))

    def best_from(first: int) -> Floats:
        pieces = background[first : first + at_once]
        scores = np.where(is_silent(pieces), -np.inf, align(_similarities(example, pieces)))
        best: Floats = np.maximum.reduceat(scores, np.arange(0, scores.shape[1], block), axis=1)
        return best

    at_once = max(1, FRAMES_AT_ONCE // background.shape[1])
    best = np.concatenate(on_all_cores(best_from, range(0, len(background), at_once)))
    best = best[np.isfinite(best)]
    weight = len(best) / (len(best) + MIN_BLOCKS)
    mean = weight * (float(np.median(best)) if len(best) else 0.0) + (1 - weight) * TYPICAL_MEAN
    std = weight * (float(best.std()) if len(best) else 0.0) + (1 - weight) * TYPICAL_STD
    return mean, max(std, 1e-3)


def _background(frames: SpokenFrames) -> Single:
    """Pieces of chunks (n, t, D + 1), silent from their end on; they stay in memory for the next query."""
    chunks = [frames.chunks[i] for i in np.random.default_rng(SEED).permutation(len(frames.chunks))]
    chunks = sorted(chunks[: round(BACKGROUND_S / PIECE_S)])
    names = tuple(map(frames.name, chunks))
    if _pieces_of.get(frames.folder, ((),))[0] != names:
        length = round(max(PIECE_S, BACKGROUND_S / max(1, len(chunks))) / frames.step_s)
        while len(_pieces_of) >= REMEMBERED:
            _pieces_of.pop(next(iter(_pieces_of)))
        _pieces_of[frames.folder] = names, _padded([_middle(frames.read(chunk), length) for chunk in chunks])
    return _pieces_of[frames.folder][1]


_pieces_of: dict[Path, tuple[tuple[tuple[str, int, int], ...], Single]] = {}


def _middle(frames: Single, length: int) -> Single:
    first = max(0, (len(frames) - length) // 2)
    return frames[first : first + length].copy()


def _padded(pieces: Sequence[Single]) -> Single:
    """Stretches as one array, with silence after the shorter ones."""
    padded = np.zeros((len(pieces), max(map(len, pieces)), pieces[0].shape[1]), np.float32)
    for row, piece in zip(padded, pieces, strict=True):
        row[: len(piece)] = piece
    return padded
