"""Every measure: an example worked by hand, and agreement with a slow twin or with scikit-learn."""

from __future__ import annotations

from dataclasses import asdict
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from earmark.core.errors import EarmarkError
from earmark.core.metric_table import METRICS
from earmark.evaluation import reliability
from earmark.evaluation.data import GroundTruth, Predictions
from earmark.evaluation.metrics import Counts, average_precision, equal_error_rate, precision_at, rank, reciprocal_rank
from earmark.evaluation.summary import compute_metrics
from support.slow_measures import slow_measure

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def truth_of(occurrences, utterances, keywords=1):
    """A truth from (utterance, keyword, start_s, end_s), in order of time."""
    u, w, start_s, end_s = np.array(occurrences, dtype=float).reshape(-1, 4).T
    u, w = u.astype(int), w.astype(int)
    present = np.zeros((utterances, keywords), dtype=bool)
    present[u, w] = True
    return GroundTruth(present, u, w, start_s, end_s, aligned=True)


def measured(truth, scores, times_s, thresholds=0.5, length_s=4.0, global_threshold=None):
    u, w = truth.present.shape
    predictions = Predictions(np.reshape(scores, (u, w)), np.reshape(times_s, (u, w)).astype(float))
    words = [f"word{i}" for i in range(w)]
    return asdict(
        compute_metrics(
            truth, predictions, np.broadcast_to(thresholds, w), words, np.full(u, length_s), global_threshold
        )
    )


# --- detection -------------------------------------------------------------------------------------------


def test_detection_by_hand():
    truth = truth_of([(0, 0, 1, 2), (1, 0, 1, 2), (0, 1, 2, 3)], utterances=3, keywords=2)
    scores = [[0.9, 0.6], [0.3, 0.7], [0.8, 0.1]]
    body = measured(truth, scores, np.full((3, 2), np.nan), thresholds=[0.8, 0.65], global_threshold=0.7)
    # word0: utterances 0 and 2 are detected (0.8 reaches 0.8), it is in 0 and 1: TP 1, FP 1, FN 1
    # word1: utterance 1 is detected, it is in 0: TP 0, FP 1, FN 1
    # together TP 1, FP 2, FN 2
    assert body["detection"]["precision"] == pytest.approx(1 / 3)
    assert body["detection"]["recall"] == pytest.approx(1 / 3)
    assert body["detection"]["f1"] == pytest.approx(1 / 3)
    assert body["per_keyword"]["word0"]["detection"]["precision"] == pytest.approx(1 / 2)
    assert body["per_keyword"]["word1"]["detection"]["f1"] == 0
    # at 0.5, word1 is detected in 0 and 1: together TP 2, FP 2, FN 1
    assert body["fixed_threshold"]["threshold"] == 0.5
    assert body["fixed_threshold"]["detection"] == pytest.approx({"precision": 2 / 4, "recall": 2 / 3, "f1": 4 / 7})
    # at 0.7, word0 in 0 and 2, word1 in 1: together TP 1, FP 2, FN 2
    assert body["global_threshold"]["threshold"] == 0.7
    assert body["global_threshold"]["detection"] == pytest.approx({"precision": 1 / 3, "recall": 1 / 3, "f1": 1 / 3})


def test_average_precision_by_hand():
    truth = truth_of([(0, 0, 1, 2), (1, 0, 1, 2), (0, 1, 2, 3)], utterances=3, keywords=2)
    body = measured(truth, [[0.9, 0.6], [0.3, 0.7], [0.6, 0.1]], np.full((3, 2), np.nan))
    # all cells, best first: 0.9 right | 0.7 wrong | 0.6 right and wrong (tied) | 0.3 right | 0.1 wrong
    # recall rises by 1/3 at 0.9 (precision 1/1), at 0.6 (precision 2/4), at 0.3 (precision 3/5)
    assert body["detection"]["average_precision"] == pytest.approx((1 + 2 / 4 + 3 / 5) / 3)
    # word0: right, wrong, right: (1/1 + 2/3) / 2; word1: wrong, right, wrong: 1/2
    assert body["detection"]["mean_average_precision"] == pytest.approx((5 / 6 + 1 / 2) / 2)


# --- localisation ----------------------------------------------------------------------------------------

