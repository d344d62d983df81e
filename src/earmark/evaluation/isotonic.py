"""Isotonic regression by pooling adjacent violators (Ayer et al. 1955): the best fit that never falls."""

from __future__ import annotations

import numpy as np

from earmark.evaluation.data import Floats


def isotonic_fit(x: Floats, y: Floats, weight: Floats) -> Floats:
    """Values that do not fall as x rises, and have the least weighted squared distance from y.

    Parameters
    ----------
    x, y : numpy.ndarray, shape = (N,)
        Values at equal x are fitted by one.
    weight : numpy.ndarray, shape = (N,), above 0

    Returns
    -------
    numpy.ndarray, shape = (N,)
        In the order of `x`.
    """
    _, of_x = np.unique(x, return_inverse=True)
    weights, sums = np.zeros((2, int(of_x.max(initial=-1)) + 1))
    np.add.at(weights, of_x, weight)
    np.add.at(sums, of_x, weight * y)
    return _pool(sums / weights, weights)[of_x]


def _pool(means: Floats, weights: Floats) -> Floats:
    """Each value's block mean, after neighbours that fall have been pooled."""
    blocks: list[tuple[float, float, int]] = []  # mean, weight, length
    for mean, weight in zip(means.tolist(), weights.tolist(), strict=True):
        block = (mean, weight, 1)
        while blocks and blocks[-1][0] >= block[0]:
            before = blocks.pop()
            whole = before[1] + block[1]
            block = ((before[0] * before[1] + block[0] * block[1]) / whole, whole, before[2] + block[2])
        blocks.append(block)
    return np.repeat([mean for mean, _, _ in blocks], [length for _, _, length in blocks])
