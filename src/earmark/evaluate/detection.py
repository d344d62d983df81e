"""Detection: is the keyword spoken in the utterance?"""

from __future__ import annotations

from earmark.evaluate.counts import Counts
from earmark.evaluate.truth import Bools, Floats


def detected(scores: Floats, thresholds: Floats | float) -> Bools:
    """Detections: score >= threshold.

    Parameters
    ----------
    scores : numpy.ndarray, shape = (U, W)
    thresholds : numpy.ndarray of shape (W,), or float
        One a keyword, or one for all.
    """
    return scores >= thresholds


def detection(present: Bools, detections: Bools) -> Counts:
    """Counts of detection, by cell: a detection is right where the keyword is present."""
    return Counts(right=present & detections, made=detections, sought=present)