# One keyword: twice in utterance 0, once in 1, 2 and 3, not in 4.
TWICE = [(0, 0, 0.5, 1.0), (0, 0, 2.0, 3.0), (1, 0, 1.0, 1.5), (2, 0, 1.0, 2.0), (3, 0, 0.0, 1.0)]
SCORES = [0.9, 0.8, 0.7, 0.2, 0.6]
TIMES_S = [0.7, 1.6, 2.0, 0.5, 1.0]  # first of two; just past the end; on the end itself; inside; nothing to hit


def test_oracle_by_hand():
    body = measured(truth_of(TWICE, 5), SCORES, TIMES_S)
    # right in utterances 0, 2, 3, of the four that contain the word
    assert body["oracle"]["accuracy"] == pytest.approx(3 / 4)
    # released: five occurrences; right are the first in 0, and those in 2 and 3
    assert body["released"]["oracle"]["accuracy"] == pytest.approx(3 / 5)


def test_actual_by_hand():
    body = measured(truth_of(TWICE, 5), SCORES, TIMES_S)
    # detected 0, 1, 2, 4; of these 0 and 2 are located: TP 2, FP 2; the word is in four utterances
    assert body["actual"] == pytest.approx({"precision": 2 / 4, "recall": 2 / 4, "f1": 4 / 8})
    # released: TP the first in 0, and 2; FP the second in 0, 1, and 4 (not there); FN 3 (not detected)
    assert body["released"]["actual"] == pytest.approx({"precision": 2 / 5, "recall": 2 / 3, "f1": 4 / 8})


def test_actual_global_threshold_by_hand():
    body = measured(truth_of(TWICE, 5), SCORES, TIMES_S, global_threshold=0.85)
    # detected and located in 0 alone; the word is in four utterances
    assert body["global_threshold"]["actual"] == pytest.approx({"precision": 1, "recall": 1 / 4, "f1": 2 / 5})


def test_measures_without_a_global_threshold_are_undefined():
    body = measured(truth_of(TWICE, 5), SCORES, TIMES_S)
    nothing = {"precision": None, "recall": None, "f1": None}
    assert body["global_threshold"] == {"threshold": None, "detection": nothing, "actual": nothing}


