"""Metrics as pure functions on arrays: detection, localisation and spotting (Olaleye et al. 2022, section IV-C).

Utterances are weighted: an utterance of weight k counts as k copies of itself, one after the other. Weights of one
give the plain measure; the bootstrap passes the number of times that each utterance was drawn. Rankings are computed
for R weightings at once, from one sort. scikit-learn takes one weighting at a time, hence these functions of our own;
the tests compare both.

Shapes: U utterances, W keywords, R weightings. A cell is a pair of utterance and keyword.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earmark.evaluation.data import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Ranking:
    """M scored items from the best to the worst; items that tie keep their order.

    Attributes
    ----------
    order : numpy.ndarray, shape = (M,)
        Item at each rank (ranks begin at 0).
    utterance : numpy.ndarray, shape = (M,)
        Utterance of the item at each rank.
    present : numpy.ndarray, shape = (P,)
        Ranks of the relevant items, ascending.
    tie_first, tie_last : numpy.ndarray, shape = (G,)
        First and last rank of each run of tied scores that holds a relevant item.
    tie_found : numpy.ndarray, shape = (G,)
        How many relevant items lie at ``tie_last`` or above.
    """

    order: Ints
    utterance: Ints
    present: Ints
    tie_first: Ints
    tie_last: Ints
    tie_found: Ints

    def tally(self, weights: Ints) -> Ints:
        """Cumulative weight down the ranking: row i is the weight above rank i, the last row the total.

        Parameters
        ----------
        weights : numpy.ndarray, shape = (U, R)

        Returns
        -------
        numpy.ndarray, shape = (M + 1, R)
        """
        tally = np.zeros((len(self.order) + 1, weights.shape[1]), dtype=weights.dtype)
        np.cumsum(np.take(weights, self.utterance, axis=0), axis=0, out=tally[1:])
        return tally


def rank(scores: Floats, present: Bools) -> Ranking:
    """Rank the cells of a table, or the utterances of one keyword, by score; those whose score is NaN have no rank.

    Parameters
    ----------
    scores, present : numpy.ndarray, shape = (U, W) or (U,)
    """
    order = np.argsort(-scores, axis=None, kind="stable")
    order = order[~np.isnan(scores.ravel()[order])]
    ranked = scores.ravel()[order]
    starts = np.flatnonzero(np.diff(ranked, prepend=np.inf))
    ends = np.append(starts[1:], len(ranked)) - 1
    found = np.flatnonzero(present.ravel()[order])
    tie, held = np.unique(np.searchsorted(ends, found), return_counts=True)
    return Ranking(
        order=order,
        utterance=order // (scores.size // len(scores)),
        present=found,
        tie_first=starts[tie],
        tie_last=ends[tie],
        tie_found=held.cumsum(),
    )


def precision_at(count: npt.ArrayLike, ranking: Ranking, correct: Bools, tally: Ints) -> Floats:
    """Share of correct items among the `count` best, or among all where there are fewer.

    Parameters
    ----------
    count : int, or numpy.ndarray of shape (R,)
    correct : numpy.ndarray of the ranked table's shape, bool

    Returns
    -------
    numpy.ndarray, shape = (R,)
        NaN where `count` is 0.
    """
    ranks = np.flatnonzero(correct.ravel()[ranking.order])
    above, upto = tally[ranks], tally[ranks + 1]
    taken = np.minimum(upto, count) - np.minimum(above, count)
    return ratio(taken.sum(axis=0), np.minimum(count, tally[-1]))


def average_precision(ranking: Ranking, tally: Ints) -> Floats:
    """Average precision: the sum over thresholds n of (R_n - R_(n-1)) P_n, R being recall and P precision.

    Tied scores share one threshold.

    Returns
    -------
    numpy.ndarray, shape = (R,)
        NaN where nothing is relevant.
    """
    found = _found(ranking, tally)
    gained = np.diff(found[np.append(0, ranking.tie_found)], axis=0)
    precision = np.nan_to_num(ratio(found[ranking.tie_found], tally[ranking.tie_last + 1]))
    return ratio((gained * precision).sum(axis=0), found[-1])


def reciprocal_rank(ranking: Ranking, tally: Ints) -> Floats:
    """One over the rank of the first relevant item, ranks counted from 1.

    Returns
    -------
    numpy.ndarray, shape = (R,)
        NaN where nothing is relevant.
    """
    above, upto = tally[ranking.present], tally[ranking.present + 1]
    drawn = upto > above
    # Over an item that was not drawn its share is 0, which no drawn one is.
    shares = np.where(drawn, 1 / (above + 1), 0.0)
    return ratio(shares.max(axis=0, initial=0.0), drawn.any(axis=0))


def equal_error_rate(ranking: Ranking, tally: Ints) -> Floats:
    """Equal error rate: the rate of false alarms at which the rate of misses is the same.

    That is the x with 1 - x = ROC(x), the points of the ROC joined by straight lines.

    Returns
    -------
    numpy.ndarray, shape = (R,)
        NaN where every item, or none, is to be found.
    """
    found = _found(ranking, tally)
    # Between two runs of ties that hold an item to be found the ROC is flat, so its corners are enough.
    above = np.append(0, ranking.tie_found[:-1])[: len(ranking.tie_found)]
    true = _interleave(found[above], found[ranking.tie_found], found[-1:])
    reached = _interleave(tally[ranking.tie_first], tally[ranking.tie_last + 1], tally[-1:])
    x, y = ratio(reached - true, tally[-1] - found[-1]), ratio(true, found[-1])

    past = np.maximum(np.argmax(x + y >= 1, axis=0), 1)
    (x0, x1), (y0, y1) = (_around(past, corner) for corner in (x, y))
    share = ratio(1 - x0 - y0, x1 + y1 - x0 - y0)
    return x0 + share * (x1 - x0)


def _found(ranking: Ranking, tally: Ints) -> Ints:
    """Weight of the first 0, 1, ... P relevant items, shape = (P + 1, R)."""
    weight = tally[ranking.present + 1] - tally[ranking.present]
    found = np.zeros((len(weight) + 1, weight.shape[1]), dtype=tally.dtype)
    np.cumsum(weight, axis=0, out=found[1:])
    return found


def _interleave(before: Ints, after: Ints, end: Ints) -> Ints:
    """Rows 0, before 0, after 0, before 1, after 1, ..., end."""
    corners = np.stack([before, after], axis=1).reshape(-1, end.shape[1])
    return np.concatenate([np.zeros_like(end), corners, end])


def _around(past: Ints, corner: Floats) -> tuple[Floats, Floats]:
    """Each column's values just before and at its row `past`."""
    column = np.arange(corner.shape[1])
    return corner[past - 1, column], corner[past, column]


