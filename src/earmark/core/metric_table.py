"""The one table of measures: their names, labels and meanings.

The evaluation, the console table, the results page and the reproductions all read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

Fraction = float | None


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
