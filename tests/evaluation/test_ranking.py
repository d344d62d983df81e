"""Measures of rankings against worked examples, a slow twin and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from earmark.evaluation.ranking import ranking_measures
from earmark.evaluation.term_weighted import AlignedDetections


def aligned(term: list[int], score: list[float], correct: list[int], occurrences: list[int]) -> AlignedDetections:
    return AlignedDetections(
        np.array(term, int),
        np.array(score, float),
        np.array(correct, bool),
        np.array(score, float) > 0,
        np.array(occurrences),
        np.full(len(occurrences), 1000.0),
    )


def test_a_worked_example() -> None:
    # Term 0: right, wrong, right of three: AP (1/1 + 2/3) / 3. Term 1: wrong, right of one: AP 1/2. Term 2: not spoken.
    found = ranking_measures(
        aligned([0, 0, 0, 1, 1, 2], [9, 8, 7, 3, 2, 5], [1, 0, 1, 0, 1, 0], [3, 1, 0]),
    )
    assert found.average_precision[:2] == pytest.approx([(1 + 2 / 3) / 3, 1 / 2])
    assert np.isnan(found.average_precision[2])
    assert found.mean_average_precision == pytest.approx(((1 + 2 / 3) / 3 + 1 / 2) / 2)
    assert found.precision_at_10 == pytest.approx((2 / 3 + 1) / 2)
    assert found.precision_at_n == pytest.approx((2 / 3 + 0) / 2)
    assert found.reciprocal_rank == pytest.approx((1 + 1 / 2) / 2)


def test_average_precision_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        score, correct = rng.integers(0, 12, 30).astype(float), rng.random(30) < 0.3
        if correct.any():
            missed = int(rng.integers(0, 4))  # occurrences without a detection lower recall alone
            found = ranking_measures(aligned([0] * 30, list(score), list(correct), [int(correct.sum()) + missed]))
            expected = average_precision_score(correct, score) * correct.sum() / (correct.sum() + missed)
            assert found.mean_average_precision == pytest.approx(expected)


def test_nothing_found_and_nothing_spoken() -> None:
    nothing = ranking_measures(aligned([], [], [], [2]))
    assert (nothing.mean_average_precision, nothing.precision_at_10, nothing.reciprocal_rank) == (0, 0, 0)
    assert np.isnan(ranking_measures(aligned([0], [1], [0], [0])).mean_average_precision)