def ratio(part: npt.ArrayLike, whole: npt.ArrayLike) -> Floats:
    """`part` / `whole`, elementwise; NaN where `whole` is 0."""
    part, whole = np.broadcast_arrays(part, whole)
    quotient = np.full(part.shape, np.nan)
    np.divide(part, whole, out=quotient, where=whole != 0)
    return quotient


def macro(values: Floats) -> Floats:
    """Mean over the first axis of those values that are defined; NaN where none is."""
    return ratio(np.nansum(values, axis=0), (~np.isnan(values)).sum(axis=0))


@dataclass(frozen=True, eq=False)
class Counts:
    """True positives, predicted and relevant cells: tables (U, W), or sums of them.

    Attributes
    ----------
    true_positive : numpy.ndarray
        TP.
    predicted : numpy.ndarray
        TP + FP.
    relevant : numpy.ndarray
        TP + FN.
    """

    true_positive: Bools | Ints
    predicted: Bools | Ints
    relevant: Bools | Ints

    def per_keyword(self) -> Counts:
        """Sums over utterances, shape = (W,)."""
        return Counts(self.true_positive.sum(axis=0), self.predicted.sum(axis=0), self.relevant.sum(axis=0))

    def micro(self, weights: Ints) -> Counts:
        """Sums over all cells, shape = (R,), where utterance u counts ``weights[u, r]`` times."""
        tables = (self.true_positive, self.predicted, self.relevant)
        return Counts(*(table.sum(axis=1) @ weights for table in tables))

    def precision_recall_f1(self) -> dict[str, Floats]:
        """Precision, recall and their harmonic mean, of sums.

        Precision is 0 where nothing is predicted although something is relevant. Everything else whose denominator is
        0 is NaN.
        """
        precision = ratio(self.true_positive, self.predicted)
        none_predicted = np.logical_and(np.equal(self.predicted, 0), np.greater(self.relevant, 0))
        return {
            "precision": np.where(none_predicted, 0.0, precision),
            "recall": ratio(self.true_positive, self.relevant),
            "f1": ratio(2 * self.true_positive, self.predicted + self.relevant),
        }


def detected(scores: Floats, thresholds: Floats | float) -> Bools:
    """Detections: score >= threshold.

    Parameters
    ----------
    scores : numpy.ndarray, shape = (U, W)
    thresholds : numpy.ndarray of shape (W,), or float
        One a keyword, or one for all.
    """
    return scores >= thresholds


def detection_counts(present: Bools, detections: Bools) -> Counts:
    """Counts of detection by cell, shape = (U, W): a detection is right where the keyword is present."""
    return Counts(true_positive=present & detections, predicted=detections, relevant=present)


def oracle_counts(present: Bools, located: Bools) -> Counts:
    """Counts of oracle localisation by cell, shape = (U, W): one location for each keyword known to be present.

    As every keyword present is given one location, precision and recall are the same: the accuracy.
    """
    return Counts(true_positive=located, predicted=present, relevant=present)


def actual_counts(present: Bools, located: Bools, detections: Bools) -> Counts:
    """Counts of actual localisation by cell, shape = (U, W): detect first, then locate.

    A detection is right where its location lies inside any occurrence. One in the wrong place is both a false
    alarm and a miss.
    """
    return Counts(true_positive=np.logical_and(detections, located), predicted=detections, relevant=present)


TOP = 10


def spotting_measures(ranking: Ranking, present: Bools, located: Bools, weights: Ints) -> dict[str, Floats]:
    """Measures of one keyword's ranking of utterances, by name.

    In spotting an utterance is right where it contains the keyword; in spotting localisation, where the
    location lies inside the keyword too. P@10 is over the ten best utterances (all where there are fewer),
    P@N at as many as contain the keyword.

    Parameters
    ----------
    ranking : Ranking
        Of the keyword's scores, shape = (U,).
    present, located : numpy.ndarray, shape = (U,), bool
    weights : numpy.ndarray, shape = (U, R)

    Returns
    -------
    dict of numpy.ndarray, shape = (R,)
        NaN where no utterance contains the keyword.
    """
    tally = ranking.tally(weights)
    containing = weights[present].sum(axis=0)

    def p_at(count: Ints, correct: Bools) -> Floats:
        return precision_at(count, ranking, correct, tally)

    ten = np.where(containing > 0, TOP, 0)
    return {
        "detection.average_precision": average_precision(ranking, tally),
        "spotting.p_at_10": p_at(ten, present),
        "spotting.p_at_n": p_at(containing, present),
        "spotting.eer": equal_error_rate(ranking, tally),
        "spotting.reciprocal_rank": reciprocal_rank(ranking, tally),
        "spotting_localisation.p_at_10": p_at(ten, located),
        "spotting_localisation.p_at_n": p_at(containing, located),
    }
