"""Typed results of an evaluation: :class:`Metrics` is what ``metrics.json`` holds.

:mod:`earmark.core.metric_table` names every measure in it. A measure is None where it is undefined.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from earmark.core.costs import Costs
from earmark.core.evaluation_setup import EvaluationSetup
from earmark.core.metric_table import Fraction, Metric

SCHEMA_VERSION = 1
FIXED_THRESHOLD = 0.5  # Olaleye et al. (2022), section IV-C

Interval = tuple[float, float]


@dataclass(frozen=True)
class PrecisionRecall:
    """Precision, recall and their harmonic mean."""

    precision: Fraction
    recall: Fraction
    f1: Fraction


@dataclass(frozen=True)
class KeywordDetection(PrecisionRecall):
    """Detection of one keyword: counts, and the average precision of its ranking."""

    average_precision: Fraction


@dataclass(frozen=True)
class Detection(KeywordDetection):
    """Detection of all keywords; the average precision is that of the ranking of all cells."""

    mean_average_precision: Fraction


@dataclass(frozen=True)
class Oracle:
    """Share of locations that are right, where the keyword is known to be spoken."""

    accuracy: Fraction


@dataclass(frozen=True)
class Spotting:
    """Measures of a ranking of utterances."""

    p_at_10: Fraction
    p_at_n: Fraction
    eer: Fraction
    reciprocal_rank: Fraction


@dataclass(frozen=True)
class SpottingLocalisation:
    """Measures of a ranking of utterances that count only with a right location."""

    p_at_10: Fraction
    p_at_n: Fraction


@dataclass(frozen=True)
class TermWeighted:
    """Term-weighted values: :class:`earmark.evaluation.term_weighted.TermWeightedValues`."""

    atwv: Fraction
    mtwv: Fraction
    otwv: Fraction
    stwv: Fraction


@dataclass(frozen=True)
class NormalisedCrossEntropy:
    """Cnxe and its minima: :class:`earmark.evaluation.cross_entropy.CrossEntropy`."""

    cnxe: Fraction
    affine: Fraction
    isotonic: Fraction


@dataclass(frozen=True)
class MeasurementConditions:
    """What term-weighted values and cross-entropy depend on; without it, they can't be compared.

    Attributes
    ----------
    costs : Costs
    beta : float
        Weight of the false alarm rate, from the costs.
    terms : int or None
        Keywords that the term-weighted values are means over; None where word times are unknown.
    mtwv_threshold : float or None
        The threshold at which the MTWV is reached; None where it is to detect nothing, or undefined.
    cross_entropy_prior : float or None
        The share of pairs of utterance and keyword that are spoken.
    """

    costs: Costs
    beta: float
    terms: int | None
    mtwv_threshold: Fraction
    cross_entropy_prior: Fraction


@dataclass(frozen=True)
class KeywordMetrics:
    """All measures of one keyword.

    Attributes
    ----------
    occurrences : int or None
        How often it is spoken; None where word times are unknown.
    utterances : int
        In how many utterances it is spoken.
    threshold : float
        The detection score from which it counts as detected.
    """

    detection: KeywordDetection
    actual: PrecisionRecall
    oracle: Oracle
    spotting: Spotting
    spotting_localisation: SpottingLocalisation
    occurrences: int | None
    utterances: int
    threshold: float


@dataclass(frozen=True)
class ThresholdMetrics:
    """Detection and actual localisation with one threshold for all keywords; all None where there is none."""

    threshold: Fraction
    detection: PrecisionRecall
    actual: PrecisionRecall


@dataclass(frozen=True)
class ReleasedMetrics:
    """The measures that the counting rules of the released code of Olaleye et al. (2022) change."""

    oracle: Oracle
    actual: PrecisionRecall
    spotting_localisation: SpottingLocalisation


@dataclass(frozen=True)
class ChanceSpotting:
    """P@10 of a random ranking."""

    p_at_10: Fraction


@dataclass(frozen=True)
class ChanceLevels:
    """What guessing at random scores."""

    oracle: Oracle
    spotting: ChanceSpotting


@dataclass(frozen=True)
class Confidence:
    """Confidence intervals from a bootstrap over utterances.

    Attributes
    ----------
    level : float
    resamples : int
    intervals : dict
        Low and high end by the key of the measure; None where it is undefined.
    """

    level: float
    resamples: int
    intervals: dict[str, Interval | None]


@dataclass(frozen=True)
class Measures:
    """Everything that is measured of a model on a split.

    Attributes
    ----------
    detection, oracle, actual, spotting, spotting_localisation
        By strict counting, with the thresholds of the checkpoint.
    term_weighted, cross_entropy
        The measures of spoken term detection.
    conditions : MeasurementConditions
        Costs, priors and thresholds of those two.
    released : ReleasedMetrics
        The same predictions under the counting rules of released code.
    fixed_threshold, global_threshold : ThresholdMetrics
        With the threshold 0.5 for all keywords, and with the one that was chosen on dev.
    chance : ChanceLevels
    per_keyword : dict of str to KeywordMetrics
    confidence : Confidence
    """

    detection: Detection
    oracle: Oracle
    actual: PrecisionRecall
    spotting: Spotting
    spotting_localisation: SpottingLocalisation
    term_weighted: TermWeighted
    cross_entropy: NormalisedCrossEntropy
    conditions: MeasurementConditions
    released: ReleasedMetrics
    fixed_threshold: ThresholdMetrics
    global_threshold: ThresholdMetrics
    chance: ChanceLevels
    per_keyword: dict[str, KeywordMetrics]
    confidence: Confidence


@dataclass(frozen=True)
class Metrics(Measures, EvaluationSetup):  # fields of the last base come first
    """The body of ``metrics.json``, in the form of ``schemas/metrics.schema.json``."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    @classmethod
    def of(cls, setup: EvaluationSetup, measures: Measures) -> Metrics:
        """What was evaluated, with all that was measured."""
        return cls(**vars(setup), **vars(measures))

    @classmethod
    def from_json(cls, text: str | bytes) -> Metrics:
        """Read the content of a ``metrics.json``.

        Raises
        ------
        ValueError
            If it is not JSON, or does not have the form of ``schemas/metrics.schema.json``.
        """
        from pydantic import ValidationError

        try:
            metrics: Metrics = _adapters()["Metrics"].validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise ValueError(f"not the metrics of an evaluation: {place and place + ': '}{first['msg']}") from error
        return metrics

    def to_json(self) -> str:
        """The content of a ``metrics.json``."""
        return json.dumps(asdict(self), ensure_ascii=False, allow_nan=False, indent=1) + "\n"

    def interval(self, metric: Metric) -> Interval | None:
        """The confidence interval of a measure, where there is one."""
        return self.confidence.intervals.get(metric.key)

    def value(self, path: str) -> Fraction:
        """A number by its path in ``metrics.json``, such as ``released.actual.f1``."""
        value: Fraction = attrgetter(path)(self)
        return value


class ReliabilityBins(NamedTuple):
    """Detection scores beside how often they are right, in bins of the score.

    Attributes
    ----------
    mean_score, fraction_present : numpy.ndarray, shape = (bins,)
        Mean detection score of a bin, and the fraction of its pairs of utterance and keyword that are present.
    pairs : numpy.ndarray, shape = (bins,)
        How many such pairs it holds.
    """

    mean_score: npt.NDArray[np.floating]
    fraction_present: npt.NDArray[np.floating]
    pairs: npt.NDArray[np.integer]


def measures_from(tree: Mapping[str, Any]) -> Measures:
    """Measures from nested mappings of plain values.

    Raises
    ------
    ValueError
        If one is missing, or is of the wrong type.
    """
    measures: Measures = _adapters()["Measures"].validate_python(tree)
    return measures


@cache
def _adapters() -> dict[str, Any]:
    from pydantic import TypeAdapter  # takes a while to import

    return {kind.__name__: TypeAdapter(kind) for kind in (Metrics, Measures)}
