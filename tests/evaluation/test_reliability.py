"""Confidence intervals: what is drawn, and whether an interval holds the true value as often as it says."""

from __future__ import annotations

import numpy as np
import pytest

from earmark.evaluation import reliability
from earmark.evaluation.reliability import LEVEL, RESAMPLES, confidence, draws

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def interval(values):
    """Confidence interval of a mean."""
    result = confidence(lambda weights: {"mean": values @ weights / weights.sum(axis=0)}, len(values))
    return result.intervals["mean"]


@pytest.mark.parametrize("utterances", [1, 7, 300, 100_000])
def test_every_resample_draws_as_many_utterances_as_there_are(utterances, monkeypatch):
    monkeypatch.setattr(reliability, "RESAMPLES", 50)
    weights = np.concatenate(list(draws(utterances)), axis=1)
    assert weights.shape == (utterances, 50)
    assert (weights.sum(axis=0) == utterances).all()


def test_utterances_are_drawn_with_replacement():
    weights = np.concatenate(list(draws(200)), axis=1)
    # Drawn k times with probability binomial(200, 1/200): never 0.367, once 0.369.
    assert (weights == 0).mean() == pytest.approx(0.367, abs=0.005)
    assert (weights == 1).mean() == pytest.approx(0.369, abs=0.005)
    assert len(np.unique(weights, axis=1).T) == RESAMPLES


def test_the_size_of_blocks_changes_nothing(monkeypatch):
    values = np.random.default_rng(2).random(50)
    whole = interval(values)
    monkeypatch.setattr(reliability, "DRAWN_AT_ONCE", 350)
    assert interval(values) == pytest.approx(whole)


def test_a_mean_by_the_normal_approximation():
    values = (np.arange(1000) % 10 < 3).astype(float)
    # p = 0.3, so 0.3 -+ 1.96 sqrt(0.3 * 0.7 / 1000) = 0.3 -+ 0.0284
    assert interval(values) == pytest.approx([0.2716, 0.3284], abs=0.003)


def test_intervals_hold_the_true_value_as_often_as_they_say():
    rng = np.random.default_rng(3)
    held = [low <= 0.5 <= high for low, high in (interval(rng.random(80)) for _ in range(300))]
    # Binomial(300, 0.95): standard deviation 0.0126
    assert np.mean(held) == pytest.approx(LEVEL, abs=0.04)


def test_undefined_resamples_are_left_out():
    values = np.array([np.nan] * 600 + list(np.linspace(0, 1, 400)))
    blocks = iter([{"some": values[:500], "none": np.full(500, np.nan)}, {"some": values[500:], "none": values[:500]}])
    result = confidence(lambda weights: next(blocks), 160)  # 500 resamples a block
    assert result.intervals["some"] == pytest.approx((0.025, 0.975))
    assert result.intervals["none"] is None
    assert (result.level, result.resamples) == (LEVEL, RESAMPLES)
