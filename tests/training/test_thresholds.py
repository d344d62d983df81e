"""Thresholds from targets: examples by hand, a slow twin, and worlds in which the best choice is known."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from earmark.training.thresholds import best_threshold, keyword_thresholds, tag_rates

# One threshold for all


def expected_f1(scores: np.ndarray, targets: np.ndarray, threshold: float) -> float:
    pairs = list(zip(scores.ravel(), targets.ravel(), strict=True))
    detected = [target for score, target in pairs if score >= threshold]
    return 2 * sum(detected) / (len(detected) + sum(target for _, target in pairs)) if detected else 0.0


CELL = st.tuples(st.integers(0, 20), st.integers(0, 10))


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=12))
def test_no_threshold_is_better(rows: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    cells = np.array(rows)
    scores, targets = cells[..., 0] / 20, cells[..., 1] / 10
    threshold = best_threshold(scores, targets)
    if targets.sum() == 0:
        assert threshold == 0.5
        return
    everywhere = [expected_f1(scores, targets, t) for t in np.linspace(0, 1.05, 211)]
    assert expected_f1(scores, targets, threshold) == pytest.approx(max(everywhere), abs=1e-12)
    assert not np.isin(threshold, scores[scores > 0])  # between two scores, so that a hair's breadth matters not


def test_one_threshold_by_hand() -> None:
    scores = np.array([[0.9, 0.2], [0.7, 0.6], [0.4, 0.3]])
    # Three of the four best; all six, halfway to 0; no target.
    assert best_threshold(scores, np.array([[1, 0], [1, 0], [1, 0]])) == pytest.approx(0.35)
    assert best_threshold(scores, np.ones((3, 2))) == pytest.approx(0.1)
    assert best_threshold(scores, np.zeros((3, 2))) == 0.5


# The rates of the tags


def test_rates_by_hand() -> None:
    # Of ten utterances with 0.8, eight have the word; of ten with 0.1, one. So of the nine that have it, eight have a
    # target of 0.8; of the eleven that don't, two.
    targets = np.repeat([0.8, 0.1], 10)[:, None]
    unspoken, spoken = tag_rates(targets)
    assert spoken == pytest.approx((8 * 0.8 + 1 * 0.1) / 9)
    assert unspoken == pytest.approx((2 * 0.8 + 9 * 0.1) / 11)


def test_rates_where_one_is_unknown() -> None:
    unspoken, spoken = tag_rates(np.array([[0, 1, 0.25, 0], [0, 1, 0.25, 1]]))
    assert unspoken.tolist() == [0, 0, 0.25, 0]
    assert spoken.tolist() == [1, 1, 0.25, 1]


@given(arrays(float, (7, 3), elements=st.floats(0, 1)))
def test_rates_explain_the_variance(targets: np.ndarray) -> None:
    unspoken, spoken = tag_rates(targets)
    mean = targets.mean(axis=0)
    known = (mean > 0) & (mean < 1)
    explained = (spoken - unspoken) * mean * (1 - mean)
    assert explained[known] == pytest.approx(targets.var(axis=0)[known], abs=1e-9)


# A threshold for each keyword


def upper_quartile(values: list[float]) -> float:
    """With a straight line between neighbours; 0 of nothing."""
    if len(values) < 2:
        return sum(values)
    return statistics.quantiles(values, n=4, method="inclusive")[2]


def slow_rates(scores: np.ndarray, targets: np.ndarray, taught: np.ndarray) -> list[tuple[float, float]]:
    """The trusted rates b and a of each keyword, from their definitions."""
    rates, excess = [], []
    for w in range(scores.shape[1]):
        t = [float(x) for x in [*taught[:, w], *targets[:, w]]]
        mean, squares = sum(t) / len(t), sum(x * x for x in t) / len(t)
        b = sum(x * (1 - x) for x in t) / sum(1 - x for x in t) if mean < 1 else 0.0
        a = squares / mean if mean > 0 else 1.0
        rates.append((b, a))
        if statistics.pvariance(t) > 0:
            s, own = scores[:, w].tolist(), targets[:, w].tolist()
            together = sum(x * y for x, y in zip(s, own, strict=True)) / len(s) - sum(s) / len(s) * sum(own) / len(s)
            excess.append(max(0.0, together / statistics.pvariance(t) - (a - b)))
    doubt = 1 / (len(taught) + len(targets)) + upper_quartile(excess)
    trust = [(a - b) / (a - b + doubt) for b, a in rates]
    return [(share * b, share * a + (1 - share)) for share, (b, a) in zip(trust, rates, strict=True)]


def slow_f1(scores: np.ndarray, targets: np.ndarray, rates: list[tuple[float, float]], threshold: float) -> float:
    """The expected F1 of a threshold on the probability that a keyword is spoken."""
    right, detected = 0.0, 0
    for u in range(len(scores)):
        for w, (b, a) in enumerate(rates):
            if scores[u, w] >= b + threshold * (a - b):
                right += (float(targets[u, w]) - b) / (a - b)
                detected += 1
    return 2 * right / (detected + float(targets.sum()))


LEVEL = st.integers(0, 64).map(lambda level: level / 64)
TAGS = [LEVEL, st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 0.25])]


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores and targets of dev, targets of train."""
    dev, train, keywords = draw(st.integers(1, 8)), draw(st.integers(1, 8)), draw(st.integers(1, 4))
    tags = draw(st.sampled_from(TAGS))
    scores = draw(arrays(float, (dev, keywords), elements=LEVEL, unique=True))
    return (
        scores,
        draw(arrays(np.float32, (dev, keywords), elements=tags)),
        draw(arrays(np.float32, (train, keywords), elements=tags)),
    )


