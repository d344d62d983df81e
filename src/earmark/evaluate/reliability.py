"""Reliability: whether a detection score of 0.7 is right seven times in ten."""

from __future__ import annotations

import numpy as np

from earmark.evaluate.truth import Bools, Floats

BINS = 10


def reliability(scores: Floats, present: Bools) -> tuple[Floats, Floats, Floats]:
    """Detection scores beside how often they are right, in ten bins of equal width.

    Parameters
    ----------
    scores : numpy.ndarray, shape = (U, W), in [0, 1]
        NaN where the model was not asked.
    present : numpy.ndarray, shape = (U, W), bool

    Returns
    -------
    mean_score, fraction_present, count : numpy.ndarray, shape = (bins that are not empty,)
    """
    answered = ~np.isnan(scores)
    scores, present = scores[answered], present[answered]
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    used = count > 0
    mean_score = np.bincount(bins, scores, BINS)[used] / count[used]
    fraction_present = np.bincount(bins, present, BINS)[used] / count[used]
    return mean_score, fraction_present, count[used].astype(float)
