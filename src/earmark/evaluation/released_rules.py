"""The counting rules of the released code of Olaleye et al. (2022), where they depart from the paper.

They make results comparable with the published ones. Only the counting follows the released code: word times
are in seconds, not rounded to frames.

- Oracle and actual localisation count every *occurrence* of a word, not every utterance that contains it.
- A detection in the wrong place is a false alarm but no miss, which keeps recall high.
- Spotting localisation knows only the last occurrence in an utterance.
- P@N of spotting localisation sets N to the utterances where the location is right, and leaves out keywords
  that have none, which raises it. One script, that for attention, takes all utterances with the keyword for N
  (:func:`p_at_n_of_spoken`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from earmark.evaluation.data import Bools, Floats, GroundTruth, Ints, Predictions, holds_location
from earmark.evaluation.metrics import TOP, Counts, Ranking, macro, precision_at, ratio


def released(
    truth: GroundTruth, predictions: Predictions, detections: Bools, rankings: Sequence[Ranking]
) -> dict[str, Floats]:
    """All measures under the released rules, by name, each of shape ().

    Parameters
    ----------
    detections : numpy.ndarray, shape = (U, W), bool
    rankings : sequence of Ranking
        Of the utterances, one a keyword.
    """
    held = holds_location(truth, predictions)
    counts = _total(_actual(truth, held, detections))
    measures = {"oracle.accuracy": ratio(held.sum(), held.size)}
    measures |= {f"actual.{name}": value for name, value in counts.precision_recall_f1().items()}
    return measures | _spotting_localisation(truth, _last_located(truth, held), rankings)


def actual_by_keyword(truth: GroundTruth, predictions: Predictions, detections: Bools) -> Counts:
    """Counts of actual localisation of each keyword, shape = (W,)."""
    return _actual(truth, holds_location(truth, predictions), detections)


def p_at_n_of_spoken(truth: GroundTruth, predictions: Predictions, rankings: Sequence[Ranking]) -> float:
    """P@N of spotting localisation with N utterances that contain the keyword; the mean over keywords."""
    last = _last_located(truth, holds_location(truth, predictions))
    once = np.ones((len(last), 1), dtype=int)
    each = [
        precision_at(present.sum(), ranking, correct, ranking.tally(once))[0]
        for ranking, present, correct in zip(rankings, truth.present.T, last.T, strict=True)
        if present.any()
    ]
    return float(macro(np.reshape(each, -1)))


def _actual(truth: GroundTruth, held: Bools, hypothesised: Bools) -> Counts:
    """Sums over the occurrences of each keyword, and over hypotheses where it is not spoken, shape = (W,)."""
    hits = hypothesised[truth.utterance, truth.keyword]

    def occurrences(which: Bools) -> Ints:
        return np.bincount(truth.keyword[which], minlength=truth.present.shape[1])

    true_positive = occurrences(hits & held)
    false_positive = occurrences(hits & ~held) + (hypothesised & ~truth.present).sum(axis=0)
    false_negative = occurrences(~hits)
    return Counts(true_positive, true_positive + false_positive, true_positive + false_negative)


def _total(counts: Counts) -> Counts:
    return Counts(counts.true_positive.sum(), counts.predicted.sum(), counts.relevant.sum())


def _last_located(truth: GroundTruth, held: Bools) -> Bools:
    """Whether the location lies inside the last occurrence of the keyword, shape = (U, W)."""
    last = np.full(truth.present.shape, -1)
    np.maximum.at(last, (truth.utterance, truth.keyword), np.arange(len(held)))
    table = np.zeros_like(truth.present)
    table[last >= 0] = held[last[last >= 0]]
    return table


def _spotting_localisation(truth: GroundTruth, located: Bools, rankings: Sequence[Ranking]) -> dict[str, Floats]:
    once = np.ones((len(located), 1), dtype=int)
    p_at_10, p_at_n = [], []
    for ranking, present, correct in zip(rankings, truth.present.T, located.T, strict=True):
        if present.any():
            tally = ranking.tally(once)
            p_at_10.append(precision_at(TOP, ranking, correct, tally))
            p_at_n.append(precision_at(correct.sum(), ranking, correct, tally))
    return {
        "spotting_localisation.p_at_10": macro(np.reshape(p_at_10, -1)),
        "spotting_localisation.p_at_n": macro(np.reshape(p_at_n, -1)),
    }
