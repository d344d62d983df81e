"""Small vectors of speech against slow and obvious versions."""

from __future__ import annotations

import numpy as np
import pytest

from earmark.localisation import spoken_vectors
from earmark.localisation.spoken_queries import SpokenSpace
from earmark.localisation.spoken_vectors import SmallVectors, pooled

WIDTH = 80


def space_and_frames(count: int, seed: int) -> tuple[SpokenSpace, np.ndarray]:
    rng = np.random.default_rng(seed)
    background = rng.standard_normal((300, WIDTH)).astype(np.float32)
    background /= np.linalg.norm(background, axis=1, keepdims=True)
    identity = np.eye(WIDTH, dtype=np.float32)
    space = SpokenSpace(np.zeros(WIDTH, np.float32), identity, background)
    return space, space.project(rng.standard_normal((count, WIDTH)).astype(np.float32))


def test_groups_are_averaged() -> None:
    frames = np.arange(14, dtype=np.float32).reshape(7, 2)
    assert pooled(frames, 3).tolist() == [[2, 3], [8, 9], [12, 13]]
    assert pooled(frames[:0], 3).shape == (0, 2)


def test_alignment_is_that_of_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spoken_vectors, "AT_ONCE", 17)  # so that alignments cross blocks
    space, frames = space_and_frames(240, 0)
    small = SmallVectors(space, 0.03)
    assert small.size == 4
    query = frames[:14]
    weights = np.maximum(0.05, 0.9 - query[:, -1])
    weights /= weights.mean()
    means = pooled(frames, 4)
    similarity = np.zeros((4, 60))  # a quarter of the sum of what the frames of a group have with each mean
    for group, mean in np.ndindex(4, 60):
        of_frames = [
            weight * (q[:64] @ means[mean, :64] - q[-1] - means[mean, -1])
            for q, weight in zip(query[4 * group : 4 * group + 4], weights[4 * group : 4 * group + 4], strict=True)
        ]
        similarity[group, mean] = np.sum(of_frames) / 4

    def slow(row: int, column: int) -> float:
        if column < 0:
            return -np.inf
        before = max(slow(row - 1, column - by) for by in range(3)) if row else 0.0
        return similarity[row, column] + before

    expected = [slow(3, column) / 4 for column in range(60)]
    assert small.align(query, small.of(frames)) == pytest.approx(expected, abs=0.03)  # bytes are coarse


def test_silence_is_like_nothing() -> None:
    space, frames = space_and_frames(40, 1)
    frames[16:24] = 0
    small = SmallVectors(space, 0.03)
    scores = small.align(frames[:4], small.of(frames))
    weights = np.maximum(0.05, 0.9 - frames[:4, -1])
    assert scores[[4, 5]] == pytest.approx(-2 - (weights @ frames[:4, -1]) / weights.sum(), abs=0.02)
    assert scores[0] == max(scores)
