"""Normalised cross-entropy Cnxe of scores that are read as log-likelihood ratios.

The measure of MediaEval's searches with spoken queries (Rodriguez-Fuentes and Penagarikano 2013). A score s is read
as the natural logarithm of p(s | spoken) / p(s | not spoken). With a prior P, the posterior log-odds are s + logit P,
and::

    Cxe  = P  mean over targets     of log2(1 + exp(-s - logit P))
         + (1 - P) mean over others of log2(1 + exp(s + logit P))
    Cnxe = Cxe / (-P log2 P - (1 - P) log2(1 - P))

0 is perfect, 1 is what the prior alone gives, more than 1 is misleading. The minima say what would be left if the
scores were recalibrated as well as these very data allow: by an affine map that does not turn their order (logistic
regression), and by any map that does not (isotonic regression). The isotonic one is never larger.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from earmark.evaluation.data import Bools, Floats
from earmark.evaluation.isotonic import isotonic_fit

STEPS = 200
ENOUGH = 1e-13  # bits that a step of the regression must gain
RIDGE = 1e-12  # keeps the equations solvable where the classes can be told apart entirely


@dataclass(frozen=True)
class CrossEntropy:
    """Cnxe of the scores as they are, and the minima after recalibration.

    Attributes
    ----------
    cnxe : float
    affine, isotonic : float
        minCnxe with the best affine map, and with the best one that keeps the order.
    prior : float
    """

    cnxe: float
    affine: float
    isotonic: float
    prior: float


def normalised_cross_entropy(scores: Floats, target: Bools, prior: float) -> CrossEntropy:
    """Cnxe of log-likelihood ratios.

    Parameters
    ----------
    scores : numpy.ndarray, shape = (N,)
        Finite.
    target : numpy.ndarray, shape = (N,), bool
        The term is spoken in the trial.
    prior : float
        P, between 0 and 1.

    Returns
    -------
    CrossEntropy
        NaN where no trial, or every one, is a target.
    """
    if target.all() or not target.any():
        return CrossEntropy(np.nan, np.nan, np.nan, prior)
    weight = np.where(target, prior / target.sum(), (1 - prior) / (~target).sum())
    entropy = -prior * np.log2(prior) - (1 - prior) * np.log2(1 - prior)
    offset = np.log(prior / (1 - prior))
    return CrossEntropy(
        cnxe=float(_bits(scores + offset, target, weight) / entropy),
        affine=float(_affine_bits(scores, target, weight, offset) / entropy),
        isotonic=float(_isotonic_bits(scores, target, weight) / entropy),
        prior=prior,
    )


def of_probabilities(probabilities: Floats, target: Bools) -> CrossEntropy:
    """Cnxe of posterior probabilities, at the share of targets among the trials as the prior.

    At that prior the log-likelihood ratio of a probability p is logit p - logit P: Cnxe is then the mean cross-entropy
    of the probabilities in bits, divided by what always giving the share of targets would cost.

    Parameters
    ----------
    probabilities : numpy.ndarray, shape = (N,), in [0, 1]
        A probability of 0 or 1 counts as the nearest to it that is neither in float64: no mistake costs infinitely.
    target : numpy.ndarray, shape = (N,), bool

    Returns
    -------
    CrossEntropy
        NaN where no trial, or every one, is a target.
    """
    if target.all() or not target.any():
        return CrossEntropy(np.nan, np.nan, np.nan, np.nan)
    prior = float(target.mean())
    least = np.finfo(float).eps
    inside = np.clip(probabilities, least, 1 - least)
    return normalised_cross_entropy(np.log(inside / (1 - inside)) - np.log(prior / (1 - prior)), target, prior)


def _bits(log_odds: Floats, target: Bools, weight: Floats) -> Floats:
    """Weighted cross-entropy of posterior log-odds, in bits."""
    bits: Floats = weight @ np.logaddexp(0, np.where(target, -log_odds, log_odds)) / np.log(2)
    return bits


def _isotonic_bits(scores: Floats, target: Bools, weight: Floats) -> Floats:
    posterior = isotonic_fit(scores, target.astype(float), weight)
    given = np.where(target, posterior, 1 - posterior)
    bits: Floats = weight @ -np.log2(np.maximum(given, np.finfo(float).tiny))
    return bits


def _affine_bits(scores: Floats, target: Bools, weight: Floats, offset: float) -> Floats:
    """The least cross-entropy of a s + b with a >= 0, by Newton's method."""
    spread = scores.std()
    constant = _bits(np.full_like(scores, offset), target, weight)
    if spread == 0:
        return constant
    design = np.stack([(scores - scores.mean()) / spread, np.ones_like(scores)], axis=1)
    solution, bits = np.array([0.0, offset]), constant
    for _ in range(STEPS):
        posterior = 1 / (1 + np.exp(-np.clip(design @ solution, -700, 700)))
        gradient = design.T @ (weight * (posterior - target))
        curvature = (design.T * (weight * posterior * (1 - posterior))) @ design
        step = np.linalg.solve(curvature + RIDGE * np.eye(2), gradient)
        shorter = [solution - step * 0.5**halved for halved in range(30)]
        solution = next((one for one in shorter if _bits(design @ one, target, weight) < bits), solution)
        gained, bits = bits - _bits(design @ solution, target, weight), _bits(design @ solution, target, weight)
        if gained < ENOUGH:
            break
    return bits if solution[0] >= 0 else constant  # the cost is convex: the best that turns no order is flat
