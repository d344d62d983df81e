"""Calibration by judgements, against a general optimiser, SciPy's intervals, and a simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import binomtest

from earmark.archive.judged_calibration import (
    OFFSET_SPREAD,
    SLOPE,
    SLOPE_SPREAD,
    calibrate,
    held_out_probabilities,
    reliability,
    wilson_interval,
)


def logistic(odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-odds))


def made(rng: np.random.Generator, count: int, slope: float, offset: float) -> tuple[np.ndarray, np.ndarray]:
    odds = rng.normal(0, 1.5, count)
    return logistic(odds), rng.random(count) < logistic(slope * odds + offset)


@pytest.mark.parametrize("count", [1, 12, 300])
def test_the_fit_is_that_of_a_general_optimiser(count: int) -> None:
    scores, right = made(np.random.default_rng(count), count, 0.7, -1.0)

    def objective(weights: np.ndarray) -> float:
        p = logistic(weights[0] * np.log(scores / (1 - scores)) + weights[1])
        likelihood = np.where(right, np.log(p), np.log(1 - p)).sum()
        return float(
            ((weights[0] - SLOPE) / SLOPE_SPREAD) ** 2 / 2 + (weights[1] / OFFSET_SPREAD) ** 2 / 2 - likelihood
        )

    found, best = calibrate(scores, right), minimize(objective, [1.0, 0.0], tol=1e-12)
    assert [found.slope, found.offset] == pytest.approx(best.x, abs=1e-4)
    step = 1e-4 * np.eye(2)
    curvature = [
        [
            sum(i * j * objective(best.x + i * step[a] + j * step[b]) for i in (1, -1) for j in (1, -1)) / 4e-8
            for a in (0, 1)
        ]
        for b in (0, 1)
    ]
    assert found.covariance == pytest.approx(np.linalg.inv(curvature), rel=1e-3)


def test_without_judgements_a_probability_is_the_models_score() -> None:
    scores = np.array([0.0, 0.02, 0.5, 0.97, 1.0])
    found = calibrate(np.empty(0), np.empty(0, bool))
    assert found.probabilities(scores) == pytest.approx(scores, abs=1e-5)
    low, high = found.intervals(scores)
    assert (low <= scores + 1e-5).all()
    assert (scores - 1e-5 <= high).all()


def test_extreme_scores_that_are_all_wrong_are_fitted() -> None:
    found = calibrate(np.array([1.0] * 40 + [0.0] * 40), np.array([False] * 40 + [True] * 40))
    assert found.probabilities(np.array([1.0]))[0] < 0.1


def test_intervals_hold_the_truth_in_nine_of_ten_cases() -> None:
    rng = np.random.default_rng(0)
    held = []
    for _ in range(300):
        slope, offset = rng.normal(SLOPE, SLOPE_SPREAD), rng.normal(0, OFFSET_SPREAD)
        found = calibrate(*made(rng, 40, slope, offset))
        places = np.array([0.1, 0.4, 0.8])
        low, high = found.intervals(places)
        truth = logistic(slope * np.log(places / (1 - places)) + offset)
        held += ((low <= truth) & (truth <= high)).tolist()
    assert 0.86 <= np.mean(held) <= 0.94


def test_intervals_of_shares_are_wilsons() -> None:
    for right, count in ((0, 5), (3, 10), (10, 10), (41, 400)):
        expected = binomtest(right, count).proportion_ci(0.9, method="wilson")
        assert wilson_interval(right, count) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_held_out_probabilities_are_reliable_where_the_models_scores_are_not() -> None:
    scores, right = made(np.random.default_rng(2), 1000, 0.6, -2.0)
    by_judgements = reliability(held_out_probabilities(scores, right), right)
    assert sum(one.count for one in by_judgements) == 1000
    assert max(abs(one.probability - one.share) for one in by_judgements) < 0.06
    assert max(abs(one.probability - one.share) for one in reliability(scores, right)) > 0.3
    assert reliability(np.empty(0), np.empty(0, bool)) == []


def test_a_held_out_probability_does_not_depend_on_its_own_judgement() -> None:
    scores, right = made(np.random.default_rng(3), 30, 1.0, 0.0)
    other = right.copy()
    other[7] = not other[7]
    assert held_out_probabilities(scores, right)[7] == held_out_probabilities(scores, other)[7]