@given(cases())
def test_no_threshold_on_the_probability_is_better(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    scores, targets, _ = case
    rates = slow_rates(*case)
    thresholds = keyword_thresholds(*case)
    known = [(t - b) / (a - b) for t, (b, a) in zip(thresholds, rates, strict=True) if t > 0]
    chosen = known[0] if known else -np.inf
    together = [max(0.0, b + chosen * (a - b)) for b, a in rates]
    assert thresholds == pytest.approx(together, abs=1e-9)  # the same probability for every keyword
    if targets.sum() == 0:
        assert chosen == pytest.approx(0.5)
        return
    cells = [(s - b) / (a - b) for row in scores for s, (b, a) in zip(row, rates, strict=True)]
    best = max(slow_f1(scores, targets, rates, min(p, 1) - 1e-9) for p in cells)  # something is always detected
    assert slow_f1(scores, targets, rates, chosen - 1e-9) == pytest.approx(best, abs=1e-9)


@given(cases())
def test_thresholds_are_between_0_and_1(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    thresholds = keyword_thresholds(*case)
    assert thresholds.shape == case[0].shape[1:]
    assert ((thresholds >= 0) & (thresholds <= 1)).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_utterances_and_keywords_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, targets, taught = (rng.random((n, 4)) ** 3 for n in (20, 20, 30))
    rows, others, columns = (rng.permutation(n) for n in (20, 30, 4))
    shuffled = keyword_thresholds(scores[rows][:, columns], targets[rows][:, columns], taught[others][:, columns])
    assert shuffled == pytest.approx(keyword_thresholds(scores, targets, taught)[columns])


@given(arrays(float, (9, 3), elements=st.floats(0, 1)), arrays(np.float32, (9, 3), elements=st.sampled_from([0, 1])))
def test_targets_without_doubt_leave_one_threshold(scores: np.ndarray, targets: np.ndarray) -> None:
    thresholds = keyword_thresholds(scores, targets, targets[:4])
    assert thresholds == pytest.approx(np.full(3, best_threshold(scores, targets)), abs=1e-12)


def test_a_keyword_that_no_target_names_gets_the_threshold_on_the_probability() -> None:
    scores = np.array([[0.9, 0.1, 0.3], [0.2, 0.1, 0.3], [0.8, 0.2, 0.3]])
    targets = np.array([[1, 0, 0.25], [0, 0, 0.25], [1, 0, 0.25]])  # and one that all are given alike
    thresholds = keyword_thresholds(scores, targets, targets)
    assert thresholds == pytest.approx([0.55, 0.55, 0.55], abs=1e-6)
    assert keyword_thresholds(scores, np.zeros((3, 3)), np.zeros((5, 3))).tolist() == [0.5, 0.5, 0.5]


# Worlds in which the best choice is known


def world(rng: np.random.Generator, utterances: int, strong: np.ndarray, weak: np.ndarray):
    """What is spoken, calibrated targets that know it more or less well, and how likely speech says that it is spoken.

    A keyword has the target `strong` in a tenth of the utterances and `weak` in the others. What is heard is one
    number, normally distributed around 3 where the keyword is spoken and around 0 where it is not.
    """
    targets = np.where(rng.random((utterances, len(strong))) < 0.1, strong, weak)
    spoken = rng.random(targets.shape) < targets
    observed = rng.normal(3.0 * spoken)
    odds = np.exp(3.0 * observed - 4.5) * (mean := 0.1 * strong + 0.9 * weak) / (1 - mean)
    return spoken, targets, odds / (1 + odds)


def f1_of(spoken: np.ndarray, detected: np.ndarray) -> float:
    return float(2 * (spoken & detected).sum() / (spoken.sum() + detected.sum()))


def test_with_plenty_of_data_thresholds_are_as_good_as_the_transcripts_own() -> None:
    strong, weak = np.array([0.9, 0.5, 0.3, 0.2, 0.12]), np.array([0.01, 0.02, 0.03, 0.04, 0.05])
    rng = np.random.default_rng(1)
    _, taught, _ = world(rng, 10_000, strong, weak)
    spoken, targets, p = world(rng, 10_000, strong, weak)
    mean = 0.1 * strong + 0.9 * weak
    a = (0.1 * strong**2 + 0.9 * weak**2) / mean
    b = (0.1 * strong * (1 - strong) + 0.9 * weak * (1 - weak)) / (1 - mean)
    scores = b + (a - b) * p  # what a model learns that errs in nothing
    best = best_threshold(p, spoken.astype(float))
    assert f1_of(spoken, scores >= keyword_thresholds(scores, targets, taught)) > f1_of(spoken, p >= best) - 0.01
    assert f1_of(spoken, scores >= best_threshold(scores, targets)) < f1_of(spoken, p >= best) - 0.15


def test_scores_that_follow_other_words_bring_thresholds_closer_together() -> None:
    strong, weak = np.array([0.5, 0.2, 0.12]), np.array([0.03, 0.04, 0.05])
    _, targets, p = world(np.random.default_rng(1), 4_000, strong, weak)
    unspoken, spoken = tag_rates(targets)
    apart = keyword_thresholds(unspoken + (spoken - unspoken) * p, targets, targets)
    # Now the tagger's mistakes can be heard, too: a score is the target itself, whatever is spoken.
    alike = keyword_thresholds(targets, targets, targets)
    assert apart.max() / apart.min() > 2.5
    assert alike.max() / alike.min() < 1.5
