"""Calibration of a word's detection scores by its judgements, and how reliable the probabilities are.

The log odds of a hit of score s being right are a logit(s) + b (Platt 1999, "Probabilistic outputs for support vector
machines"), with independent Gaussian priors: of a about 1, of b about 0. So with few judgements a probability is nearly
the model's own score, and with more it is what people found. The posterior is approximated by a Gaussian at its maximum
(Laplace; MacKay 1992, "The evidence framework applied to classification networks"), which gives intervals.

This holds for all hits of a score if they were judged whatever else is known of them, beside their score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from earmark.archive.results import ArchiveHit
from earmark.models.operating_points import log_odds

SLOPE, SLOPE_SPREAD = 1.0, 0.5
OFFSET_SPREAD = 2.0
LEVEL = 0.9
STEPS, PRECISION = 100, 1e-9  # of Newton's method, and the change of a and b at which it ends
FOLDS = 10
MIN_JUDGED, MIN_OF_EACH = 10, 3  # judged hits, and right and wrong ones, below which nothing is estimated
LOWEST_SCORE = 1e-6  # scores of 0 and 1 say no more than this and 1 less this

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Calibration:
    """A fitted calibration.

    Attributes
    ----------
    slope, offset : float
        a and b.
    covariance : numpy.ndarray, shape = (2, 2)
        Of a and b, a posteriori.
    """

    slope: float
    offset: float
    covariance: Floats

    def probabilities(self, scores: Floats) -> Floats:
        """Probabilities (n,) that hits of some scores (n,) are right."""
        return _logistic(_inputs(scores) @ np.array([self.slope, self.offset]))

    def intervals(self, scores: Floats) -> tuple[Floats, Floats]:
        """Ends (n,) and (n,) of intervals that hold the share of right hits at a score in nine of ten cases."""
        inputs = _inputs(scores)
        middle = inputs @ np.array([self.slope, self.offset])
        deviation = np.sqrt(np.einsum("ni,ij,nj->n", inputs, self.covariance, inputs))
        width = NormalDist().inv_cdf((1 + LEVEL) / 2) * deviation
        return _logistic(middle - width), _logistic(middle + width)


@dataclass(frozen=True)
class ReliabilityBin:
    """Judged hits of neighbouring probabilities.

    Attributes
    ----------
    count : int
    probability : float
        The mean of what was predicted.
    share, low, high : float
        Of right hits, with a Wilson interval.
    """

    count: int
    probability: float
    share: float
    low: float
    high: float


def calibrate(scores: Floats, right: Booleans) -> Calibration:
    """Fit the calibration of a word.

    Parameters
    ----------
    scores : numpy.ndarray, shape = (n,)
        Detection scores of judged hits, in [0, 1]; there may be none.
    right : numpy.ndarray, shape = (n,)
        Whether each is right.
    """
    inputs, targets = _inputs(scores), right.astype(np.float64)
    prior = np.array([SLOPE, 0.0])
    certainty = np.diag([SLOPE_SPREAD**-2, OFFSET_SPREAD**-2])

    def objective(weights: Floats) -> float:
        odds, about = inputs @ weights, weights - prior
        return float(np.logaddexp(0, odds).sum() - targets @ odds + about @ certainty @ about / 2)

    weights = prior
    for _ in range(STEPS):
        p = _logistic(inputs @ weights)
        gradient = inputs.T @ (p - targets) + certainty @ (weights - prior)
        step = np.linalg.solve(_curvature(inputs, p) + certainty, gradient)
        while objective(weights - step) > objective(weights) and np.abs(step).max() > PRECISION:
            step = step / 2  # it went too far
        weights = weights - step
        if np.abs(step).max() <= PRECISION:
            break
    covariance: Floats = np.linalg.inv(_curvature(inputs, _logistic(inputs @ weights)) + certainty).astype(np.float64)
    return Calibration(float(weights[0]), float(weights[1]), covariance)


def judged_scores(hits: Sequence[ArchiveHit]) -> tuple[Floats, Booleans]:
    """Scores (n,) of judged hits, and whether each is right; *related* is not.

    Hits that people disagree on are left out.
    """
    judged = [hit for hit in hits if hit.verdict is not None and not hit.opinions]
    return np.array([hit.hit.score for hit in judged], float), np.array([hit.verdict == "yes" for hit in judged], bool)


def calibration_of(hits: Sequence[ArchiveHit]) -> Calibration | None:
    """The calibration of a word by its hits with their verdicts; None where too few were judged."""
    scores, right = judged_scores(hits)
    return calibrate(scores, right) if is_enough(right) else None


def is_enough(right: Booleans) -> bool:
    """Whether so many hits were judged that a calibration can be estimated."""
    return len(right) >= MIN_JUDGED and bool(min(right.sum(), (~right).sum()) >= MIN_OF_EACH)


def held_out_probabilities(scores: Floats, right: Booleans) -> Floats:
    """Probabilities (n,) of judged hits, each by the judgements of the other folds alone."""
    folds = np.arange(len(scores)) % min(FOLDS, max(2, len(scores)))
    found = np.empty(len(scores))
    for fold in np.unique(folds):
        rest = folds != fold
        found[~rest] = calibrate(scores[rest], right[rest]).probabilities(scores[~rest])
    return found


def reliability(probabilities: Floats, right: Booleans, bins: int = 5) -> list[ReliabilityBin]:
    """What was predicted beside what is right, in bins of equal counts, by rising probability.

    Parameters
    ----------
    probabilities, right : numpy.ndarray, shape = (n,)
    bins : int
        At most.
    """
    order = np.argsort(probabilities, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return [
        ReliabilityBin(
            len(part),
            float(probabilities[part].mean()),
            float(right[part].mean()),
            *wilson_interval(int(right[part].sum()), len(part)),
        )
        for part in parts
    ]


def wilson_interval(right: int, count: int, level: float = LEVEL) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927); `count` is at least 1."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, extra = right / count, z**2 / count
    middle = (share + extra / 2) / (1 + extra)
    half = z / (1 + extra) * (share * (1 - share) / count + extra / (4 * count)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def _inputs(scores: Floats) -> Floats:
    odds = log_odds(np.clip(scores, LOWEST_SCORE, 1 - LOWEST_SCORE))
    return np.stack([odds, np.ones(len(scores))], axis=1)


def _curvature(inputs: Floats, p: Floats) -> Floats:
    curvature: Floats = (inputs * (p * (1 - p))[:, None]).T @ inputs
    return curvature


def _logistic(odds: Floats) -> Floats:
    p: Floats = 1 / (1 + np.exp(-np.clip(odds, -500, 500)))
    return p
