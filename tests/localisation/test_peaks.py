"""How far a hit reaches around its peak, by hand and against a loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.localisation.peaks import EXTENT, LONGEST_HIT_S, Floats, non_max_suppression, reach

TENTHS = np.arange(40) / 10


def reach_of(curve: Floats, best: int, times_s: Floats) -> tuple[int, int]:
    first, last = reach(curve[None, None], np.array([[best]]), times_s)
    return int(first[0, 0]), int(last[0, 0])


def slow_reach(curve: Floats, best: int, times_s: Floats) -> tuple[int, int]:
    """Step by step, to the left and then to the right."""
    first = last = best
    if curve[best] <= 0:
        return first, last
    low = EXTENT * curve[best]
    while first > 0 and curve[first - 1] >= low and times_s[last] - times_s[first - 1] <= LONGEST_HIT_S + 1e-9:
        first -= 1
    while (
        last + 1 < len(curve) and curve[last + 1] >= low and times_s[last + 1] - times_s[first] <= LONGEST_HIT_S + 1e-9
    ):
        last += 1
    return first, last


@pytest.mark.parametrize(
    ("curve", "best", "edges"),
    [
        ([0.1, 0.4, 0.8, 1.0, 0.5, 0.49, 0.9], 3, (2, 4)),
        ([1.0, 0.2, 0.6], 0, (0, 0)),
        ([0.2, 0.6, 1.0], 2, (1, 2)),
        ([0.7], 0, (0, 0)),
        ([0.0, 0.0, 0.0], 1, (1, 1)),  # without a peak there is no extent
        ([0.06, 0.04, 0.09, 0.1], 3, (2, 3)),
    ],
)
def test_by_hand(curve: list[float], best: int, edges: tuple[int, int]) -> None:
    assert reach_of(np.array(curve), best, TENTHS[: len(curve)]) == edges


def test_a_hit_on_a_flat_curve_is_no_longer_than_a_word_can_be() -> None:
    first, last = reach_of(np.ones(40), 20, TENTHS)
    assert first <= 20 <= last
    assert LONGEST_HIT_S - 0.1 <= TENTHS[last] - TENTHS[first] <= LONGEST_HIT_S + 1e-9


@given(
    st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.6, 0.9, 1.0]), min_size=1, max_size=60),
    st.sampled_from([0.04, 0.1, 0.5]),
)
def test_all_at_once_is_step_by_step(values: list[float], step_s: float) -> None:
    curve = np.array(values, dtype=np.float64)
    best, times_s = int(np.argmax(curve)), np.arange(len(curve)) * step_s
    assert reach_of(curve, best, times_s) == slow_reach(curve, best, times_s)


def test_many_curves_at_once_are_the_same_as_one_by_one() -> None:
    rng = np.random.default_rng(0)
    curves = rng.random((3, 4, 30))
    bests = curves.argmax(axis=2)
    firsts, lasts = reach(curves, bests, TENTHS[:30])
    for b in range(3):
        for q in range(4):
            assert slow_reach(curves[b, q], bests[b, q], TENTHS) == (firsts[b, q], lasts[b, q])


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40), st.integers(0, 9), st.sampled_from("ab")), max_size=25),
    st.none() | st.integers(0, 5),
    st.booleans(),
)
def test_non_max_suppression_against_a_slow_loop(
    hits: list[tuple[int, int, int, str]], limit: int | None, grouped: bool
) -> None:
    """Take the best hit, drop all of its group that overlap it, and so on."""
    scores, starts, ends = (
        np.array(column, dtype=float)
        for column in ([h[0] for h in hits], [h[1] for h in hits], [h[1] + h[2] for h in hits])
    )
    groups = [h[3] if grouped else "" for h in hits]
    left, selected = set(range(len(hits))), []
    while left:
        best = min(left, key=lambda i: (-scores[i], starts[i], i))
        selected.append(best)
        left -= {best}
        left -= {i for i in left if groups[i] == groups[best] and starts[i] < ends[best] and starts[best] < ends[i]}
    expected = [
        i for n, i in enumerate(selected) if limit is None or [groups[j] for j in selected[:n]].count(groups[i]) < limit
    ]
    assert non_max_suppression(scores, starts, ends, groups if grouped else None, limit) == expected
