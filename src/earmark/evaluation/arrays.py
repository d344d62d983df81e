"""Measures of detection, localisation and retrieval for anybody's scores: arrays in, numbers out.

This is the module ``earmark.metrics``. U are utterances, W keywords. Undefined measures are NaN.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from earmark.core.costs import NIST, Costs
from earmark.core.results import Measures, PrecisionRecall
from earmark.evaluation import metrics
from earmark.evaluation.data import Bools, GroundTruth, Predictions, located
from earmark.evaluation.retrieval import retrieval
from earmark.evaluation.summary import compute_metrics

__all__ = [
    "average_precision",
    "detection",
    "equal_error_rate",
    "measure",
    "oracle_accuracy",
    "precision_at",
    "reciprocal_rank",
    "retrieval",
]

Occurrence = tuple[int, int, float, float]
"""An utterance and a keyword, both by number, and the start and end of the word in seconds."""


def detection(scores: npt.ArrayLike, present: npt.ArrayLike, thresholds: npt.ArrayLike = 0.5) -> PrecisionRecall:
    """Precision, recall and F1 of detections over all pairs of utterance and keyword.

    Parameters
    ----------
    scores : array_like, shape = (U, W)
    present : array_like, shape = (U, W), bool
        Whether the keyword is spoken.
    thresholds : array_like, shape = () or (W,)
        A keyword is detected where its score reaches it.

    Examples
    --------
    >>> detection([[0.9, 0.2], [0.6, 0.7]], [[True, False], [False, True]])
    PrecisionRecall(precision=0.6666666666666666, recall=1.0, f1=0.8)
    """
    table, truth = _table(scores), np.asarray(present, dtype=bool)
    if truth.shape != table.shape:
        raise ValueError(f"scores {table.shape} and presence {truth.shape} don't fit together")
    counts = metrics.detection_counts(truth, metrics.detected(table, np.asarray(thresholds, dtype=float)))
    values = counts.micro(np.ones(len(table), dtype=int)).precision_recall_f1()
    return PrecisionRecall(**{name: float(value) for name, value in values.items()})


def oracle_accuracy(times_s: npt.ArrayLike, occurrences: Iterable[Occurrence]) -> float:
    """Share of locations inside the spoken word, over all pairs of utterance and keyword that is spoken in it.

    Parameters
    ----------
    times_s : array_like, shape = (U, W)
        The location of each keyword in each utterance, in seconds.
    occurrences : iterable of (int, int, float, float)
        Utterance, keyword, start and end in seconds of every spoken keyword.

    Examples
    --------
    >>> oracle_accuracy([[0.5, 1.0], [2.0, 0.1]], [(0, 0, 0.4, 0.8), (1, 0, 0.0, 0.5), (1, 0, 1.9, 2.2)])
    1.0
    """
    times = _table(times_s)
    truth = _truth(occurrences, times.shape)
    right = located(truth, Predictions(np.zeros(times.shape), times))
    counts = metrics.oracle_counts(truth.present, right).micro(np.ones(len(times), dtype=int))
    return float(metrics.ratio(counts.true_positive, counts.relevant))


def average_precision(scores: npt.ArrayLike, relevant: npt.ArrayLike) -> float:
    """Average precision of one ranking; tied scores share one threshold.

    Parameters
    ----------
    scores, relevant : array_like, shape = (M,)

    Examples
    --------
    >>> average_precision([0.9, 0.8, 0.7], [True, False, True])
    0.8333333333333333
    """
    ranking, tally, _ = _ranking(scores, relevant)
    return float(metrics.average_precision(ranking, tally)[0])


def precision_at(count: int, scores: npt.ArrayLike, relevant: npt.ArrayLike) -> float:
    """Share of relevant items among the `count` best; items that tie keep their order.

    Parameters
    ----------
    count : int
    scores, relevant : array_like, shape = (M,)

    Examples
    --------
    >>> precision_at(2, [0.9, 0.8, 0.7], [True, False, True])
    0.5
    """
    ranking, tally, truth = _ranking(scores, relevant)
    return float(metrics.precision_at(count, ranking, truth, tally)[0])


def equal_error_rate(scores: npt.ArrayLike, relevant: npt.ArrayLike) -> float:
    """The rate at which false alarms and misses of one ranking are equally frequent.

    Parameters
    ----------
    scores, relevant : array_like, shape = (M,)

    Examples
    --------
    >>> equal_error_rate([0.9, 0.8, 0.7, 0.6], [True, False, True, False])
    0.5
    """
    ranking, tally, _ = _ranking(scores, relevant)
    return float(metrics.equal_error_rate(ranking, tally)[0])


def reciprocal_rank(scores: npt.ArrayLike, relevant: npt.ArrayLike) -> float:
    """One over the rank of the first relevant item.

    Parameters
    ----------
    scores, relevant : array_like, shape = (M,)

    Examples
    --------
    >>> reciprocal_rank([0.9, 0.8, 0.7], [False, False, True])
    0.3333333333333333
    """
    ranking, tally, _ = _ranking(scores, relevant)
    return float(metrics.reciprocal_rank(ranking, tally)[0])


def measure(
    scores: npt.ArrayLike,
    times_s: npt.ArrayLike,
    occurrences: Iterable[Occurrence],
    durations_s: npt.ArrayLike,
    keywords: Sequence[str] | None = None,
    thresholds: npt.ArrayLike = 0.5,
    costs: Costs = NIST,
) -> Measures:
    """Everything that ``earmark evaluate`` measures, for detection scores and locations of any model.

    Parameters
    ----------
    scores : array_like, shape = (U, W), in [0, 1]
        Detection scores.
    times_s : array_like, shape = (U, W)
        Locations, in seconds from the start of the utterance.
    occurrences : iterable of (int, int, float, float)
        Utterance, keyword, start and end in seconds of every spoken keyword.
    durations_s : array_like, shape = (U,)
        Lengths of the utterances.
    keywords : sequence of str, optional
        Names of the keywords; by default their numbers.
    thresholds : array_like, shape = () or (W,)
    costs : Costs
        Of the term-weighted values.

    Returns
    -------
    Measures
        With confidence intervals from a bootstrap over utterances; undefined measures are None.
    """
    table, times = _table(scores), _table(times_s)
    names = list(map(str, range(table.shape[1]))) if keywords is None else list(keywords)
    if times.shape != table.shape or len(names) != table.shape[1]:
        raise ValueError(f"scores {table.shape}, locations {times.shape} and {len(names)} keywords don't fit together")
    limits = np.broadcast_to(np.asarray(thresholds, dtype=float), (table.shape[1],))
    lengths = np.asarray(durations_s, dtype=float)
    return compute_metrics(
        _truth(occurrences, table.shape), Predictions(table, times), limits, names, lengths, costs=costs
    )


def _truth(occurrences: Iterable[Occurrence], shape: tuple[int, ...]) -> GroundTruth:
    """The ground truth of occurrences; those of one cell are put in the order of time."""
    rows = np.array(sorted(occurrences), dtype=float).reshape(-1, 4)
    utterance, keyword = rows[:, 0].astype(int), rows[:, 1].astype(int)
    if len(rows) and not ((rows[:, :2] >= 0).all() and utterance.max() < shape[0] and keyword.max() < shape[1]):
        raise ValueError(f"an occurrence is of no utterance or keyword of a table of shape {shape}")
    spoken = np.zeros(shape, dtype=bool)
    spoken[utterance, keyword] = True
    return GroundTruth(spoken, utterance, keyword, rows[:, 2], rows[:, 3], aligned=True)


def _table(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    table = np.asarray(values, dtype=float)
    if table.ndim != 2:
        raise ValueError(f"an array of shape {table.shape} is no table of utterances and keywords")
    return table


def _ranking(scores: npt.ArrayLike, relevant: npt.ArrayLike) -> tuple[metrics.Ranking, npt.NDArray[np.integer], Bools]:
    values, truth = np.asarray(scores, dtype=float), np.asarray(relevant, dtype=bool)
    if values.ndim != 1 or values.shape != truth.shape:
        raise ValueError(f"scores of shape {values.shape} and relevance of shape {truth.shape} are no ranking")
    ranking = metrics.rank(values, truth)
    return ranking, ranking.tally(np.ones((len(values), 1), dtype=int)), truth
