"""The scorer of a word: the fit against its own objective, and what it does with few labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from earmark.archive import word_scorer
from earmark.archive.ann_index import l2_normalise
from earmark.archive.word_scorer import Labelled, WordScorer, aligned, best_run, fit_scorer, template_of

J, D = 3, 8


def pieces(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return l2_normalise(rng.normal(size=(int(np.prod(shape[:-1])), shape[-1]))).reshape(shape).astype(np.float32)


def labelled(seed: int, count: int) -> tuple[Labelled, np.ndarray]:
    rng = np.random.default_rng(seed)
    given = Labelled(
        pieces(rng, count, J, D),
        rng.normal(size=count) * 3,
        rng.choice([0.0, 0.5, 1.0], count),
        rng.uniform(0.1, 2, count),
    )
    return given, word_scorer.OF_CLIPS.contrast * pieces(rng, J, D)


def loss(fitted: WordScorer, given: Labelled, start: np.ndarray) -> float:
    """The objective as the page states it, number by number."""
    total = 0.0
    for run, prior, target, weight in zip(given.runs, given.priors, given.targets, given.weights, strict=True):
        odds = fitted.bias + fitted.prior_weight * prior
        for j in range(J):
            odds += float(np.dot(fitted.template[j].astype(float), run[j].astype(float)))
        p = 1 / (1 + np.exp(-odds))
        total -= weight * (target * np.log(p) + (1 - target) * np.log(1 - p))
    change = fitted.template.astype(float) * J - start
    total += (change**2).sum() / (2 * J * word_scorer.SPREAD**2)
    total += (fitted.prior_weight - word_scorer.OF_CLIPS.weight) ** 2 / (2 * word_scorer.OF_CLIPS.spread**2)
    return total + (fitted.bias - word_scorer.BIAS) ** 2 / (2 * word_scorer.BIAS_SPREAD**2)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12))
def test_nothing_near_the_fit_is_better(seed: int, count: int) -> None:
    places, start = labelled(seed, count)
    fitted = fit_scorer(places, start)
    assume(fitted.prior_weight > 0)  # a model that is wrong is ignored, which is no minimum
    least = loss(fitted, places, start)
    rng = np.random.default_rng(seed)
    for size in (1e-2, 1e-1, 1.0):
        for _ in range(5):
            other = WordScorer(
                fitted.template + size * rng.normal(size=(J, D)).astype(np.float32),
                max(0.0, fitted.prior_weight + size * rng.normal()),
                fitted.bias + size * rng.normal(),
            )
            assert loss(other, places, start) >= least - 1e-4


def test_the_template_ranks_after_one_example_and_rejections_lower_their_like() -> None:
    rng = np.random.default_rng(0)
    word = pieces(rng, J, D)
    wrong = word.copy()
    wrong[0] = pieces(rng, 1, D)[0]
    background = pieces(rng, 50, J, D)

    def fit(*rejected: np.ndarray) -> WordScorer:
        runs = np.concatenate([word[None], *(one[None] for one in rejected), background])
        targets = np.zeros(len(runs))
        targets[0] = 1
        weights = np.where(np.arange(len(runs)) <= len(rejected), 1.0, 0.1)
        start = template_of(word[None], np.zeros(D, np.float32))
        return fit_scorer(Labelled(runs, np.zeros(len(runs)), targets, weights), start)

    def odds(scorer: WordScorer, run: np.ndarray) -> float:
        return float(scorer.log_odds(run[None], np.zeros(1))[0])

    one = fit()
    assert odds(one, word) > max(odds(one, other) for other in background)
    assert odds(fit(wrong, wrong), wrong) < odds(one, wrong) - 0.5
    assert odds(fit(wrong, wrong), word) > odds(fit(wrong, wrong), wrong) + 3


def test_a_prior_that_is_right_counts_and_one_that_is_wrong_is_not_turned_round() -> None:
    rng = np.random.default_rng(0)
    targets = np.array([1.0, 0.0] * 20)
    runs, start = pieces(rng, 40, J, D), np.zeros((J, D))
    good = fit_scorer(Labelled(runs, 4 * targets - 2, targets, np.ones(40)), start)
    bad = fit_scorer(Labelled(runs, 2 - 4 * targets, targets, np.ones(40)), start)
    assert good.prior_weight > word_scorer.OF_CLIPS.weight
    assert 0 <= bad.prior_weight < word_scorer.OF_CLIPS.weight


def test_examples_are_moved_to_where_they_are_alike() -> None:
    rng = np.random.default_rng(0)
    word = pieces(rng, J, D)
    examples = []
    for shift in (0, 1, 2, 3, 1):
        wide = pieces(rng, J + 3, D)
        wide[shift : shift + J] = word
        examples.append(wide)
    assert np.allclose(aligned(examples, J, D), word)
    assert aligned([], J, D).shape == (0, J, D)
    assert np.allclose(best_run(examples[3], word.astype(np.float64)), word)
    assert np.allclose(best_run(examples[3], np.zeros((J, D))), examples[3][2 : 2 + J])


def test_the_template_is_what_the_examples_have_beyond_the_archive() -> None:
    mean = np.array([0.6, 0.0], np.float32)
    accepted = np.array([[[0.6, 0.8]], [[0.6, 0.8]]], np.float32)
    assert template_of(accepted, mean) == pytest.approx(word_scorer.OF_CLIPS.contrast * np.array([[0.0, 1.0]]))
    assert not template_of(np.zeros((0, 2, 2), np.float32), mean).any()
