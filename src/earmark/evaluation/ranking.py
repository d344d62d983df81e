"""Measures of rankings of detections: for each term its detections by falling score, those that are right known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from earmark.evaluation.data import Floats
from earmark.evaluation.term_weighted import AlignedDetections, last_of_ties


@dataclass(frozen=True)
class RankingMeasures:
    """Means over the terms that are spoken; NaN where there is none.

    Attributes
    ----------
    mean_average_precision : float
        Average precision is the sum over thresholds n of (R_n - R_(n-1)) P_n; occurrences that were not detected are
        never recalled.
    precision_at_10, precision_at_n : float
        Right detections among the ten best, and among as many as there are occurrences, of so many: of ten, or of all
        occurrences where there are fewer.
    reciprocal_rank : float
        One over the rank of the first right detection; 0 where none is right.
    average_precision : numpy.ndarray, shape = (W,)
        Of each term; NaN where it is not spoken.
    """

    mean_average_precision: float
    precision_at_10: float
    precision_at_n: float
    reciprocal_rank: float
    average_precision: Floats


def ranking_measures(aligned: AlignedDetections) -> RankingMeasures:
    """Measure the ranking of each term's detections; detections of equal score share one rank, the last of theirs."""
    rows = np.full((len(aligned.occurrences), 4), np.nan)
    for term in np.flatnonzero(aligned.counted):
        own = aligned.term == term
        rows[term] = _measures(aligned.score[own], aligned.correct[own], int(aligned.occurrences[term]))
    means = rows[aligned.counted].mean(axis=0) if aligned.counted.any() else np.full(4, np.nan)
    average, best_10, best_n, first = means.tolist()
    return RankingMeasures(average, best_10, best_n, first, rows[:, 0])


def _measures(score: Floats, correct: np.ndarray, occurrences: int) -> tuple[float, float, float, float]:
    order, ends = last_of_ties(score)
    right = correct[order].cumsum()
    found, ranks = right[ends], ends + 1
    gained = np.diff(np.append(0, found))
    average = float((gained * found / ranks).sum() / occurrences)
    first = float(1 / ranks[found > 0].min(initial=np.iinfo(int).max)) if (found > 0).any() else 0.0
    return average, _right_of(right, 10, occurrences), _right_of(right, occurrences, occurrences), first


def _right_of(right: np.ndarray, best: int, occurrences: int) -> float:
    return float(right[min(best, len(right)) - 1] / min(best, occurrences)) if len(right) else 0.0
