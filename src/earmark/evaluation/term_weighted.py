"""Term-weighted values of spoken term detection (Fiscus, Ajot, Garofolo and Doddington 2007; NIST STD 2006, OpenKWS).

For a term with N_true occurrences and a number of trials (in NIST's protocol one a second of audio):

    P_miss = 1 - N_correct / N_true
    P_fa   = N_false / (trials - N_true)
    TWV    = 1 - mean over terms of (P_miss + beta P_fa)

with beta from :class:`earmark.core.costs.Costs`. Finding nothing gives 0, finding all and nothing else 1; false alarms
can make it much less than 0. Only terms that are spoken count, and have more trials than occurrences: for others one of
the two rates is undefined.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from earmark.core.costs import Costs
from earmark.evaluation.data import Bools, Floats, Ints
from earmark.evaluation.metrics import ratio


@dataclass(frozen=True, eq=False)
class AlignedDetections:
    """D detections of W terms, of which it is known whether they are right.

    Attributes
    ----------
    term : numpy.ndarray, shape = (D,), int
        Index of the term.
    score : numpy.ndarray, shape = (D,)
    correct : numpy.ndarray, shape = (D,), bool
        The detection is aligned with an occurrence (:mod:`earmark.evaluation.detection_alignment`).
    decision : numpy.ndarray, shape = (D,), bool
        The system's own yes.
    occurrences : numpy.ndarray, shape = (W,), int
        N_true.
    trials : numpy.ndarray, shape = (W,)
    """

    term: Ints
    score: Floats
    correct: Bools
    decision: Bools
    occurrences: Ints
    trials: Floats

    @property
    def counted(self) -> Bools:
        """The terms that count, shape = (W,)."""
        return (self.occurrences > 0) & (self.trials > self.occurrences)

    def rates(self) -> tuple[Floats, Floats]:
        """What each detection adds to the mean hit rate and to the mean false alarm rate of terms, each shape = (D,).

        Their sums over the detections from a threshold on are 1 - P_miss and P_fa, means over the terms that count.
        """
        terms = np.count_nonzero(self.counted)
        hit = np.where(self.counted, ratio(1.0, self.occurrences * terms), 0.0)
        false_alarm = np.where(self.counted, ratio(1.0, (self.trials - self.occurrences) * terms), 0.0)
        return np.where(self.correct, hit[self.term], 0.0), np.where(self.correct, 0.0, false_alarm[self.term])


@dataclass(frozen=True)
class TermWeightedValues:
    """Term-weighted values with all that they depend on.

    Attributes
    ----------
    atwv : float
        At the system's own decisions.
    mtwv, threshold : float
        With the one threshold for all terms that is best, and that threshold: the least score that counts. It is
        infinite where counting no detection is best.
    otwv : float
        With the best threshold for each term.
    stwv : float
        As if no false alarm cost anything, with all detections: the mean recall of terms.
    costs : Costs
    terms : int
        How many terms count; where it is 0 all values are NaN.
    """

    atwv: float
    mtwv: float
    threshold: float
    otwv: float
    stwv: float
    costs: Costs
    terms: int


def term_weighted_values(aligned: AlignedDetections, costs: Costs) -> TermWeightedValues:
    """ATWV, MTWV with its threshold, OTWV and STWV."""
    terms = int(np.count_nonzero(aligned.counted))
    if not terms:
        return TermWeightedValues(np.nan, np.nan, np.nan, np.nan, np.nan, costs, 0)
    hit, false_alarm = aligned.rates()
    value = hit - costs.beta * false_alarm
    mtwv, threshold = _best_threshold(value, aligned.score)
    own = (np.flatnonzero(aligned.term == term) for term in np.flatnonzero(aligned.counted))
    return TermWeightedValues(
        atwv=float(value[aligned.decision].sum()),
        mtwv=mtwv,
        threshold=threshold,
        otwv=min(1.0, sum(_best_threshold(value[rows], aligned.score[rows])[0] for rows in own)),
        stwv=min(1.0, float(hit.sum())),  # sums of fractions may be rounded to a little more than 1
        costs=costs,
        terms=terms,
    )


def twv_at(aligned: AlignedDetections, costs: Costs, threshold: float) -> float:
    """TWV of the detections whose score is not below a threshold; NaN where no term counts."""
    if not aligned.counted.any():
        return np.nan
    hit, false_alarm = aligned.rates()
    return float((hit - costs.beta * false_alarm)[aligned.score >= threshold].sum())


def last_of_ties(score: Floats) -> tuple[Ints, Ints]:
    """Order from the best score to the worst, and the ranks after which a threshold may lie: not between ties."""
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    return order, np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)[: len(order)])


def _best_threshold(value: Floats, score: Floats) -> tuple[float, float]:
    """The largest sum of values from a threshold on, and the threshold; 0 and infinity where no sum is above 0."""
    order, ends = last_of_ties(score)
    sums = value[order].cumsum()[ends]
    if not len(sums) or sums.max() <= 0:
        return 0.0, np.inf
    best = ends[sums.argmax()]
    return min(1.0, float(sums.max())), float(score[order][best])
