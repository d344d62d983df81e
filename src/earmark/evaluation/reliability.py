"""Confidence intervals of the measures, and the reliability of detection scores as probabilities.

Intervals come from the percentile bootstrap over utterances (Efron and Tibshirani 1993, chapter 13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from earmark.core.results import Confidence, Interval, ReliabilityBins
from earmark.evaluation.data import Bools, Floats, Ints

LEVEL = 0.95
RESAMPLES = 1000
SEED = 0  # fixed, so that two models are compared on the same draws
DRAWN_AT_ONCE = 80_000  # weights in one block; small enough to stay in a processor's cache

Resample = Callable[[Ints], Mapping[str, Floats]]


def confidence(measures: Resample, utterances: int) -> Confidence:
    """Confidence intervals of measures.

    Parameters
    ----------
    measures : callable
        Takes weights, shape = (U, R): how often each utterance was drawn in each of R resamples. Returns each
        measure by name, shape = (R,).
    utterances : int
        U.

    Returns
    -------
    Confidence
        Resamples in which a measure is undefined (where no occurrence was drawn, say) are left out.
    """
    blocks = [measures(weights) for weights in draws(utterances)]
    values = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    intervals = {name: percentiles(resampled) for name, resampled in values.items()}
    return Confidence(LEVEL, RESAMPLES, intervals)


def draws(utterances: int) -> Iterator[Ints]:
    """How often each utterance is drawn in each resample, in blocks of shape (U, some of the R)."""
    rng = np.random.default_rng(SEED)
    share = np.full(utterances, 1 / utterances)
    at_once = max(1, DRAWN_AT_ONCE // utterances)
    for begin in range(0, RESAMPLES, at_once):
        drawn = rng.multinomial(utterances, share, size=min(at_once, RESAMPLES - begin))
        yield np.ascontiguousarray(drawn.T, dtype=np.int32)


def percentiles(values: Floats) -> Interval | None:
    """The confidence interval of resampled values, shape = (R,); undefined ones are left out, None if all are."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return None
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


BINS = 10


def reliability(scores: Floats, present: Bools) -> ReliabilityBins:
    """Detection scores beside how often they are right, in ten bins of equal width; empty bins are left out.

    Parameters
    ----------
    scores : numpy.ndarray, shape = (U, W), in [0, 1]
        NaN in cells that were not evaluated.
    present : numpy.ndarray, shape = (U, W), bool
    """
    evaluated = ~np.isnan(scores)
    scores, present = scores[evaluated], present[evaluated]
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    used = count > 0
    mean_score = np.bincount(bins, scores, BINS)[used] / count[used]
    fraction_present = np.bincount(bins, present, BINS)[used] / count[used]
    return ReliabilityBins(mean_score, fraction_present, count[used])
