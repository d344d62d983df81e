"""The measures of ``earmark.metrics`` against scikit-learn, slow counting, and the evaluation of a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

import earmark
from earmark.core.corpus import Corpus

RANKINGS = st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.7]), st.booleans()), min_size=1, max_size=30)


@given(RANKINGS, st.integers(1, 12))
def test_rankings(items: list[tuple[float, bool]], count: int) -> None:
    scores, relevant = (list(column) for column in zip(*items, strict=True))
    order = sorted(range(len(items)), key=lambda i: -scores[i])  # stable: ties keep their order
    best = [relevant[i] for i in order][:count]
    assert earmark.metrics.precision_at(count, scores, relevant) == pytest.approx(sum(best) / len(best))
    if any(relevant):
        expected = average_precision_score(relevant, scores)
        assert earmark.metrics.average_precision(scores, relevant) == pytest.approx(expected)
        first = [relevant[i] for i in order].index(True) + 1
        assert earmark.metrics.reciprocal_rank(scores, relevant) == pytest.approx(1 / first)
    else:
        assert np.isnan(earmark.metrics.average_precision(scores, relevant))


@given(st.integers(0, 1000))
def test_detection_and_location(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 6)), int(rng.integers(1, 4)))
    scores, times_s = rng.random(shape), rng.random(shape)
    spoken = [
        (u, w, start, start + 0.3)
        for u in range(shape[0])
        for w in range(shape[1])
        for start in rng.random(rng.integers(0, 3))
    ]
    present = np.zeros(shape, dtype=bool)
    for u, w, _, _ in spoken:
        present[u, w] = True
    if not present.any():
        assert np.isnan(earmark.metrics.oracle_accuracy(times_s, spoken))
        return
    found = earmark.metrics.detection(scores, present, 0.4)
    expected = precision_recall_fscore_support(
        present.ravel(), scores.ravel() >= 0.4, average="binary", zero_division=0
    )
    assert [found.precision, found.recall, found.f1] == pytest.approx(list(expected[:3]))
    right = {(u, w) for u, w, start, end in spoken if start <= times_s[u, w] <= end}
    accuracy = len(right) / present.sum()
    assert earmark.metrics.oracle_accuracy(times_s, spoken) == pytest.approx(accuracy)
    measures = earmark.metrics.measure(scores, times_s, spoken, np.ones(shape[0]))
    assert measures.oracle.accuracy == pytest.approx(accuracy)


def test_measure_is_what_a_models_evaluation_measures(tiny_corpus: Corpus, tiny_run: Path) -> None:
    evaluation = earmark.evaluate(tiny_run, tiny_corpus, "test")
    truth = evaluation.truth
    spoken = list(zip(truth.utterance, truth.keyword, truth.start_s, truth.end_s, strict=True))
    measures = earmark.metrics.measure(
        evaluation.predictions.scores,
        evaluation.predictions.times_s,
        spoken,
        [utterance.duration_s for utterance in evaluation.utterances],
        list(evaluation.metrics.per_keyword),
        evaluation.spotter.checkpoint.thresholds,
    )
    assert measures.per_keyword == evaluation.metrics.per_keyword
    assert measures.confidence == evaluation.metrics.confidence
    assert measures.term_weighted == evaluation.metrics.term_weighted


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ValueError, match="no ranking"):
        earmark.metrics.average_precision([0.5], [True, False])
    with pytest.raises(ValueError, match="no table"):
        earmark.metrics.detection([0.5], [True])
    with pytest.raises(ValueError, match="don't fit"):
        earmark.metrics.detection([[0.5, 0.2]], [[True]])
    with pytest.raises(ValueError, match="no utterance or keyword"):
        earmark.metrics.oracle_accuracy([[0.5]], [(1, 0, 0.1, 0.9)])
    with pytest.raises(ValueError, match="don't fit together"):
        earmark.metrics.measure([[0.5]], [[0.5]], [], [1.0], ["dog", "cat"])
