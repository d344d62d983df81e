"""Whether two measures go together: Pearson's and Spearman's coefficients of correlation."""

from __future__ import annotations

import numpy as np

from earmark.evaluate.truth import Floats


def pearson(x: Floats, y: Floats) -> float:
    """Pearson's coefficient of two arrays of shape (N,): how far the points lie on a line.

    NaN for fewer than two points, and where all `x` or all `y` are the same.
    """
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def spearman(x: Floats, y: Floats) -> float:
    """Spearman's coefficient: Pearson's of the ranks, where equal values share the mean of their ranks."""
    return pearson(_ranks(x), _ranks(y))


def _ranks(values: Floats) -> Floats:
    _, which, count = np.unique(values, return_inverse=True, return_counts=True)
    last: Floats = count.cumsum() - (count - 1) / 2
    return last[which]
