"""Measures of a taught model, each against a loop over pairs or a count by hand."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from earmark.training.teaching_measures import judged_measures, rank_agreement

NAN = math.nan


def test_pairs_and_decisions_by_hand() -> None:
    scores = np.array([[0.9, 0.2], [0.4, 0.2], [0.4, 0.1], [0.1, 0.8], [0.7, 0.6]])
    targets = np.array([[1, NAN], [1, 0], [0, NAN], [NAN, 1], [0, 1]])
    found = judged_measures(scores, targets, np.array([0.5, 0.7]))
    # Of the first word: 0.9 is above 0.4 and 0.7; 0.4 equals 0.4 and is below 0.7. Of the second both are above 0.2.
    assert (found.pairs, found.right_pairs) == (6, 2 + 0.5 + 2)
    # Right: 0.9, and 0.4 of the rejected place; 0.2 and 0.8.
    assert (found.places, found.right_places) == (7, 4)
    assert str(found) == "4.5 of 6 pairs and 4 of 7 decisions right"


def test_the_deviation_is_that_of_random_rankings() -> None:
    rng = np.random.default_rng(0)
    targets = np.full((30, 2), NAN)
    targets[:12, 0], targets[5:30, 1] = np.arange(12) % 3 == 0, np.arange(25) % 2
    thresholds = np.full(2, 0.5)
    drawn = [judged_measures(rng.random((30, 2)), targets, thresholds) for _ in range(4000)]
    assert np.std([one.right_pairs for one in drawn]) == pytest.approx(drawn[0].deviation, rel=0.05)
    assert np.mean([one.is_opposite for one in drawn]) == pytest.approx(0.01, abs=0.006)


def test_better_is_a_better_ranking_and_then_better_decisions() -> None:
    targets = np.array([[1.0], [0.0], [0.0]])
    good, low = (judged_measures(np.array(s)[:, None], targets, np.array([0.5])) for s in ([0.9, 0, 0], [0.4, 0, 0]))
    bad = judged_measures(np.array([[0.6], [0.7], [0.4]]), targets, np.array([0.5]))
    assert good.is_better_than(low)
    assert low.is_better_than(bad)
    assert not good.is_better_than(good)


def test_rank_agreement_weighs_pairs_by_their_difference() -> None:
    rng = np.random.default_rng(1)
    scores, targets = rng.integers(0, 6, (25, 3)) / 5, rng.integers(0, 4, (25, 3)) / 3
    targets[rng.random((25, 3)) < 0.2] = NAN
    right = every = 0.0
    for word in range(3):
        for one, other in combinations(np.flatnonzero(~np.isnan(targets[:, word])), 2):
            difference = targets[one, word] - targets[other, word]
            sign = np.sign(scores[one, word] - scores[other, word]) * np.sign(difference)
            right += abs(difference) * (1 + sign) / 2
            every += abs(difference)
    assert rank_agreement(scores, targets) == pytest.approx(right / every)


def test_rank_agreement_of_nothing_is_unknown() -> None:
    assert math.isnan(rank_agreement(np.zeros((2, 1)), np.array([[1.0], [NAN]])))
    assert rank_agreement(np.array([[1.0], [2.0]]), np.array([[0.0], [0.1]])) == 1.0