def test_a_detection_in_the_wrong_place_is_a_false_alarm_and_a_miss():
    body = measured(truth_of([(0, 0, 1.0, 2.0)], 1), [0.9], [3.0])
    assert body["detection"]["f1"] == 1
    assert body["actual"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert body["released"]["actual"] == {"precision": 0.0, "recall": None, "f1": 0.0}


def test_a_missing_location_is_in_no_word():
    body = measured(truth_of([(0, 0, 1.0, 2.0)], 2), [0.9, 0.8], [np.nan, np.nan])
    assert body["oracle"]["accuracy"] == 0
    # both are detected, neither is located: TP 0 of 2 detections
    assert body["actual"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    # released: two false alarms and no miss, so nothing is left to recall
    assert body["released"]["actual"] == {"precision": 0.0, "recall": None, "f1": 0.0}


@pytest.mark.parametrize(("time_s", "right"), [(0.99, 0), (1.0, 1), (1.5, 1), (2.0, 1), (2.01, 0)])
def test_both_ends_of_a_word_belong_to_it(time_s, right):
    assert measured(truth_of([(0, 0, 1.0, 2.0)], 1), [0.9], [time_s])["oracle"]["accuracy"] == right


# --- spotting --------------------------------------------------------------------------------------------


def test_spotting_by_hand():
    # Twelve utterances ranked as they stand; the word is in 0, 1, 3, 10 and located in 0, 3, 10.
    truth = truth_of([(u, 0, 1.0, 2.0) for u in (0, 1, 3, 10)], 12)
    times_s = [1.5, 3.0] + 10 * [1.5]
    body = measured(truth, np.linspace(1, 0, 12), times_s)
    # among the ten best are 0, 1, 3; N is 4, and among the four best are the same three
    assert body["spotting"]["p_at_10"] == pytest.approx(3 / 10)
    assert body["spotting"]["p_at_n"] == pytest.approx(3 / 4)
    # located: 0 and 3
    assert body["spotting_localisation"] == pytest.approx({"p_at_10": 2 / 10, "p_at_n": 2 / 4})
    # released: N' is 3 (those located), and of the three best only 0 is right
    assert body["released"]["spotting_localisation"] == pytest.approx({"p_at_10": 2 / 10, "p_at_n": 1 / 3})


def test_released_spotting_knows_the_last_occurrence_alone():
    truth = truth_of([(0, 0, 0.0, 1.0), (0, 0, 2.0, 3.0), (1, 0, 1.0, 2.0)], 2)
    body = measured(truth, [0.9, 0.8], [0.5, 1.5])
    assert body["spotting_localisation"]["p_at_10"] == 1  # both of two
    # utterance 0 is located in its first occurrence, which the released code forgets: N' is 1, and 0 is first
    assert body["released"]["spotting_localisation"] == {"p_at_10": 0.5, "p_at_n": 0.0}


def test_ties_keep_the_order_of_utterances():
    truth = truth_of([(u, 0, 1.0, 2.0) for u in (0, 11)], 12)
    body = measured(truth, np.full(12, 0.5), np.full(12, 1.5))
    assert body["spotting"]["p_at_10"] == pytest.approx(1 / 10)  # 0 is among the first ten, 11 is not


def test_equal_error_rate_by_hand():
    # best first: present, absent, present, absent, absent
    truth = truth_of([(0, 0, 1.0, 2.0), (2, 0, 1.0, 2.0)], 5)
    body = measured(truth, [0.9, 0.8, 0.7, 0.6, 0.5], np.full(5, 1.5))
    # ROC: (0, 0) (0, 1/2) (1/3, 1/2) (1/3, 1): it meets 1 - x where it climbs at x = 1/3 from 1/2 to 1, at 2/3
    assert body["spotting"]["eer"] == pytest.approx(1 / 3)


def test_equal_error_rate_between_tied_scores_by_hand():
    # two present, three absent; 0.9: present. 0.8: present, absent, absent. 0.1: absent
    truth = truth_of([(0, 0, 1.0, 2.0), (1, 0, 1.0, 2.0)], 5)
    body = measured(truth, [0.9, 0.8, 0.8, 0.8, 0.1], np.full(5, 1.5))
    # ROC: (0, 0) (0, 1/2) (2/3, 1): on its last line y = 1/2 + 3/4 x, so 1 - x = 1/2 + 3/4 x at x = 2/7
    assert body["spotting"]["eer"] == pytest.approx(2 / 7)


# --- chance ----------------------------------------------------------------------------------------------


def test_chance_by_hand():
    # word0 fills 0.5-1.5 and 1.0-2.0 (together 1.5 s) of utterance 0, and 3-5 of utterance 1, which ends at 4
    truth = truth_of([(0, 0, 0.5, 1.5), (0, 0, 1.0, 2.0), (1, 0, 3.0, 5.0), (1, 1, 0.0, 2.0)], 4, keywords=2)
    body = measured(truth, np.zeros((4, 2)), np.full((4, 2), np.nan), length_s=4.0)
    # three cells: 1.5/4, 1/4 and 2/4
    assert body["chance"]["oracle"]["accuracy"] == pytest.approx((1.5 / 4 + 1 / 4 + 2 / 4) / 3)
    # word0 is in 2 of 4, word1 in 1 of 4
    assert body["chance"]["spotting"]["p_at_10"] == pytest.approx((2 / 4 + 1 / 4) / 2)


def test_random_predictions_reach_the_chance_level():
    rng = np.random.default_rng(1)
    utterances, length_s = 4000, 4.0
    spoken = np.flatnonzero(rng.random(utterances) < 0.5)
    start_s = rng.random(len(spoken)) * 3
    end_s = start_s + rng.random(len(spoken))
    truth = truth_of(np.stack([spoken, 0 * spoken, start_s, end_s], axis=1), utterances)
    body = measured(truth, rng.random(utterances), rng.random(utterances) * length_s)
    assert body["oracle"]["accuracy"] == pytest.approx(body["chance"]["oracle"]["accuracy"], abs=0.03)
    assert body["spotting"]["p_at_n"] == pytest.approx(body["chance"]["spotting"]["p_at_10"], abs=0.04)


# --- where a measure is undefined ------------------------------------------------------------------------


def test_nothing_detected_is_precision_0_where_there_is_something_to_find():
    body = measured(truth_of([(0, 0, 1.0, 2.0)], 2), [0.1, 0.1], [1.5, 1.5])
    for task in (body["detection"], body["actual"], body["released"]["actual"], body["fixed_threshold"]["actual"]):
        assert (task["precision"], task["recall"], task["f1"]) == (0, 0, 0)


def test_nothing_to_find_and_nothing_detected_is_undefined():
    body = measured(truth_of([], 2), [0.1, 0.1], [1.5, 1.5])
    assert set(body["detection"].values()) == {None}
    assert set(body["confidence"]["intervals"].values()) == {None}


def test_nothing_to_find_is_undefined_whatever_is_detected():
    body = measured(truth_of([], 2), [0.9, 0.9], [1.5, 1.5], global_threshold=0.4)
    assert body["global_threshold"].pop("threshold") == 0.4
    for branch in (body, body["released"], body["fixed_threshold"], body["global_threshold"]):
        for task in ("detection", "actual"):
            assert set(branch.get(task, {}).values()) <= {None}
    assert set(body["confidence"]["intervals"].values()) == {None}


def test_a_keyword_that_never_occurs_is_left_out_of_means():
    truth = truth_of([(0, 0, 1.0, 2.0)], 12, keywords=2)
    body = measured(truth, np.full((12, 2), 0.9), np.full((12, 2), 1.5))
    assert body["spotting"]["p_at_10"] == pytest.approx(1 / 10)
    never = body["per_keyword"]["word1"]
    assert (never["occurrences"], never["utterances"], never["threshold"]) == (0, 0, 0.5)
    assert {value for task in never.values() if isinstance(task, dict) for value in task.values()} == {None}


def test_without_word_times_only_detection_and_spotting_are_measured():
    truth = GroundTruth(np.array([[True], [False]]), *np.zeros((2, 0), dtype=int), *np.zeros((2, 0)), aligned=False)
    body = measured(truth, [0.9, 0.8], [1.0, 1.0])
    assert body["detection"]["f1"] == pytest.approx(2 / 3)
    assert body["spotting"]["eer"] == 0
    assert body["oracle"] == body["released"]["oracle"] == body["chance"]["oracle"] == {"accuracy": None}
    for task in (body["actual"], body["fixed_threshold"]["actual"], body["released"]["spotting_localisation"]):
        assert set(task.values()) == {None}
    assert body["confidence"]["intervals"]["actual.f1"] is None
    assert body["per_keyword"]["word0"]["occurrences"] is None


@pytest.mark.parametrize("word", ["actual", "a.b", "ọkọ̀ òfúrufú"])
def test_any_word_can_be_a_keyword(word):
    truth = truth_of([(0, 0, 1.0, 2.0)], 1)
    body = compute_metrics(truth, Predictions(np.ones((1, 1)), np.ones((1, 1))), np.ones(1), [word], np.ones(1))
    assert body.per_keyword[word].actual.f1 == 1


# --- bad input -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("score", [np.nan, np.inf, -0.1, 1.1])
def test_scores_that_are_no_scores(score):
    with pytest.raises(EarmarkError, match="not between 0 and 1"):
        Predictions(np.array([[score]]), np.zeros((1, 1)))


def test_no_utterance():
    with pytest.raises(EarmarkError, match="no utterance"):
        measured(truth_of([], 0), np.zeros((0, 1)), np.zeros((0, 1)))


def test_shapes_that_differ():
    truth = truth_of([], 2)
    with pytest.raises(ValueError, match="shape"):
        compute_metrics(truth, Predictions(np.zeros((3, 1)), np.zeros((3, 1))), np.zeros(1), ["a"], np.ones(2))
    with pytest.raises(ValueError, match="thresholds"):
        compute_metrics(truth, Predictions(np.zeros((2, 1)), np.zeros((2, 1))), np.zeros(2), ["a"], np.ones(2))


def test_an_occurrence_where_the_keyword_is_not_present():
    one = np.zeros(1, dtype=int)
    with pytest.raises(ValueError, match="not present"):
        GroundTruth(np.array([[False]]), one, one, np.zeros(1), np.ones(1), aligned=True)


def test_a_cell_that_was_not_evaluated_is_in_no_measure_by_hand():
    truth = truth_of([(0, 0, 1, 2), (1, 0, 1, 2), (2, 0, 1, 2)], utterances=4)
    evaluated = np.array([[True], [False], [True], [True]])
    scores, times_s = np.array([[0.9], [np.nan], [0.2], [0.6]]), np.array([[1.5], [1.5], [1.5], [1.5]])
    predictions = Predictions(scores, times_s, evaluated)
    with pytest.raises(ValueError, match="present in a cell that was not evaluated"):
        compute_metrics(truth, predictions, np.array([0.5]), ["word"], np.full(4, 4.0))
    body = asdict(
        compute_metrics(truth.within(evaluated), predictions, np.array([0.5]), ["word"], np.full(4, 4.0), 0.5)
    )
    # utterances 0 and 3 are detected, it is in 0 and 2: TP 1, FP 1, FN 1; utterance 1 is no miss
    assert body["detection"]["precision"] == body["detection"]["recall"] == pytest.approx(1 / 2)
    assert body["actual"]["f1"] == pytest.approx(1 / 2)
    assert body["oracle"]["accuracy"] == 1
    assert body["per_keyword"]["word"]["utterances"] == body["per_keyword"]["word"]["occurrences"] == 2
    # ranked 0 (right), 3 (wrong), 2 (right)
    assert body["spotting"]["p_at_10"] == pytest.approx(2 / 3)
    assert body["detection"]["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert body["chance"]["spotting"]["p_at_10"] == pytest.approx(2 / 3)


def test_scores_are_there_only_where_evaluated():
    with pytest.raises(ValueError, match="not evaluated"):
        Predictions(np.array([[0.5]]), np.array([[0.5]]), np.array([[False]]))
    with pytest.raises(EarmarkError, match="not between 0 and 1"):
        Predictions(np.array([[np.nan]]), np.array([[0.5]]), np.array([[True]]))


# --- the twins -------------------------------------------------------------------------------------------

GRID = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
TIME_S = st.sampled_from([0.0, 0.5, 1.0, 1.25, 2.0, 2.5, 3.0])
FEW = settings(max_examples=150, deadline=None)


@st.composite
def cases(draw):
    """Arguments of compute_metrics, with ties, overlaps, NaNs and cells that were not evaluated."""
    shape = draw(st.tuples(st.integers(1, 14), st.integers(1, 4)))
    cell = st.tuples(*(st.integers(0, size - 1) for size in shape))
    extent = st.tuples(TIME_S, st.sampled_from([0.0, 0.25, 1.0, 2.0]))
    spoken = draw(st.lists(st.tuples(cell, extent), max_size=20))
    spoken = sorted((u, w, start_s, start_s + length_s) for (u, w), (start_s, length_s) in spoken)
    truth = truth_of(sorted(spoken, key=lambda one: (one[0], one[2])), *shape)
    if draw(st.integers(0, 4)) == 0:
        nothing = np.zeros((2, 0), dtype=int)
        truth = GroundTruth(truth.present, *nothing, *nothing.astype(float), aligned=False)
    scores = draw(arrays(float, shape, elements=draw(st.sampled_from([GRID, st.floats(0, 1)]))))
    times_s = draw(arrays(float, shape, elements=st.one_of(st.just(np.nan), TIME_S)))
    thresholds = draw(arrays(float, shape[1], elements=GRID))
    durations_s = draw(arrays(float, shape[0], elements=st.sampled_from([2.0, 3.5, 6.0])))
    keywords = [f"word{w}" for w in range(shape[1])]
    evaluated = draw(st.none() | arrays(bool, shape))
    predictions = Predictions(np.where(True if evaluated is None else evaluated, scores, np.nan), times_s, evaluated)
    return truth.within(predictions.evaluated), predictions, thresholds, keywords, durations_s, draw(GRID)


def flat(tree, path=()):
    """Leaves of a tree by path; None as NaN, which pytest.approx can compare."""
    if isinstance(tree, dict):
        return {k: v for name, branch in tree.items() for k, v in flat(branch, (*path, name)).items()}
    return {path: np.nan if tree is None else tree}


@FEW
@given(cases())
def test_all_measures_agree_with_their_slow_twins(case):
    body = asdict(compute_metrics(*case))
    del body["confidence"]
    entropy = body["cross_entropy"]
    if (affine := entropy.pop("affine")) is not None:
        assert entropy["isotonic"] - 1e-6 <= affine <= min(1, entropy["cnxe"]) + 1e-6
    assert flat(body) == pytest.approx(flat(slow_measure(*case)), nan_ok=True)


@FEW
@given(cases(), st.data())
def test_drawing_an_utterance_k_times_is_measuring_k_copies(case, data):
    truth, predictions, thresholds, keywords, durations_s, global_threshold = case
    weights = data.draw(arrays(np.int32, len(durations_s), elements=st.integers(0, 3)).filter(np.any))
    with mock.patch.object(reliability, "draws", return_value=iter([weights[:, None]])):
        intervals = compute_metrics(*case).confidence.intervals

    copies = np.repeat(np.arange(len(weights)), weights)
    occurrences = [
        (new, truth.keyword[n], truth.start_s[n], truth.end_s[n])
        for new, old in enumerate(copies)
        for n in np.flatnonzero(truth.utterance == old)
    ]
    u, w, start_s, end_s = np.array(occurrences, dtype=float).reshape(-1, 4).T
    drawn = GroundTruth(truth.present[copies], u.astype(int), w.astype(int), start_s, end_s, truth.aligned)
    resampled = Predictions(predictions.scores[copies], predictions.times_s[copies], predictions.evaluated[copies])
    body = flat(slow_measure(drawn, resampled, thresholds, keywords, durations_s[copies], global_threshold))
    assert set(intervals) == {metric.key for metric in METRICS if metric.interval}
    for key, interval in intervals.items():
        assert (interval or (np.nan, np.nan)) == pytest.approx((body[tuple(key.split("."))],) * 2, nan_ok=True)


@FEW
@given(
    arrays(float, 30, elements=GRID | st.floats(0, 1)),
    arrays(bool, 30).filter(lambda present: 0 < present.sum() < 30),
    arrays(np.int32, 30, elements=st.integers(1, 4)),
)
def test_ranking_measures_agree_with_scikit_learn(scores, present, weights):
    metrics = pytest.importorskip("sklearn.metrics")
    ranking = rank(scores, present)
    tally = ranking.tally(weights[:, None])

    expected = metrics.average_precision_score(present, scores, sample_weight=weights)
    assert average_precision(ranking, tally)[0] == pytest.approx(expected)

    x, y, _ = metrics.roc_curve(present, scores, sample_weight=weights)
    along = np.linspace(0, len(x) - 1, 200_001)  # finely along the curve, so that steep parts are met as well
    fine_x, fine_y = (np.interp(along, np.arange(len(x)), values) for values in (x, y))
    expected = fine_x[np.argmin(np.abs(fine_x + fine_y - 1))]
    assert equal_error_rate(ranking, tally)[0] == pytest.approx(expected, abs=1e-3)


def test_a_ranking_by_hand():
    ranking = rank(np.array([[0.2, 0.9], [0.9, 0.2]]), np.array([[True, False], [True, False]]))
    # cells 1 and 2 tie at 0.9, then 0 and 3 at 0.2; cells 0 and 1 are of utterance 0
    assert ranking.order.tolist() == [1, 2, 0, 3]
    assert ranking.utterance.tolist() == [0, 1, 0, 1]
    assert ranking.present.tolist() == [1, 2]
    tally = ranking.tally(np.array([[2, 1], [0, 1]]))
    assert tally.tolist() == [[0, 0], [2, 1], [2, 2], [4, 3], [4, 4]]
    # first resample: cell 1 twice, then cell 0 twice; of the best 3, one is cell 0, which is right
    # second resample: every cell once; of the best 3, cells 2 and 0 are right
    right = np.array([[True, False], [True, False]])
    assert precision_at(3, ranking, right, tally) == pytest.approx([1 / 3, 2 / 3])


def test_counts_by_hand():
    table = Counts(
        true_positive=np.array([[1, 0], [0, 0]], bool),
        predicted=np.array([[1, 1], [0, 0]], bool),
        relevant=np.array([[1, 0], [1, 0]], bool),
    )
    # utterance 0 three times, utterance 1 once: 3 true positives of 6 predicted, 3 + 1 relevant
    weighted = table.micro(np.array([[3], [1]])).precision_recall_f1()
    assert {name: value.tolist() for name, value in weighted.items()} == {
        "precision": [3 / 6],
        "recall": [3 / 4],
        "f1": [6 / 10],
    }
    assert table.per_keyword().predicted.tolist() == [1, 1]


@FEW
@given(arrays(float, 12, elements=GRID), arrays(bool, 12), arrays(np.int32, (12, 3), elements=st.integers(0, 2)))
def test_reciprocal_rank_is_that_of_copies(scores, present, weights):
    ranking = rank(scores, present)
    for r, value in enumerate(reciprocal_rank(ranking, ranking.tally(weights))):
        order = sorted(range(12), key=lambda u: -scores[u])
        copies = [bool(present[u]) for u in order for _ in range(weights[u, r])]
        expected = 1 / (copies.index(True) + 1) if any(copies) else np.nan
        assert value == pytest.approx(expected, nan_ok=True)
