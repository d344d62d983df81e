"""Coefficients of correlation: by hand, and against SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.evaluation.agreement import pearson, spearman


def test_by_hand() -> None:
    x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 10.0])
    # deviations -1.5 -0.5 0.5 1.5 and -3 -1 -2 6: products 4.5 0.5 -1 9 = 13; squares 5 and 50
    assert pearson(x, y) == pytest.approx(13 / math.sqrt(5 * 50))
    # ranks 1 2 3 4 and 1 3 2 4: 1 - 6 (0 + 1 + 1 + 0) / (4 (16 - 1))
    assert spearman(x, y) == pytest.approx(1 - 12 / 60)
    assert spearman(x, np.exp(x)) == pytest.approx(1)
    assert pearson(x, -x) == pytest.approx(-1)


@pytest.mark.parametrize(("x", "y"), [([], []), ([1.0], [2.0]), ([1.0, 1.0], [1.0, 2.0]), ([1.0, 2.0], [3.0, 3.0])])
def test_where_it_is_undefined(x: list[float], y: list[float]) -> None:
    assert math.isnan(pearson(np.array(x), np.array(y)))
    assert math.isnan(spearman(np.array(x), np.array(y)))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=12))
def test_against_scipy(points: list[tuple[int, int]]) -> None:
    stats = pytest.importorskip("scipy.stats", reason="SciPy comes with scikit-learn")
    x, y = np.array(points, dtype=float).T
    if np.ptp(x) and np.ptp(y):
        assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
        assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
