"""Typed results of an evaluation, and the one table of its measures.

:class:`Metrics` is what ``metrics.json`` holds. :data:`METRICS` names every measure once: the evaluation, the console
table, the results page and the reproductions all read it. A measure is None where it is undefined.
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
from earmark.core.types import Box

SCHEMA_VERSION = 1
WRITTEN, IMAGE = "written", "image"  # query modalities
FIXED_THRESHOLD = 0.5  # Olaleye et al. (2022), section IV-C

Fraction = float | None
Interval = tuple[float, float]


@dataclass(frozen=True)
class MetricGroup:
    """Measures of one task, with one or two sentences on what they say.

    Attributes
    ----------
    key : str
        The attribute of :class:`Measures` that holds them.
    label, meaning : str
    needs_word_times : bool
        Whether they compare locations with the times at which words are spoken.
    """

    key: str
    label: str
    meaning: str
    needs_word_times: bool


@dataclass(frozen=True)
class Metric:
    """One measure: a fraction, or a value whose best is 0 or 1, which tables show in percent.

    Attributes
    ----------
    group : MetricGroup
    name : str
        The attribute of its group's dataclass.
    label : str
        What tables and pages call it.
    paper_column : str
        The column of the tables of Olaleye et al. (2022) that holds it; "" where there is none.
    headline : bool
        Whether it stands in the first table of a page and in the console.
    interval : bool
        Whether a confidence interval is computed.
    per_keyword : bool
        Whether it is defined for a single keyword, too.
    """

    group: MetricGroup
    name: str
    label: str
    paper_column: str = ""
    headline: bool = False
    interval: bool = False
    per_keyword: bool = True

    @property
    def key(self) -> str:
        """Its place in :class:`Metrics` and ``metrics.json``, such as ``actual.f1``."""
        return f"{self.group.key}.{self.name}"

    def of(self, results: object) -> Fraction:
        """Its value in results that have its group, else None."""
        group = getattr(results, self.group.key, None)
        value: Fraction = getattr(group, self.name, None)
        return value


DETECTION = MetricGroup(
    "detection",
    "Detection",
    "Is the keyword spoken in the utterance, wherever it may be? An utterance counts as detected when its score "
    "reaches the keyword’s threshold. Precision is the share of detections that are right, recall the share of "
    "spoken keywords that are detected, F1 their harmonic mean. Average precision needs no threshold.",
    needs_word_times=False,
)
ORACLE = MetricGroup(
    "oracle",
    "Oracle localisation",
    "The model is given a keyword that is spoken in the utterance, and locates it. Accuracy is the share of locations "
    "that lie within the spoken word.",
    needs_word_times=True,
)
ACTUAL = MetricGroup(
    "actual",
    "Actual localisation",
    "The model must first detect the keyword, and then locate it within the spoken word. A detection in the wrong "
    "place is both a false alarm and a miss.",
    needs_word_times=True,
)
SPOTTING = MetricGroup(
    "spotting",
    "Spotting",
    "All utterances are ranked by their score for a keyword. P@10 is the share of the first ten where it is spoken,"
    " P@N the same for as many as there are to find. The equal error rate (EER) is where false alarms and misses "
    "are equally frequent: the lower, the better.",
    needs_word_times=False,
)
SPOTTING_LOCALISATION = MetricGroup(
    "spotting_localisation",
    "Spotting localisation",
    "As spotting, but an utterance counts only if the location lies within the spoken word too.",
    needs_word_times=True,
)
TERM_WEIGHTED = MetricGroup(
    "term_weighted",
    "Term-weighted value",
    "How far the gain from found occurrences exceeds the cost of false alarms, as in NIST’s evaluations of spoken term "
    "detection: 100 is perfect, 0 is what finding nothing gives, and much less than 0 is possible. ATWV is at the "
    "keywords’ own thresholds, MTWV at the best one for all, OTWV at the best for each; STWV leaves false alarms out. "
    "Costs and prior, which must be the same to compare, stand beside the figures.",
    needs_word_times=True,
)
CROSS_ENTROPY = MetricGroup(
    "cross_entropy",
    "Normalised cross-entropy",
    "How honest the detection scores are as probabilities: 0 is perfect, 100 is what the words’ frequency alone gives, "
    "and more than 100 misleads. The minima are what the best recalibration on these very utterances leaves: with "
    "an affine map of log-odds, and with any map that keeps the order (isotonic).",
    needs_word_times=False,
)
GROUPS = (DETECTION, ORACLE, ACTUAL, SPOTTING, SPOTTING_LOCALISATION, TERM_WEIGHTED, CROSS_ENTROPY)

METRICS = (
    Metric(DETECTION, "precision", "Detection precision", "P"),
    Metric(DETECTION, "recall", "Detection recall", "R"),
    Metric(DETECTION, "f1", "Detection F1", "F1", headline=True, interval=True),
    Metric(DETECTION, "average_precision", "Average precision", interval=True),
    Metric(DETECTION, "mean_average_precision", "Mean average precision", per_keyword=False),
    Metric(ORACLE, "accuracy", "Oracle accuracy", "Oracle", headline=True, interval=True),
    Metric(ACTUAL, "precision", "Actual precision", "P"),
    Metric(ACTUAL, "recall", "Actual recall", "R"),
    Metric(ACTUAL, "f1", "Actual F1", "F1", headline=True, interval=True),
    Metric(SPOTTING, "p_at_10", "Spotting P@10", "P@10", headline=True, interval=True),
    Metric(SPOTTING, "p_at_n", "Spotting P@N", "P@N"),
    Metric(SPOTTING, "eer", "Spotting EER", interval=True),
    Metric(SPOTTING, "reciprocal_rank", "Mean reciprocal rank"),
    Metric(SPOTTING_LOCALISATION, "p_at_10", "Localised P@10", "P@10", headline=True, interval=True),
    Metric(SPOTTING_LOCALISATION, "p_at_n", "Localised P@N", "P@N"),
    Metric(TERM_WEIGHTED, "atwv", "ATWV", per_keyword=False),
    Metric(TERM_WEIGHTED, "mtwv", "MTWV", per_keyword=False),
    Metric(TERM_WEIGHTED, "otwv", "OTWV", per_keyword=False),
    Metric(TERM_WEIGHTED, "stwv", "STWV", per_keyword=False),
    Metric(CROSS_ENTROPY, "cnxe", "Cnxe", per_keyword=False),
    Metric(CROSS_ENTROPY, "affine", "minCnxe, affine", per_keyword=False),
    Metric(CROSS_ENTROPY, "isotonic", "minCnxe, isotonic", per_keyword=False),
)
HEADLINE = tuple(metric for metric in METRICS if metric.headline)


def metric(key: str) -> Metric:
    """The measure with this key, such as ``actual.f1``.

    Raises
    ------
    KeyError
        If there is none.
    """
    return _by_key()[key]


@cache
def _by_key() -> dict[str, Metric]:
    return {metric.key: metric for metric in METRICS}


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
class QueryImage:
    """An image of an image query.

    Attributes
    ----------
    image : str
        Its file, relative to the corpus's folder where it lies inside.
    box : tuple of int, or None
        Left, top, right and bottom of the part that is used, in pixels; None for all of it.
    """

    image: str
    box: Box | None


@dataclass(frozen=True)
class Exclusions:
    """What image queries could not be evaluated on.

    Attributes
    ----------
    pairs, spoken_pairs : int
        Pairs of utterance and keyword for which there is no image but the utterance's own; those of them in which the
        keyword is spoken.
    keywords : tuple of str
        Keywords without any image.
    training_images : int
        Images that were not used because they are in the training split too.
    """

    pairs: int
    spoken_pairs: int
    keywords: tuple[str, ...]
    training_images: int


@dataclass(frozen=True)
class QueryImages:
    """The images of an evaluation with image queries.

    Attributes
    ----------
    by_keyword : dict of str to tuple of QueryImage
    own_image_included : bool
        Whether utterances were searched with their own images too.
    crops : int
        How many of the images are parts only.
    excluded : Exclusions
    """

    by_keyword: dict[str, tuple[QueryImage, ...]]
    own_image_included: bool
    crops: int
    excluded: Exclusions


@dataclass(frozen=True)
class ModalityAgreement:
    """How far the results of written and of image queries for the same keywords agree.

    Attributes
    ----------
    keywords : int
        How many are compared.
    pearson, spearman : float or None
        Correlation of detection scores over utterances, the mean over keywords.
    top_10_overlap : float or None
        Share of the ten best utterances that are the same, the mean over keywords.
    located_within_100_ms, located_in_same_word : float or None
        Shares of pairs of utterance and spoken keyword.
    """

    keywords: int
    pearson: float | None
    spearman: float | None
    top_10_overlap: Fraction
    located_within_100_ms: Fraction
    located_in_same_word: Fraction


@dataclass(frozen=True)
class EvaluationSetup:
    """Which model was evaluated on what.

    Attributes
    ----------
    schema_version : int
        Of the form of ``metrics.json``.
    earmark : str
        Version of Earmark that measured.
    run : str
        Folder of the model.
    corpus, split : str
    supervision : str
        The tags that the model learned from.
    architecture : str
        Name of the recipe that built the model.
    localisation : str
        Localisation method.
    queries : str
        Query modality: ``written`` or ``image``.
    query_images : QueryImages or None
        None for written queries.
    agreement : ModalityAgreement or None
        None where the model was evaluated with one modality only.
    utterances, keywords : int
        How many were evaluated.
    """

    schema_version: int
    earmark: str
    run: str
    corpus: str
    split: str
    supervision: str
    architecture: str
    localisation: str
    queries: str
    query_images: QueryImages | None
    agreement: ModalityAgreement | None
    utterances: int
    keywords: int


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
