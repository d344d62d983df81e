"""Two models on the same utterances: the differences of their measures, with confidence intervals.

The intervals are those of the paired bootstrap (Efron and Tibshirani 1993, chapter 13): utterances are drawn with
replacement, both models are measured on each draw, and the percentiles are those of the differences. Because both meet
the same utterances, the interval of a difference is often narrower than those of the two values suggest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from earmark.core.errors import EarmarkError
from earmark.core.metric_table import METRICS, Fraction
from earmark.core.results import Interval
from earmark.evaluation.data import Floats
from earmark.evaluation.reliability import draws, percentiles
from earmark.evaluation.runner import Evaluation
from earmark.evaluation.summary import resampled_measures


@dataclass(frozen=True)
class Difference:
    """How much higher a measure of the second model is than that of the first.

    Attributes
    ----------
    first, second : float or None
        The measure of each model; None where it is undefined.
    difference : float or None
        Second minus first.
    interval : (float, float), or None
        Of the difference, at 95 %. The models differ by more than the choice of utterances explains where it does not
        hold 0.
    """

    first: Fraction
    second: Fraction
    difference: Fraction
    interval: Interval | None


def compare(first: Evaluation, second: Evaluation) -> dict[str, Difference]:
    """Compare two models that were evaluated on the same utterances with the same keywords.

    Returns
    -------
    dict of str to Difference
        By the key of the measure (``oracle.accuracy``, ``actual.f1``, ...), for those that have confidence intervals.

    Raises
    ------
    EarmarkError
        If utterances or keywords differ.
    """
    if [one.id for one in first.utterances] != [one.id for one in second.utterances]:
        raise EarmarkError("The two evaluations have different utterances: evaluate both models on the same split.")
    if list(first.metrics.per_keyword) != list(second.metrics.per_keyword):
        raise EarmarkError("The two evaluations have different keywords: train both models with one keyword list.")
    intervals = _intervals(_resampled(first), _resampled(second))
    differences = {}
    for metric in METRICS:
        if metric.interval:
            one, other = metric.of(first.metrics), metric.of(second.metrics)
            difference = None if one is None or other is None else other - one
            differences[metric.key] = Difference(one, other, difference, intervals[metric.key])
    return differences


def _resampled(evaluation: Evaluation) -> Mapping[str, Floats]:
    """Each measure of every resample, shape = (R,)."""
    thresholds = np.array([one.threshold for one in evaluation.metrics.per_keyword.values()])
    measures = resampled_measures(evaluation.truth, evaluation.predictions, thresholds)
    blocks = [measures(weights) for weights in draws(len(evaluation.utterances))]
    return {key: np.concatenate([block[key] for block in blocks]) for key in blocks[0]}


def _intervals(first: Mapping[str, Floats], second: Mapping[str, Floats]) -> dict[str, Interval | None]:
    return {key: percentiles(second[key] - first[key]) for key in first}
