"""Tokens of speech against slow and obvious versions."""

from __future__ import annotations

import numpy as np
import pytest

from earmark.localisation import spoken_tokens
from earmark.localisation.spoken_tokens import Codebook, align_tokens, pooled


def unit_frames(count: int, rng: np.random.Generator) -> np.ndarray:
    vectors = rng.standard_normal((count, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.concatenate([vectors, rng.uniform(0.2, 0.6, (count, 1))], axis=1).astype(np.float32)


def test_groups_are_averaged() -> None:
    frames = np.arange(14, dtype=np.float32).reshape(7, 2)
    assert pooled(frames, 3).tolist() == [[2, 3], [8, 9], [12, 13]]
    assert pooled(frames[:0], 3).shape == (0, 2)


def test_a_token_stands_for_its_nearest_centroids() -> None:
    rng = np.random.default_rng(0)
    means = unit_frames(300, rng)
    means[7] = 0
    codebook = Codebook.learn(means[np.arange(300) != 7][:250])
    tokens = codebook.tokens(means)
    halves = np.array_split(means, spoken_tokens.PARTS, axis=1)
    for part, (half, centroids) in enumerate(zip(halves, codebook.centroids, strict=True)):
        for i in range(len(means)):
            nearest = min(range(len(centroids)), key=lambda k: float(((half[i] - centroids[k]) ** 2).sum()))
            assert tokens[i, part] == (codebook.silence if i == 7 else nearest)


def test_the_table_gives_the_similarity_with_the_centroids() -> None:
    rng = np.random.default_rng(1)
    means, query = unit_frames(200, rng), unit_frames(5, rng)
    means[3] = 0
    codebook = Codebook.learn(means[4:])
    tokens = codebook.tokens(means)
    tables = codebook.tables(query)
    for i, token in enumerate(tokens):
        if i == 3:
            expected = np.full(5, -2.0)
        else:
            as_stored = np.concatenate([part[t] for part, t in zip(codebook.centroids, token, strict=True)])
            expected = 2 * query[:, :-1] @ as_stored[:-1] - query[:, -1] - as_stored[-1]
        assert sum(tables[part][:, t] for part, t in enumerate(token)) == pytest.approx(expected, abs=1e-5)


def test_alignment_of_tokens_is_that_of_their_similarities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spoken_tokens, "AT_ONCE", 37)  # so that alignments cross blocks
    rng = np.random.default_rng(2)
    tables = rng.standard_normal((2, 4, 11)).astype(np.float32)
    tokens = rng.integers(0, 11, (150, 2)).astype(np.uint16)
    similarity = sum(tables[part][:, tokens[:, part]] for part in range(2))

    def slow(row: int, column: int) -> float:
        if column < 0:
            return -np.inf
        before = max(slow(row - 1, column - by) for by in range(3)) if row else 0.0
        return similarity[row, column] + before

    expected = [slow(3, column) / 4 for column in range(150)]
    assert align_tokens(tables, tokens) == pytest.approx(expected, abs=1e-5)


def test_centroids_are_means_of_what_is_nearest() -> None:
    rng = np.random.default_rng(3)
    centres = rng.standard_normal((6, 4)).astype(np.float32) * 10
    points = (centres[rng.integers(0, 6, 3000)] + 0.1 * rng.standard_normal((3000, 4))).astype(np.float32)
    found = spoken_tokens._kmeans(points, 30, rng)
    nearest = np.linalg.norm(centres[:, None] - found[None], axis=2).min(axis=1)
    assert nearest.max() < 0.2
