"""Cnxe and isotonic regression: worked by hand, and against scikit-learn and plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from earmark.evaluation.cross_entropy import normalised_cross_entropy, of_probabilities
from earmark.evaluation.isotonic import isotonic_fit

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def test_cnxe_by_hand():
    # At a prior of 1/2 the posterior log-odds are the scores. log 3 says 3/4, -log 3 says 1/4.
    scores, target = np.log([3, 3, 1 / 3, 1 / 3]), np.array([True, False, False, False])
    result = normalised_cross_entropy(scores, target, prior=0.5)
    # targets: -log2(3/4); others: -log2(1/4) once and -log2(3/4) twice; the entropy of the prior is one bit
    certain, wrong = -math.log2(3 / 4), -math.log2(1 / 4)
    assert result.cnxe == pytest.approx((certain + (wrong + 2 * certain) / 3) / 2)
    # The best for the upper pair: of its weight 1/2 + 1/6, three quarters are the target's: 3/4. The lower pair: never.
    best = 1 / 2 * -math.log2(3 / 4) + 1 / 6 * -math.log2(1 / 4)
    assert result.isotonic == pytest.approx(best)
    assert result.affine == pytest.approx(best)  # two scores: an affine map reaches any pair of log-odds


def test_scores_that_say_nothing_give_one():
    result = normalised_cross_entropy(np.zeros(5), np.array([True, False, False, True, False]), prior=0.1)
    assert (result.cnxe, result.affine, result.isotonic) == pytest.approx((1, 1, 1))


def test_scores_that_mislead_give_more_than_one_and_no_map_turns_them():
    scores, target = np.array([-3.0, -1.0, 1.0, 3.0]), np.array([True, True, False, False])
    result = normalised_cross_entropy(scores, target, prior=0.3)
    assert result.cnxe > 1
    assert (result.affine, result.isotonic) == pytest.approx((1, 1))


def test_classes_that_a_threshold_parts_can_be_recalibrated_to_nothing():
    scores, target = np.array([2.0, 2.1, 2.2, 9.0]), np.array([False, False, True, True])
    result = normalised_cross_entropy(scores, target, prior=0.3)
    assert result.affine == pytest.approx(0, abs=1e-6)
    assert result.isotonic == pytest.approx(0, abs=1e-6)


def test_without_targets_it_is_undefined():
    for target in (np.zeros(3, bool), np.ones(3, bool), np.zeros(0, bool)):
        values = np.full(len(target), 0.5)
        assert np.isnan(of_probabilities(values, target).cnxe)
        assert np.isnan(normalised_cross_entropy(values, target, 0.5).isotonic)


PROBABILITIES = arrays(float, 12, elements=st.floats(0.001, 0.999) | st.sampled_from([0.0, 0.25, 0.5, 1.0]))
TARGETS = arrays(bool, 12).filter(lambda target: 0 < target.sum() < 12)


@settings(max_examples=100, deadline=None)
@given(PROBABILITIES, TARGETS)
def test_probabilities_are_measured_by_their_mean_cross_entropy(probabilities, target):
    metrics = pytest.importorskip("sklearn.metrics")
    result = of_probabilities(probabilities, target)
    inside = np.clip(probabilities, np.finfo(float).eps, 1 - np.finfo(float).eps)
    rate = target.mean()
    entropy = metrics.log_loss(target, np.full(12, rate), labels=[False, True])
    expected = metrics.log_loss(target, inside, labels=[False, True]) / entropy
    assert result.prior == rate
    assert result.cnxe == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(
    arrays(float, 15, elements=st.integers(-800, 800).map(lambda n: n / 100) | st.sampled_from([-1.0, 0.0, 1.0])),
    arrays(bool, 15).filter(lambda target: 0 < target.sum() < 15),
    st.sampled_from([0.05, 0.5, 0.0741289]),
)
def test_minima_agree_with_scikit_learn(scores, target, prior):
    linear = pytest.importorskip("sklearn.linear_model")
    isotonic = pytest.importorskip("sklearn.isotonic")
    assume(scores.std() > 1e-3)
    result = normalised_cross_entropy(scores, target, prior)
    assert result.isotonic <= result.affine + 1e-9
    assert result.affine <= min(result.cnxe, 1) + 1e-9

    weight = np.where(target, prior / target.sum(), (1 - prior) / (~target).sum())
    entropy = -(prior * math.log2(prior) + (1 - prior) * math.log2(1 - prior))

    def cnxe(posterior):
        given_truth = np.where(target, posterior, 1 - posterior)
        return sum(w * -math.log2(max(p, 1e-300)) for w, p in zip(weight, given_truth, strict=True)) / entropy

    fitted = isotonic.IsotonicRegression(y_min=0, y_max=1).fit_transform(
        scores, target.astype(float), sample_weight=weight
    )
    assert result.isotonic == pytest.approx(cnxe(fitted), abs=1e-6)
    parted = scores[target].min() > scores[~target].max() or scores[target].max() < scores[~target].min()
    if not parted:  # else the regression's slope has no limit
        logistic = linear.LogisticRegression(C=1e10, solver="newton-cholesky", tol=1e-10, max_iter=1000)
        logistic.fit(scores[:, None], target, sample_weight=weight * 1e3)
        expected = cnxe(logistic.predict_proba(scores[:, None])[:, 1]) if logistic.coef_[0, 0] >= 0 else 1.0
        assert result.affine == pytest.approx(expected, abs=1e-4)


def test_isotonic_fit_by_hand():
    # 3 and 1 fall: they are pooled to their weighted mean, (3 + 3 * 1) / 4; equal x have one value.
    fit = isotonic_fit(np.array([2.0, 1.0, 4.0, 4.0]), np.array([1.0, 3.0, 2.0, 6.0]), np.array([3.0, 1.0, 1.0, 1.0]))
    assert fit.tolist() == [1.5, 1.5, 4, 4]
    assert isotonic_fit(np.zeros(0), np.zeros(0), np.zeros(0)).tolist() == []


@settings(max_examples=150, deadline=None)
@given(
    arrays(float, 20, elements=st.integers(-5, 5).map(float)),
    arrays(float, 20, elements=st.floats(-10, 10)),
    arrays(float, 20, elements=st.floats(0.1, 5)),
)
def test_isotonic_fit_agrees_with_scikit_learn(x, y, weight):
    isotonic = pytest.importorskip("sklearn.isotonic")
    expected = isotonic.IsotonicRegression().fit_transform(x, y, sample_weight=weight)
    assert isotonic_fit(x, y, weight) == pytest.approx(expected, abs=1e-6)
