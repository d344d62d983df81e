"""Spoken queries, against the slow and obvious."""

from __future__ import annotations

import numpy as np
import pytest

from earmark.localisation.spoken_queries import (
    NEAREST,
    SpokenSpace,
    align,
    align_with_starts,
    is_silent,
    learn_space,
    similarities,
)


def slow_alignment(similarity: np.ndarray, end: int) -> tuple[float, int]:
    """Best mean similarity of a path that ends at `end`, and where it starts, by trying every path."""
    best: tuple[float, int] = (-np.inf, -1)
    paths = [(end,)]
    for _ in range(len(similarity) - 1):
        paths = [(path[0] - step, *path) for path in paths for step in (0, 1, 2) if path[0] - step >= 0]
    for path in paths:
        total = sum(float(similarity[i, frame]) for i, frame in enumerate(path))
        best = max(best, (total / len(similarity), path[0]), key=lambda one: one[0])
    return best


@pytest.mark.parametrize("seed", range(20))
def test_an_alignment_is_the_best_of_all_paths(seed: int) -> None:
    rng = np.random.default_rng(seed)
    similarity = rng.standard_normal((int(rng.integers(1, 6)), int(rng.integers(1, 12)))).astype(np.float32)
    scores, starts = align_with_starts(similarity)
    assert np.array_equal(scores, align(similarity))
    for end in range(similarity.shape[1]):
        expected, start = slow_alignment(similarity, end)
        assert scores[end] == pytest.approx(expected, abs=1e-5)
        assert starts[end] == start


def test_an_alignment_worked_out_by_hand() -> None:
    # Two frames of a query meet frames 1 and 3: one step of two.
    similarity = np.array([[0, 1, 0, 0], [0, 0, 0, 1]], np.float32)
    assert align(similarity).tolist() == [0.0, 0.5, 0.5, 1.0]
    assert align_with_starts(similarity)[1].tolist() == [0, 1, 1, 1]


def test_several_stretches_are_aligned_at_once_as_one_by_one() -> None:
    stretches = np.random.default_rng(0).integers(-3, 4, (6, 5, 30)).astype(np.float32)  # with many ties
    scores, starts = align_with_starts(stretches)
    assert np.array_equal(scores, align(stretches))
    for i in range(5):
        alone = align_with_starts(stretches[:, i])
        assert np.array_equal(scores[i], alone[0])
        assert np.array_equal(starts[i], alone[1])


def test_silence_is_frames_of_zeros() -> None:
    frames = np.zeros((2, 4, 3), np.float32)
    frames[0, 1] = 0.5
    frames[1, 2, 0] = 0.5  # is like nothing at large, but no silence
    assert is_silent(frames).tolist() == [[True, False, True, True], [True, True, False, True]]


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_similarity_is_the_cosine_less_what_is_common_and_rare_frames_weigh_more() -> None:
    rng = np.random.default_rng(0)
    mean, projection = rng.standard_normal(12), rng.standard_normal((12, 8))
    background = unit(rng.standard_normal((40, 8)))
    background[1] = background[0]
    space = SpokenSpace(*(part.astype(np.float32) for part in (mean, projection, background)))
    frames = rng.standard_normal((7, 12)).astype(np.float32)
    frames[4] = 0  # silence that was skipped
    query = rng.standard_normal((3, 12)).astype(np.float32)
    query[2] = mean + np.linalg.pinv(projection.T) @ background[0]  # as common as can be
    found = similarities(space.project(query), space.project(frames))

    def common(vector: np.ndarray) -> float:
        cosines = sorted(float(vector @ other) for other in background)
        return float(np.mean(cosines[-round(NEAREST * 40) :]))

    vectors = unit((query - mean) @ projection)
    weights = [max(0.05, 0.9 - common(q)) for q in vectors]
    assert weights[2] == 0.05 < min(weights[:2]) < max(weights[:2])
    for i, q in enumerate(vectors):
        weight = weights[i] / np.mean(weights)
        for t, x in enumerate(unit((frames - mean) @ projection)):
            expected = -2 if t == 4 else weight * (float(q @ x) - common(q) - common(x))
            assert found[i, t] == pytest.approx(expected, abs=1e-4)


DIMENSIONS = 72


def sounds(voices: int, seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Stretches of the same random sounds by several voices, which shift some dimensions; and the sounds' numbers."""
    rng = np.random.default_rng(seed)
    classes = np.zeros((20, DIMENSIONS))
    classes[:, :8] = rng.standard_normal((20, 8))  # what tells sounds apart
    stretches, numbers = [], []
    for _ in range(voices):
        voice = np.zeros(DIMENSIONS)
        voice[8:] = 2 * rng.standard_normal(DIMENSIONS - 8)
        order = rng.integers(0, 20, 12)
        words = np.concatenate([np.arange(k, k + 5) % 20 for k in rng.permutation(np.r_[order, order])])
        frames = np.repeat(words, 4)
        drift = np.cumsum(rng.standard_normal((len(frames), DIMENSIONS)) * 0.2 * (np.arange(DIMENSIONS) >= 8), axis=0)
        stretches.append(
            (classes[frames] + voice + drift + 0.1 * rng.standard_normal((len(frames), DIMENSIONS))).astype("f4")
        )
        numbers.append(frames)
    return stretches, numbers


def separation(vectors: np.ndarray, numbers: np.ndarray) -> float:
    """How often a frame's nearest neighbour in another part is of its own sound."""
    half = len(vectors) // 2
    nearest = (unit(vectors[:half]) @ unit(vectors[half:]).T).argmax(axis=1)
    return float((numbers[:half] == numbers[half:][nearest]).mean())


def test_a_learned_space_tells_sounds_apart_across_voices() -> None:
    stretches, _ = sounds(12)
    space = learn_space(stretches, 0.024)
    others, other_numbers = sounds(6, seed=0)  # the same sounds
    frames, of_frames = np.concatenate(others), np.concatenate(other_numbers)
    assert separation(space.project(frames)[:, :-1], of_frames) > separation(frames - frames.mean(0), of_frames) + 0.1


@pytest.mark.parametrize("dimensions", [6, 100])
def test_a_space_is_learned_of_however_little(dimensions: int) -> None:
    rng = np.random.default_rng(0)
    space = learn_space([rng.standard_normal((30, dimensions)).astype(np.float32)], 0.024)
    projected = space.project(rng.standard_normal((4, dimensions)).astype(np.float32))
    assert np.isfinite(projected).all()
    assert np.linalg.norm(projected[:, :-1], axis=1) == pytest.approx(1, abs=1e-5)


def test_the_same_speech_gives_the_same_space() -> None:
    stretches, _ = sounds(4)
    first, second = learn_space(stretches, 0.024), learn_space(stretches, 0.024)
    assert np.array_equal(first.projection, second.projection)
