"""Term-weighted values and DET curves: an example worked by hand, and slow twins on random input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from earmark.core.costs import NIST, PUBLISHED, Costs
from earmark.evaluation.det import pooled_curve, term_weighted_curve
from earmark.evaluation.term_weighted import AlignedDetections, term_weighted_values, twv_at

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

# Two terms in 102 s of sound, and one that is never spoken. The first is spoken twice, the other four times.
EXAMPLE = AlignedDetections(
    term=np.array([0, 0, 0, 1, 1, 2]),
    score=np.array([0.9, 0.6, 0.3, 0.8, 0.6, 1.0]),
    correct=np.array([True, False, True, True, False, False]),
    decision=np.array([True, True, False, True, False, True]),
    occurrences=np.array([2, 4, 0]),
    trials=np.array([102.0, 102.0, 102.0]),
)
COSTS = Costs(miss=1, false_alarm=1, prior=1 / 11)  # beta is 10


def test_values_by_hand():
    values = term_weighted_values(EXAMPLE, COSTS)
    # Decisions: term 0 finds 1 of 2 with a false alarm in 100 trials, term 1 finds 1 of 4: the mean of 1/2 - 10/100
    # and 1/4. The term that is never spoken does not count.
    assert values.atwv == pytest.approx((1 / 2 - 0.1 + 1 / 4) / 2)
    # From the best score on: 0.9 adds 1/4, 0.8 adds 1/8, 0.6 takes away (10/100 + 10/98) / 2, 0.3 adds 1/4.
    after = [0.25, 0.375, 0.375 - 0.05 - 5 / 98, 0.625 - 0.05 - 5 / 98]
    assert values.mtwv == pytest.approx(max(after)) == pytest.approx(after[3])
    assert values.threshold == 0.3
    # Term 0 is best with all (1 - 10/100), term 1 with its best one alone (1/4).
    assert values.otwv == pytest.approx((0.9 + 0.25) / 2)
    assert values.stwv == pytest.approx((2 / 2 + 1 / 4) / 2)
    assert (values.costs, values.terms) == (COSTS, 2)
    assert twv_at(EXAMPLE, COSTS, 0.8) == pytest.approx(0.375)


def test_curves_by_hand():
    weighted = term_weighted_curve(EXAMPLE)
    assert weighted.threshold.tolist() == [np.inf, 1.0, 0.9, 0.8, 0.6, 0.3]
    assert weighted.p_miss == pytest.approx([1, 1, 0.75, 0.625, 0.625, 0.375])
    assert weighted.p_fa == pytest.approx([0, 0, 0, 0, (1 / 100 + 1 / 98) / 2, (1 / 100 + 1 / 98) / 2])
    pooled = pooled_curve(EXAMPLE)
    assert pooled.p_miss == pytest.approx([1, 1, 5 / 6, 4 / 6, 4 / 6, 3 / 6])
    assert pooled.p_fa == pytest.approx([0, 0, 0, 0, 2 / 198, 2 / 198])


def test_false_alarms_can_cost_more_than_all_that_is_found():
    values = term_weighted_values(EXAMPLE, NIST)
    assert values.atwv < -1
    assert (values.mtwv, values.threshold) == (pytest.approx(0.375), 0.8)


def test_nothing_detected_is_worth_nothing():
    nothing = np.zeros(0)
    empty = AlignedDetections(nothing.astype(int), nothing, nothing > 0, nothing > 0, np.array([1]), np.array([60.0]))
    values = term_weighted_values(empty, NIST)
    assert (values.atwv, values.mtwv, values.threshold, values.otwv, values.stwv) == (0, 0, np.inf, 0, 0)
    assert term_weighted_curve(empty).p_miss.tolist() == pooled_curve(empty).p_miss.tolist() == [1]


def test_nothing_spoken_is_undefined():
    silent = AlignedDetections(
        np.array([0]), np.array([0.5]), np.array([False]), np.array([True]), np.array([0]), np.array([60.0])
    )
    values = term_weighted_values(silent, NIST)
    assert values.terms == 0
    assert np.isnan([values.atwv, values.mtwv, values.otwv, values.stwv, twv_at(silent, NIST, 0.5)]).all()


@st.composite
def detections(draw):
    terms = draw(st.integers(1, 4))
    occurrences = draw(arrays(int, terms, elements=st.integers(0, 4)))
    trials = draw(arrays(float, terms, elements=st.sampled_from([2.0, 30.0, 100.0])))
    rows = []
    for term in range(terms):
        right = draw(st.integers(0, int(occurrences[term])))
        wrong = draw(st.integers(0, 4))
        rows += [(term, True)] * right + [(term, False)] * wrong
    score = draw(arrays(float, len(rows), elements=st.sampled_from([-3.5, 0.0, 0.25, 0.5, 0.75])))
    decision = draw(arrays(bool, len(rows)))
    term, correct = np.array(rows, dtype=int).reshape(-1, 2).T
    return AlignedDetections(term, score, correct.astype(bool), decision, occurrences, trials)


def slow_rates(aligned, detected, term):
    """P_miss and P_fa of a term, where the rows `chosen` count as detections."""
    true = int(aligned.occurrences[term])
    rows = [d for d in detected if aligned.term[d] == term]
    found = sum(bool(aligned.correct[d]) for d in rows)
    return 1 - found / true, (len(rows) - found) / (float(aligned.trials[term]) - true)


def slow_twv(aligned, costs, detected, terms):
    rates = [slow_rates(aligned, detected, term) for term in terms]
    return 1 - sum(miss + costs.beta * fa for miss, fa in rates) / len(rates)


def at(aligned, threshold):
    return [d for d in range(len(aligned.score)) if aligned.score[d] >= threshold]


@settings(max_examples=150, deadline=None)
@given(detections(), st.sampled_from([NIST, COSTS, PUBLISHED["san2021"]]))
def test_values_and_curves_agree_with_their_slow_twins(aligned, costs):
    values = term_weighted_values(aligned, costs)
    terms = [w for w in range(len(aligned.trials)) if 0 < aligned.occurrences[w] < aligned.trials[w]]
    assert values.terms == len(terms)
    if not terms:
        return
    everything = list(range(len(aligned.score)))
    thresholds = [np.inf, *sorted(set(aligned.score.tolist()), reverse=True)]
    assert values.atwv == pytest.approx(slow_twv(aligned, costs, np.flatnonzero(aligned.decision), terms))
    curve = [slow_twv(aligned, costs, at(aligned, threshold), terms) for threshold in thresholds]
    assert values.mtwv == pytest.approx(max(curve))
    assert curve[thresholds.index(values.threshold)] == pytest.approx(max(curve))
    assert [twv_at(aligned, costs, threshold) for threshold in thresholds] == pytest.approx(curve)
    best = [max(slow_twv(aligned, costs, at(aligned, threshold), [w]) for threshold in thresholds) for w in terms]
    assert values.otwv == pytest.approx(np.mean(best))
    assert values.stwv == pytest.approx(np.mean([1 - slow_rates(aligned, everything, w)[0] for w in terms]))

    weighted, pooled = term_weighted_curve(aligned), pooled_curve(aligned)
    assert weighted.threshold.tolist() == pooled.threshold.tolist() == thresholds
    assert 1 - weighted.p_miss - costs.beta * weighted.p_fa == pytest.approx(curve)
    inside = [d for d in everything if aligned.term[d] in terms]
    true = sum(int(aligned.occurrences[w]) for w in terms)
    others = sum(float(aligned.trials[w]) - int(aligned.occurrences[w]) for w in terms)
    for threshold, p_fa, p_miss in zip(pooled.threshold, pooled.p_fa, pooled.p_miss, strict=True):
        detected = [d for d in inside if aligned.score[d] >= threshold]
        found = sum(bool(aligned.correct[d]) for d in detected)
        assert (p_miss, p_fa) == pytest.approx((1 - found / true, (len(detected) - found) / others))
