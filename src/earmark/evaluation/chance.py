"""Chance levels: what guessing at random would score."""

from __future__ import annotations

import numpy as np

from earmark.evaluation.data import Bools, Floats, GroundTruth
from earmark.evaluation.metrics import macro, ratio


def oracle_accuracy(truth: GroundTruth, durations_s: Floats) -> Floats:
    """Expected oracle accuracy of a uniformly random time in the utterance.

    The share of the utterance that the keyword fills (its occurrences together, overlaps once), averaged over
    all cells where it is present.

    Parameters
    ----------
    durations_s : numpy.ndarray, shape = (U,)
        Length of each utterance.

    Returns
    -------
    numpy.ndarray, shape = ()
    """
    length_s = durations_s[truth.utterance]
    cell = truth.utterance * truth.present.shape[1] + truth.keyword
    start_s, end_s = np.clip(truth.start_s, 0, length_s), np.clip(truth.end_s, 0, length_s)

    in_turn = np.lexsort((start_s, cell))
    cell, start_s, end_s, length_s = (column[in_turn] for column in (cell, start_s, end_s, length_s))
    covered_to_s = _largest_before(end_s, cell)
    filled_s = np.clip(end_s - np.maximum(start_s, covered_to_s), 0, None)
    return ratio((filled_s / length_s).sum(), truth.present.sum())


def spotting_precision(truth: GroundTruth, evaluated: Bools) -> Floats:
    """Expected P@10 (and P@N) of a random ranking: how common a keyword is, on average over those that occur.

    Parameters
    ----------
    evaluated : numpy.ndarray, shape = (U, W), bool
        The cells that are ranked.

    Returns
    -------
    numpy.ndarray, shape = ()
    """
    prevalence = ratio(truth.present.sum(axis=0), evaluated.sum(axis=0))
    return macro(prevalence[truth.present.any(axis=0)])


def _largest_before(values: Floats, group: np.ndarray) -> Floats:
    """The largest of the values before each one in its group, 0 for the first; groups are contiguous."""
    first = np.diff(group, prepend=-1) != 0
    # Each group stands on a step of its own, higher than all before it, so that one running maximum does.
    step = np.cumsum(first) * (values.max(initial=0.0) + 1.0)
    running = np.maximum.accumulate(values + step) - step
    return np.where(first, 0.0, np.roll(running, 1) if len(values) else values)
