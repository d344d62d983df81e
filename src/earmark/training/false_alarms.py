"""Expected false alarms an hour by detection score, estimated on dev from the tags: no transcript is needed.

Let p be the probability that a keyword is spoken in an utterance. Of the utterances of dev that score at least x, the
sum of 1 - p is the expected number of false alarms; divided by the hours of dev, it is the expected rate at the
threshold x.

Where p itself is unknown, an unbiased estimate does, as only sums of it are needed
(:func:`earmark.training.thresholds.estimate_prevalence`). It may lie outside [0, 1], so that sums of it can fall; each
expectation is then the highest on the way to its score, so that false alarms are rather over- than underestimated.

One false alarm in all of dev is the least that can be estimated, so that a rate below ``1 / hours`` is left out. What
tags and model mistake alike, such as cats that the tagger takes for dogs, is no false alarm to this count.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earmark.core.vocabulary import Vocabulary
from earmark.models.operating_points import Curve, OperatingPoints

RATES = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)  # false alarms an hour
S_PER_HOUR = 3600

Floats = npt.NDArray[np.floating]


def operating_points(
    keywords: Vocabulary, scores: Floats, prevalence: Floats, durations_s: Floats, thresholds: Floats
) -> OperatingPoints:
    """The false-alarm curve of each keyword, and the expected precision of all.

    Parameters
    ----------
    keywords : Vocabulary
        W words.
    scores, prevalence : numpy.ndarray, shape = (U, W)
        Detection scores in [0, 1], and the probability that each keyword is spoken; NaN where it is unknown.
    durations_s : numpy.ndarray, shape = (U,)
    thresholds : numpy.ndarray, shape = (W,)
        Detection thresholds.
    """
    curves = {}
    known = ~np.isnan(prevalence)
    for word, of_word, score, spoken in zip(keywords, known.T, scores.T, prevalence.T, strict=True):
        hours = float(durations_s[of_word].sum()) / S_PER_HOUR
        curves[word] = false_alarm_curve(score[of_word], spoken[of_word], hours)
    precision = expected_precision((scores >= thresholds) & known, prevalence)
    return OperatingPoints(float(durations_s.sum()) / S_PER_HOUR, precision, curves)


def false_alarm_curve(scores: Floats, prevalence: Floats, hours: float) -> Curve:
    """Rates with the scores from which they are expected.

    Parameters
    ----------
    scores, prevalence : numpy.ndarray, shape = (N,)
        Detection scores in [0, 1], and the probability that the query is spoken.
    hours : float
        Of speech, once for every query.

    Returns
    -------
    tuple of pairs
        Only rates that dev is long enough for. Each score lies halfway between two of dev; from it on, no more false
        alarms are expected than the rate says.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = np.concatenate([[1.0], scores[order], [0.0]])  # the bounds of all scores
    false = np.concatenate([[0.0], np.cumsum(1 - prevalence[order], dtype=np.float64)])
    separates = ranked[:-1] > ranked[1:]  # whether a threshold fits between the two: ties stay together
    separates[-1] = False  # a threshold that all exceed has no rate
    most = np.maximum.accumulate(np.where(separates, false, 0.0))
    curve = []
    for rate in RATES:
        within = np.flatnonzero(separates & (most <= rate * hours))
        if 1 <= rate * hours < max(most[-1], false[-1]) and len(within):
            above, below = ranked[within[-1] : within[-1] + 2]
            curve.append((float(rate), float(max((above + below) / 2, np.nextafter(below, 1)))))
    return tuple(curve)


def expected_precision(detected: npt.NDArray[np.bool_], prevalence: Floats) -> float | None:
    """The expected precision of detected cells; None where nothing is detected."""
    return float(prevalence[detected].mean().clip(0, 1)) if detected.any() else None
