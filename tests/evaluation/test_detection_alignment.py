"""One-to-one alignment of detections with occurrences: worked by hand, and against all alignments that there are."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.evaluation.detection_alignment import align, correct_detections


def aligned(detections, occurrences):
    mid_s, score = np.array(detections, dtype=float).reshape(-1, 2).T
    start_s, end_s = np.array(occurrences, dtype=float).reshape(-1, 2).T
    return align(mid_s, score, start_s, end_s).tolist()


def test_a_midpoint_may_lie_half_a_second_outside():
    assert aligned([(0.5, 1)], [(1.0, 1.2)]) == [0]
    assert aligned([(1.7, 1)], [(1.0, 1.2)]) == [0]
    assert aligned([(0.49, 1)], [(1.0, 1.2)]) == [-1]
    assert aligned([(1.71, 1)], [(1.0, 1.2)]) == [-1]


def test_an_occurrence_is_found_once_by_the_best_score():
    assert aligned([(1.1, 0.4), (1.1, 0.9), (1.0, 0.5)], [(1.0, 1.2)]) == [-1, 0, -1]


def test_a_better_detection_moves_over_for_a_worse_one():
    # The best one, at 1.5, may be either; the other, at 0.8, only the first: both are right.
    assert aligned([(1.5, 0.9), (0.8, 0.1)], [(1.0, 1.2), (1.9, 2.0)]) == [1, 0]


def test_nothing_to_align():
    assert aligned([], [(1.0, 1.2)]) == []
    assert aligned([(1.0, 0.5)], []) == [-1]


def test_a_long_chain_of_moves():
    # Each detection but the last may be at two occurrences, and at first takes the one that the next one needs.
    starts = np.arange(3000) * 1.0
    mid_s = np.append(starts[:-1] + 0.5, 2999.6)
    found = align(np.append(mid_s, -0.4), np.linspace(1, 0, 3001), starts, starts + 0.1)
    assert (found >= 0).sum() == 3000
    assert sorted(found[found >= 0]) == list(range(3000))


TIMES = st.sampled_from([0.0, 0.5, 0.8, 1.0, 1.4, 2.0, 2.5])
DETECTIONS = st.lists(st.tuples(TIMES, st.floats(0, 1)), max_size=5, unique_by=lambda one: one[1])
OCCURRENCES = st.lists(st.tuples(TIMES, st.sampled_from([0.1, 0.5])), max_size=4)


def all_right_sets(detections, occurrences):
    """The sets of detections that some one-to-one alignment makes right."""
    sets = {frozenset()}
    for order in permutations(range(len(detections)), min(len(detections), len(occurrences))):
        for places in permutations(range(len(occurrences)), len(order)):
            pairs = zip(order, places, strict=True)
            sets.add(
                frozenset(
                    d
                    for d, n in pairs
                    if occurrences[n][0] - 0.5 <= detections[d][0] <= occurrences[n][0] + occurrences[n][1] + 0.5
                )
            )
    return sets


@settings(max_examples=100, deadline=None)
@given(DETECTIONS, OCCURRENCES)
def test_most_detections_are_right_and_of_those_the_best_ones_at_every_threshold(detections, occurrences):
    extents = [(start, start + length) for start, length in occurrences]
    right = {d for d, n in enumerate(aligned(detections, extents)) if n >= 0}
    sets = all_right_sets(detections, occurrences)
    most = max(map(len, sets))
    best = max(sum(detections[d][1] for d in one) for one in sets if len(one) == most)
    assert len(right) == most
    assert sum(detections[d][1] for d in right) == best
    for _, threshold in detections:
        above = {d for d in right if detections[d][1] >= threshold}
        assert len(above) == max(len([d for d in one if detections[d][1] >= threshold]) for one in sets)


def test_terms_and_recordings_are_apart():
    group, mid_s, score = np.array([7, 3, 3, 5]), np.array([1.0, 1.0, 1.0, 1.0]), np.array([0.1, 0.2, 0.3, 0.4])
    true_group, start_s = np.array([3, 7, 9]), np.array([0.9, 5.0, 1.0])
    assert correct_detections(group, mid_s, score, true_group, start_s, start_s + 0.2).tolist() == [
        False,
        False,
        True,
        False,
    ]
