"""Confidence intervals: the percentile bootstrap over utterances (Efron and Tibshirani 1993, chapter 13).

Reliability: whether a detection score of 0.7 is right seven times in ten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from earmark.evaluation.data import Bools, Floats, Ints

LEVEL = 0.95
RESAMPLES = 1000
SEED = 0  # fixed, so that two models are compared on the same draws
DRAWN_AT_ONCE = 80_000  # weights in one block; small enough to stay in a processor's cache

Measures = Callable[[Ints], Mapping[str, Floats]]


def confidence(measures: Measures, utterances: int) -> dict[str, Any]:
    """Confidence intervals of measures, as they stand in ``metrics.json``.

    Parameters
    ----------
    measures : callable
        Takes weights, shape = (U, R): how often each utterance was drawn in each of R resamples. Returns each
        measure by name, shape = (R,).
    utterances : int
        U.

    Returns
    -------
    dict
        ``level``, ``resamples`` and ``intervals``: low and high end of each measure by name, None where it is
        undefined. Resamples in which a measure is undefined (no occurrence was drawn, say) are left out.
    """
    blocks = [measures(weights) for weights in draws(utterances)]
    values = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    intervals = {name: _percentiles(resampled) for name, resampled in values.items()}
    return {"level": LEVEL, "resamples": RESAMPLES, "intervals": intervals}


def draws(utterances: int) -> Iterator[Ints]:
    """How often each utterance is drawn in each resample, in blocks of shape (U, some of the R)."""
    rng = np.random.default_rng(SEED)
    share = np.full(utterances, 1 / utterances)
    at_once = max(1, DRAWN_AT_ONCE // utterances)
    for begin in range(0, RESAMPLES, at_once):
        drawn = rng.multinomial(utterances, share, size=min(at_once, RESAMPLES - begin))
        yield np.ascontiguousarray(drawn.T, dtype=np.int32)


def _percentiles(values: Floats) -> list[float] | None:
    defined = values[~np.isnan(values)]
    if not len(defined):
        return None
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return [float(low), float(high)]


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
