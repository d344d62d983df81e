"""All measures of a model on a split, as they stand in ``metrics.json``.

Counting is strict: the location is right inside any occurrence of the keyword, and a detection in the wrong
place is both a false alarm and a miss. Where no keyword is spoken there is nothing to find, and no measure is
defined. The counts of the released code of Olaleye et al. (2022) stand beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.core.costs import NIST, Costs
from earmark.core.errors import EarmarkError
from earmark.core.metric_table import GROUPS, METRICS
from earmark.core.results import (
    FIXED_THRESHOLD,
    MeasurementConditions,
    Measures,
    NormalisedCrossEntropy,
    TermWeighted,
    measures_from,
)
from earmark.evaluation import chance
from earmark.evaluation.cross_entropy import CrossEntropy
from earmark.evaluation.data import Bools, Floats, GroundTruth, Ints, Predictions, located
from earmark.evaluation.metrics import (
    Counts,
    actual_counts,
    average_precision,
    detected,
    detection_counts,
    macro,
    oracle_counts,
    rank,
    ratio,
    spotting_measures,
)
from earmark.evaluation.released_rules import released
from earmark.evaluation.reliability import Resample, confidence
from earmark.evaluation.term_weighted import TermWeightedValues
from earmark.evaluation.utterance_detections import cross_entropy_of_cells, term_weighted_of_cells

Named = dict[str, Floats]  # by the key of the measure


def compute_metrics(
    truth: GroundTruth,
    predictions: Predictions,
    thresholds: Floats,
    keywords: Sequence[str],
    durations_s: Floats,
    global_threshold: float | None = None,
    costs: Costs = NIST,
) -> Measures:
    """Measure predictions against the ground truth.

    Parameters
    ----------
    truth : GroundTruth
        Of the evaluated cells only (:meth:`GroundTruth.within`).
    predictions : Predictions
    thresholds : numpy.ndarray, shape = (W,)
        A keyword is detected where its score reaches its threshold.
    keywords : sequence of str
        The W keywords, all different.
    durations_s : numpy.ndarray, shape = (U,)
        Length of each utterance.
    global_threshold : float, optional
        One threshold for all keywords, to compare with; without it, the measures `global_threshold` are None.
    costs : Costs
        Of the term-weighted values.

    Returns
    -------
    Measures
        Those of localisation, and term-weighted values, are None where the truth is not aligned.

    Raises
    ------
    EarmarkError
        If there is no utterance.
    ValueError
        If shapes differ, or a keyword is present in a cell that was not evaluated.
    """
    shape = (len(durations_s), len(keywords))
    if not truth.present.shape == predictions.scores.shape == predictions.times_s.shape == shape:
        raise ValueError(f"truth and predictions are not of shape {shape}")
    if thresholds.shape != shape[1:]:
        raise ValueError(f"thresholds are not of shape {shape[1:]}")
    if (truth.present & ~predictions.evaluated).any():
        raise ValueError("a keyword is present in a cell that was not evaluated")
    if not shape[0]:
        raise EarmarkError("There is no utterance to measure: evaluate a split that has some.")

    cells = _Cells(truth, predictions, thresholds)
    once = np.ones((shape[0], 1), dtype=np.int32)
    overall = {key: value[0] for key, value in cells.overall(once).items()}
    comparisons = (
        _prefixed("released", released(truth, predictions, cells.detections, cells.rankings))
        | _prefixed("fixed_threshold", _at(FIXED_THRESHOLD, truth, predictions, cells.located))
        | _prefixed("global_threshold", _at(global_threshold, truth, predictions, cells.located))
        | _prefixed("chance", _chance_levels(truth, predictions, durations_s))
    )
    values = term_weighted_of_cells(truth, predictions, cells.detections, durations_s, costs)
    entropy = cross_entropy_of_cells(truth, predictions)
    overall |= _fields("term_weighted", TermWeighted, values)
    overall |= _fields("cross_entropy", NormalisedCrossEntropy, entropy)
    measures = _if_aligned(overall | _where(truth.present.any(), comparisons), truth.aligned)
    measures["fixed_threshold.threshold"] = np.array(FIXED_THRESHOLD)
    measures["global_threshold.threshold"] = np.array(np.nan if global_threshold is None else global_threshold)

    by_keyword = _if_aligned(cells.per_keyword(once), truth.aligned)
    return measures_from(
        {
            **_nested(measures),
            "conditions": asdict(_conditions(values, entropy, truth.aligned)),
            "per_keyword": _per_keyword(by_keyword, truth, thresholds, keywords),
            "confidence": confidence(_resampled(cells, truth.aligned), shape[0]),
        }
    )


def resampled_measures(truth: GroundTruth, predictions: Predictions, thresholds: Floats) -> Resample:
    """The measures that have confidence intervals, as a function of the weights of utterances."""
    return _resampled(_Cells(truth, predictions, thresholds), truth.aligned)


def _resampled(cells: _Cells, aligned: bool) -> Resample:
    return lambda weights: _if_aligned(_with_interval(cells.overall(weights)), aligned)


class _Cells:
    """Tables (U, W) and rankings that do not depend on the weights of utterances, computed once."""

    def __init__(self, truth: GroundTruth, predictions: Predictions, thresholds: Floats) -> None:
        self.present = truth.present
        self.located = located(truth, predictions)
        self.detections = detected(predictions.scores, thresholds)
        self.detection = detection_counts(self.present, self.detections)
        self.actual = actual_counts(self.present, self.located, self.detections)
        self.oracle = oracle_counts(self.present, self.located)
        self.ranking = rank(predictions.scores, self.present)
        self.rankings = [
            rank(scores, present) for scores, present in zip(predictions.scores.T, self.present.T, strict=True)
        ]

    def overall(self, weights: Ints) -> Named:
        """Micro and macro averages, each of shape (R,), for weights of shape (U, R); NaN where nothing is spoken."""
        counts = _from_counts(self.detection.micro(weights), self.actual.micro(weights), self.oracle.micro(weights))
        means = {key: macro(values) for key, values in self._ranked(weights).items()}
        average_precisions = {
            "detection.average_precision": average_precision(self.ranking, self.ranking.tally(weights)),
            "detection.mean_average_precision": means["detection.average_precision"],
        }
        spoken = weights[self.present.any(axis=1)].any(axis=0)
        return _where(spoken, counts | means | average_precisions)

    def per_keyword(self, once: Ints) -> Named:
        """Measures of each keyword, each of shape (W,); NaN for keywords that never occur."""
        counts = _from_counts(self.detection.per_keyword(), self.actual.per_keyword(), self.oracle.per_keyword())
        rankings = {key: values[:, 0] for key, values in self._ranked(once).items()}
        return _where(self.present.any(axis=0), counts | rankings)

    def _ranked(self, weights: Ints) -> Named:
        """Ranking measures of each keyword, each of shape (W, R)."""
        each = [
            spotting_measures(ranking, present, located, weights)
            for ranking, present, located in zip(self.rankings, self.present.T, self.located.T, strict=True)
        ]
        return {name: np.stack([keyword[name] for keyword in each]) for name in each[0]}


def _from_counts(detection: Counts, actual: Counts, oracle: Counts) -> Named:
    return (
        _prefixed("detection", detection.precision_recall_f1())
        | _prefixed("actual", actual.precision_recall_f1())
        | {"oracle.accuracy": ratio(oracle.true_positive, oracle.relevant)}
    )


def _at(threshold: float | None, truth: GroundTruth, predictions: Predictions, located: Bools) -> Named:
    """Detection and actual localisation with the same threshold for all keywords; NaN without one."""
    detections = detected(predictions.scores, np.inf if threshold is None else threshold)
    once = np.ones(len(detections), dtype=int)
    counts = {
        "detection": detection_counts(truth.present, detections),
        "actual": actual_counts(truth.present, located, detections),
    }
    measures: Named = {}
    for task, count in counts.items():
        measures |= _prefixed(task, count.micro(once).precision_recall_f1())
    return _where(threshold is not None, measures)


def _chance_levels(truth: GroundTruth, predictions: Predictions, durations_s: Floats) -> Named:
    return {
        "oracle.accuracy": chance.oracle_accuracy(truth, durations_s),
        "spotting.p_at_10": chance.spotting_precision(truth, predictions.evaluated),
    }


def _fields(group: str, kind: type, values: TermWeightedValues | CrossEntropy) -> Named:
    """The measures of a group from a result that has fields of the same names."""
    return {f"{group}.{field.name}": np.array(getattr(values, field.name)) for field in fields(kind)}


def _conditions(values: TermWeightedValues, entropy: CrossEntropy, aligned: bool) -> MeasurementConditions:
    reached = aligned and np.isfinite(values.threshold)
    return MeasurementConditions(
        costs=values.costs,
        beta=values.costs.beta,
        terms=values.terms if aligned else None,
        mtwv_threshold=values.threshold if reached else None,
        cross_entropy_prior=None if np.isnan(entropy.prior) else entropy.prior,
    )


def _per_keyword(
    measures: Named, truth: GroundTruth, thresholds: Floats, keywords: Sequence[str]
) -> dict[str, dict[str, Any]]:
    occurrences = np.bincount(truth.keyword, minlength=len(keywords))
    utterances = truth.present.sum(axis=0)
    return {
        word: {
            **_nested({key: values[w] for key, values in measures.items()}),
            "occurrences": int(occurrences[w]) if truth.aligned else None,
            "utterances": int(utterances[w]),
            "threshold": float(thresholds[w]),
        }
        for w, word in enumerate(keywords)
    }


def _prefixed(prefix: str, measures: Mapping[str, Floats]) -> Named:
    return {f"{prefix}.{key}": value for key, value in measures.items()}


def _where(defined: npt.ArrayLike, measures: Named) -> Named:
    """The measures where they are defined, NaN elsewhere."""
    return {key: np.where(defined, value, np.nan) for key, value in measures.items()}


def _with_interval(measures: Named) -> Named:
    """The measures that get a confidence interval."""
    return {metric.key: measures[metric.key] for metric in METRICS if metric.interval}


def _if_aligned(measures: Named, aligned: bool) -> Named:
    """The measures, with NaN for those that need word times where there are none."""
    timed = {group.key for group in GROUPS if group.needs_word_times}
    return {
        key: value if aligned or timed.isdisjoint(key.split(".")) else np.full_like(value, np.nan)
        for key, value in measures.items()
    }


def _nested(measures: Mapping[str, Floats]) -> dict[str, Any]:
    """Measures with keys such as "a.b" as nested dictionaries of plain values; None for NaN."""
    tree: dict[str, Any] = {}
    for key, value in measures.items():
        *branches, leaf = key.split(".")
        branch = tree
        for step in branches:
            branch = branch.setdefault(step, {})
        branch[leaf] = None if np.isnan(value) else float(value)
    return tree
