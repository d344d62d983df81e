"""All measures of a model on a split, put together as they stand in ``metrics.json``.

Counting is strict: the location is right inside any occurrence of the keyword, and a detection in the wrong
place is both a false alarm and a miss. Where no keyword is spoken there is nothing to find, and no measure is
defined. What the released code of Olaleye et al. (2022) counts is beside it, under `released`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.core.errors import EarmarkError
from earmark.evaluation import chance
from earmark.evaluation.data import Bools, Floats, GroundTruth, Ints, Predictions, located
from earmark.evaluation.metrics import (
    Counts,
    actual,
    average_precision,
    detected,
    detection,
    macro,
    oracle,
    rank,
    ratio,
    spotting,
)
from earmark.evaluation.released_rules import released
from earmark.evaluation.reliability import confidence

HEADLINE = (
    "detection.f1",
    "detection.average_precision",
    "oracle.accuracy",
    "actual.f1",
    "spotting.p_at_10",
    "spotting.eer",
    "spotting_localisation.p_at_10",
)
PAPER_THRESHOLD = 0.5  # Olaleye et al. 2022, section IV-C
NEED_WORD_TIMES = {"oracle", "actual", "spotting_localisation"}

Named = dict[str, Floats]


def compute_metrics(
    truth: GroundTruth,
    predictions: Predictions,
    thresholds: Floats,
    keywords: Sequence[str],
    durations_s: Floats,
    global_threshold: float | None = None,
) -> dict[str, Any]:
    """Measure predictions against the truth.

    Parameters
    ----------
    truth : Truth
        Of the cells where the model was asked alone (:meth:`GroundTruth.within`).
    predictions : Predictions
    thresholds : numpy.ndarray, shape = (W,)
        A keyword is detected where its score reaches its threshold.
    keywords : sequence of str
        The W keywords, all different.
    durations_s : numpy.ndarray, shape = (U,)
        Length of each utterance.
    global_threshold : float, optional
        One threshold for all keywords, to compare with; without it, the measures `at_one_threshold` are None.

    Returns
    -------
    dict
        The measures of ``schemas/metrics.schema.json``, as plain values: fractions in [0, 1], None where
        undefined. Those of localisation are None where the truth is not aligned.

    Raises
    ------
    EarmarkError
        If there is no utterance.
    """
    shape = (len(durations_s), len(keywords))
    if not truth.present.shape == predictions.scores.shape == predictions.times_s.shape == shape:
        raise ValueError(f"truth and predictions are not of shape {shape}")
    if thresholds.shape != shape[1:]:
        raise ValueError(f"thresholds are not of shape {shape[1:]}")
    if (truth.present & ~predictions.answered).any():
        raise ValueError("a keyword is present where the model was not asked")
    if not shape[0]:
        raise EarmarkError("There is no utterance to measure: evaluate a split that has some.")

    sheet = _Sheet(truth, predictions, thresholds)
    once = np.ones((shape[0], 1), dtype=np.int32)
    overall = {name: value[0] for name, value in sheet.overall(once).items()}
    beside = (
        _under("released", released(truth, predictions, sheet.detections, sheet.rankings))
        | _under("at_half", _at(PAPER_THRESHOLD, truth, predictions, sheet.located))
        | _under("at_one_threshold", _at(global_threshold, truth, predictions, sheet.located))
        | _under("chance", _chance(truth, predictions, durations_s))
    )
    known = _known(overall | _where(truth.present.any(), beside), truth.aligned)
    known["at_one_threshold.threshold"] = np.array(np.nan if global_threshold is None else global_threshold)

    def headline(weights: Ints) -> Named:
        return _known(sheet.overall(weights), truth.aligned, HEADLINE)

    by_keyword = _known(sheet.per_keyword(once), truth.aligned)
    return {
        **_unfolded(known),
        "per_keyword": _per_keyword(by_keyword, truth, thresholds, keywords),
        "confidence": confidence(headline, shape[0]),
    }


class _Sheet:
    """Everything that does not depend on how often an utterance counts, worked out once."""

    def __init__(self, truth: GroundTruth, predictions: Predictions, thresholds: Floats) -> None:
        self.present = truth.present
        self.located = located(truth, predictions)
        self.detections = detected(predictions.scores, thresholds)
        self.detection = detection(self.present, self.detections)
        self.actual = actual(self.present, self.located, self.detections)
        self.oracle = oracle(self.present, self.located)
        self.cells = rank(predictions.scores, self.present)
        self.rankings = [
            rank(scores, present) for scores, present in zip(predictions.scores.T, self.present.T, strict=True)
        ]

    def overall(self, weights: Ints) -> Named:
        """Micro and macro measures, each of shape (R,), for weights of shape (U, R); NaN where nothing is spoken."""
        counted = _counted(self.detection.micro(weights), self.actual.micro(weights), self.oracle.micro(weights))
        spotted = {name: macro(values) for name, values in self._spotted(weights).items()}
        ranked = {
            "detection.average_precision": average_precision(self.cells, self.cells.tally(weights)),
            "detection.mean_average_precision": spotted["detection.average_precision"],
        }
        spoken = weights[self.present.any(axis=1)].any(axis=0)
        return _where(spoken, counted | spotted | ranked)

    def per_keyword(self, once: Ints) -> Named:
        """Measures of each keyword, each of shape (W,); NaN for keywords that never occur."""
        counted = _counted(self.detection.per_keyword(), self.actual.per_keyword(), self.oracle.per_keyword())
        spotted = {name: values[:, 0] for name, values in self._spotted(once).items()}
        return _where(self.present.any(axis=0), counted | spotted)

    def _spotted(self, weights: Ints) -> Named:
        """Ranking measures of each keyword, each of shape (W, R)."""
        each = [
            spotting(ranking, present, located, weights)
            for ranking, present, located in zip(self.rankings, self.present.T, self.located.T, strict=True)
        ]
        return {name: np.stack([keyword[name] for keyword in each]) for name in each[0]}


def _counted(detection: Counts, actual: Counts, oracle: Counts) -> Named:
    return (
        _under("detection", detection.precision_recall_f1())
        | _under("actual", actual.precision_recall_f1())
        | {"oracle.accuracy": ratio(oracle.right, oracle.sought)}
    )


def _at(threshold: float | None, truth: GroundTruth, predictions: Predictions, located: Bools) -> Named:
    """Detection and actual localisation with the same threshold for all keywords; NaN without one."""
    detections = detected(predictions.scores, PAPER_THRESHOLD if threshold is None else threshold)
    once = np.ones(len(detections), dtype=int)
    measures = _under("detection", detection(truth.present, detections).micro(once).precision_recall_f1()) | _under(
        "actual", actual(truth.present, located, detections).micro(once).precision_recall_f1()
    )
    return _where(threshold is not None, measures)


def _chance(truth: GroundTruth, predictions: Predictions, durations_s: Floats) -> Named:
    return {
        "oracle.accuracy": chance.oracle_accuracy(truth, durations_s),
        "spotting.p_at_10": chance.spotting_precision(truth, predictions.answered),
    }


def _per_keyword(
    measures: Named, truth: GroundTruth, thresholds: Floats, keywords: Sequence[str]
) -> dict[str, dict[str, Any]]:
    occurrences = np.bincount(truth.keyword, minlength=len(keywords))
    utterances = truth.present.sum(axis=0)
    return {
        word: {
            **_unfolded({name: values[w] for name, values in measures.items()}),
            "occurrences": int(occurrences[w]) if truth.aligned else None,
            "utterances": int(utterances[w]),
            "threshold": float(thresholds[w]),
        }
        for w, word in enumerate(keywords)
    }


def _under(branch: str, measures: Mapping[str, Floats]) -> Named:
    return {f"{branch}.{name}": value for name, value in measures.items()}


def _where(defined: npt.ArrayLike, measures: Named) -> Named:
    """The measures where they are defined, NaN elsewhere."""
    return {name: np.where(defined, value, np.nan) for name, value in measures.items()}


def _known(measures: Named, aligned: bool, names: Sequence[str] | None = None) -> Named:
    """The named measures (all by default); NaN for those that need word times where there are none."""
    return {
        name: value if aligned or NEED_WORD_TIMES.isdisjoint(name.split(".")) else np.full_like(value, np.nan)
        for name, value in measures.items()
        if names is None or name in names
    }


def _unfolded(measures: Mapping[str, Floats]) -> dict[str, Any]:
    """Measures named "a.b" as a tree of plain values; None for NaN."""
    tree: dict[str, Any] = {}
    for name, value in measures.items():
        *branches, leaf = name.split(".")
        branch = tree
        for step in branches:
            branch = branch.setdefault(step, {})
        branch[leaf] = None if np.isnan(value) else float(value)
    return tree
