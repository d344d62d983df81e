"""False alarms an hour, told from dev by the tags: no transcript is needed.

Let p be the probability that a keyword is spoken in an utterance. Of the utterances of dev that score at least x, the
sum of 1 - p is expected to be false alarms; over the hours of dev, it is the rate that the threshold x lets expect.

Where p itself is unknown, an estimate without bias does, as only sums of it are asked for
(:func:`earmark.train.threshold.estimate_prevalence`). It may lie outside [0, 1], so that sums of it can fall; each
expectation is then the highest on the way to its score, rather too many than too few.

One false alarm in all of dev is the least that can be told, so that a rate below ``1 / hours`` is left out. What tags
and model mistake alike, such as cats that the tagger takes for dogs, is no false alarm to this count.
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
    keywords: Vocabulary, scores: Floats, spoken: Floats, durations_s: Floats, thresholds: Floats
) -> OperatingPoints:
    """False alarms of each keyword.

    Parameters
    ----------
    keywords : Vocabulary
        W words.
    scores, spoken : numpy.ndarray, shape = (U, W)
        Detection scores in [0, 1], and how likely each keyword is spoken.
    durations_s : numpy.ndarray, shape = (U,)
    thresholds : numpy.ndarray, shape = (W,)
        Detection thresholds.
    """
    hours = float(durations_s.sum()) / S_PER_HOUR
    curves = {word: curve(scores[:, w], spoken[:, w], hours) for w, word in enumerate(keywords)}
    return OperatingPoints(hours, expected_precision(scores >= thresholds, spoken), curves)


def curve(scores: Floats, spoken: Floats, hours: float) -> Curve:
    """Rates with the scores from which they are expected.

    Parameters
    ----------
    scores, spoken : numpy.ndarray, shape = (N,)
        Detection scores in [0, 1], and how likely what was asked for is spoken.
    hours : float
        Of speech that was asked.

    Returns
    -------
    tuple of pairs
        Only rates that can be told. The scores lie halfway between two of dev, and those from there on are expected
        to hold no more false alarms than so many.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = np.concatenate([[1.0], scores[order], [0.0]])  # nothing scores more or less
    false = np.concatenate([[0.0], np.cumsum(1 - spoken[order], dtype=np.float64)])
    fits = ranked[:-1] > ranked[1:]  # a threshold, between the two; ties stay together
    fits[-1] = False  # from a threshold that all meet on, nothing is told
    most = np.maximum.accumulate(np.where(fits, false, 0.0))
    told = []
    for rate in RATES:
        within = np.flatnonzero(fits & (most <= rate * hours))
        if 1 <= rate * hours < max(most[-1], false[-1]) and len(within):
            above, below = ranked[within[-1] : within[-1] + 2]
            told.append((float(rate), float(max((above + below) / 2, np.nextafter(below, 1)))))
    return tuple(told)


def expected_precision(detected: npt.NDArray[np.bool_], spoken: Floats) -> float | None:
    """The share of detected cells that is expected to be right; None where nothing is detected."""
    return float(spoken[detected].mean().clip(0, 1)) if detected.any() else None
