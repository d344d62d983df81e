"""Curves of the detection error trade-off (DET): misses beside false alarms at every threshold (Martin et al. 1997)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from earmark.evaluation.data import Floats
from earmark.evaluation.metrics import ratio
from earmark.evaluation.term_weighted import AlignedDetections, last_of_ties


@dataclass(frozen=True, eq=False)
class DetCurve:
    """Rates at H thresholds, from the highest threshold to the lowest.

    Attributes
    ----------
    threshold, p_fa, p_miss : numpy.ndarray, shape = (H,)
        The first threshold is infinite: no detection counts, all is missed.
    """

    threshold: Floats
    p_fa: Floats
    p_miss: Floats


def pooled_curve(aligned: AlignedDetections) -> DetCurve:
    """P_fa and P_miss over the occurrences and trials of all terms that count together.

    A frequent term weighs more than a rare one.
    """
    counted = aligned.counted
    true = aligned.occurrences[counted].sum()
    inside = counted[aligned.term]
    hit = np.where(aligned.correct & inside, ratio(1.0, true), 0.0)
    others = (aligned.trials - aligned.occurrences)[counted].sum()
    false_alarm = np.where(~aligned.correct & inside, ratio(1.0, others), 0.0)
    return _curve(aligned.score, hit, false_alarm)


def term_weighted_curve(aligned: AlignedDetections) -> DetCurve:
    """P_fa and P_miss as means over the terms that count: TWV is 1 - P_miss - beta P_fa at every point."""
    return _curve(aligned.score, *aligned.rates())


def _curve(score: Floats, hit: Floats, false_alarm: Floats) -> DetCurve:
    order, ends = last_of_ties(score)
    hits, false_alarms = (np.append(0.0, rate[order].cumsum()[ends]) for rate in (hit, false_alarm))
    return DetCurve(np.append(np.inf, score[order][ends]), false_alarms, np.clip(1 - hits, 0, 1))
