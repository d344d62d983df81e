"""Differences of two models against a bootstrap that measures every draw from its copied utterances."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import earmark
from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.evaluation.comparison import _resampled
from earmark.evaluation.data import GroundTruth, Predictions
from earmark.evaluation.reliability import draws
from earmark.evaluation.runner import Evaluation
from earmark.evaluation.summary import compute_metrics


@pytest.fixture(scope="module")
def two(tiny_corpus: Corpus, tiny_run: Path) -> tuple[Evaluation, Evaluation]:
    """A model, and the same one with noise in its scores and its locations."""
    first = earmark.evaluate(tiny_run, tiny_corpus, "test")
    rng = np.random.default_rng(0)
    scores = np.clip(first.predictions.scores + rng.normal(0, 0.3, first.predictions.scores.shape), 0, 1)
    predictions = Predictions(scores, first.predictions.times_s + rng.normal(0, 0.2, scores.shape))
    keywords = list(first.metrics.per_keyword)
    thresholds = first.spotter.checkpoint.thresholds
    lengths = np.array([utterance.duration_s for utterance in first.utterances])
    measures = compute_metrics(first.truth, predictions, thresholds, keywords, lengths)
    second = replace(first, predictions=predictions, metrics=replace(first.metrics, **vars(measures)))
    return first, second


def copied(evaluation: Evaluation, drawn: list[int]) -> float | None:
    """Actual F1 of utterances that stand as often in the split as they were drawn."""
    truth = evaluation.truth
    places = [(row, n) for row, u in enumerate(drawn) for n in np.flatnonzero(truth.utterance == u)]
    utterance, which = np.array(places, dtype=int).reshape(-1, 2).T
    many = GroundTruth(
        truth.present[drawn], utterance, truth.keyword[which], truth.start_s[which], truth.end_s[which], truth.aligned
    )
    predictions = Predictions(evaluation.predictions.scores[drawn], evaluation.predictions.times_s[drawn])
    keywords = list(evaluation.metrics.per_keyword)
    lengths = np.ones(len(drawn))
    return compute_metrics(many, predictions, evaluation.spotter.checkpoint.thresholds, keywords, lengths).actual.f1


def test_values_and_differences(two: tuple[Evaluation, Evaluation]) -> None:
    first, second = two
    differences = earmark.compare(first, second)
    one = differences["actual.f1"]
    assert one.first == first.metrics.actual.f1
    assert one.second == second.metrics.actual.f1
    assert one.difference == pytest.approx(one.second - one.first)
    assert one.interval is not None
    assert one.interval[0] <= one.difference <= one.interval[1]
    assert one.interval[1] < 0  # the noise hurts beyond doubt
    back = earmark.compare(second, first)["actual.f1"]
    assert back.interval == pytest.approx((-one.interval[1], -one.interval[0]))


def test_a_model_does_not_differ_from_itself(two: tuple[Evaluation, Evaluation]) -> None:
    for difference in earmark.compare(two[0], two[0]).values():
        assert difference.difference in (0, None)
        assert difference.interval in ((0, 0), None)


def test_the_interval_is_that_of_copied_utterances(two: tuple[Evaluation, Evaluation]) -> None:
    weights = np.concatenate(list(draws(len(two[0].utterances))), axis=1).T[:1000]
    some = weights[::50]  # of which each is measured anew
    slow = []
    for counts in some:
        drawn = [int(u) for u in np.repeat(np.arange(len(counts)), counts)]
        one, other = (copied(evaluation, drawn) for evaluation in two)
        assert one is not None
        assert other is not None
        slow.append(other - one)
    fast = _resampled(two[1])["actual.f1"] - _resampled(two[0])["actual.f1"]
    np.testing.assert_allclose(fast[::50], slow, atol=1e-12)
    low, high = np.quantile(fast, [0.025, 0.975])
    assert earmark.compare(*two)["actual.f1"].interval == pytest.approx((low, high))


def test_different_splits_are_not_compared(two: tuple[Evaluation, Evaluation]) -> None:
    other = replace(two[1], utterances=two[1].utterances[1:])
    with pytest.raises(EarmarkError, match="different utterances"):
        earmark.compare(two[0], other)
    keywords = replace(two[1], metrics=replace(two[1].metrics, per_keyword={}))
    with pytest.raises(EarmarkError, match="different keywords"):
        earmark.compare(two[0], keywords)
