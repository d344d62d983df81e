"""The scorer of one word: a linear classifier of pieces of speech, fitted to a few judgements.

A place is a run of J consecutive pieces (:mod:`earmark.archive.piece_vectors`), x of shape (J, D) with rows of length
1, and p, the model's log odds there. Its log odds of being the word are

    f = a p + <W, x> / J + b,

with independent Gaussian priors: of each number of W about W0 with deviation SPREAD * sqrt(J), of a about a weight, of
b about BIAS. W0 is a contrast times the mean of the accepted runs less the mean piece of the archive, each piece of
length 1: the template that the examples alone make. Weight and contrast are those of a :class:`Prior`: scores of a
trained model's keywords count for more than those of clips. With few judgements the scorer is the template beside the
model's own score; with more it is a classifier. Labels are accepted places (1), related ones (0.5), rejected ones (0),
and places that nobody has judged, weak negatives because a word is rare. The maximum a posteriori is found by Newton's
method in the dual form (Rasmussen and Williams 2006, *Gaussian processes for machine learning*, algorithm 3.1), in
which labels have weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from earmark.archive.ann_index import l2_normalise

SPREAD = 3.0  # of the template's numbers, in log odds of a run
BIAS, BIAS_SPREAD = -10.0, 10.0
ALIGNMENTS = 3  # times that examples are moved against one another
STEPS, PRECISION = 50, 1e-6  # of Newton's method, and the change of log odds at which it ends

Single = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


class Prior(NamedTuple):
    """What is believed of a scorer before anything is judged.

    Attributes
    ----------
    contrast : float
        Log odds between the template's own place and the mean of the archive.
    weight, spread : float
        Mean and deviation of the weight of the model's log odds.
    """

    contrast: float
    weight: float
    spread: float


OF_CLIPS = Prior(contrast=25.0, weight=0.3, spread=0.3)
OF_KEYWORDS = Prior(contrast=10.0, weight=2.0, spread=0.5)


@dataclass(frozen=True)
class Labelled:
    """Places with their labels.

    Attributes
    ----------
    runs : numpy.ndarray, shape = (n, J, D)
    priors : numpy.ndarray, shape = (n,)
        The model's log odds.
    targets : numpy.ndarray, shape = (n,)
        In [0, 1].
    weights : numpy.ndarray, shape = (n,)
        How many labels each counts for.
    """

    runs: Single
    priors: Floats
    targets: Floats
    weights: Floats


@dataclass(frozen=True)
class WordScorer:
    """A fitted scorer.

    Attributes
    ----------
    template : numpy.ndarray, shape = (J, D)
        W / J.
    prior_weight, bias : float
    """

    template: Single
    prior_weight: float
    bias: float

    def log_odds(self, runs: Single, priors: Floats) -> Floats:
        """Log odds (n,) of places with runs (n, J, D) and log odds of the model (n,)."""
        similarity = np.einsum("njd,jd->n", runs.astype(np.float64), self.template.astype(np.float64))
        odds: Floats = self.prior_weight * priors + similarity + self.bias
        return odds


def fit_scorer(labelled: Labelled, start: Floats, prior: Prior = OF_CLIPS) -> WordScorer:
    """Fit the scorer of a word.

    Parameters
    ----------
    labelled : Labelled
        At least one place.
    start : numpy.ndarray, shape = (J, D)
        W0, see :func:`template_of`.
    prior : Prior
    """
    count, length, width = labelled.runs.shape
    x = labelled.runs.reshape(count, -1).astype(np.float64) / length
    spread = SPREAD * length**0.5
    covariance = spread**2 * (x @ x.T) + prior.spread**2 * np.outer(labelled.priors, labelled.priors) + BIAS_SPREAD**2
    mean = x @ start.ravel() + prior.weight * labelled.priors + BIAS
    dual = newton(covariance, mean, labelled.targets, labelled.weights)
    template = (start.ravel() + spread**2 * (x.T @ dual)).reshape(length, width) / length
    weight = prior.weight + prior.spread**2 * float(labelled.priors @ dual)
    # A model whose score says the opposite of what it should is ignored, not turned round, on so few judgements.
    return WordScorer(template.astype(np.float32), max(0.0, weight), BIAS + BIAS_SPREAD**2 * float(dual.sum()))


def newton(covariance: Floats, mean: Floats, targets: Floats, weights: Floats) -> Floats:
    """Gradient (n,) of the weighted log likelihood at the maximum a posteriori f = mean + covariance @ gradient.

    Parameters
    ----------
    covariance : numpy.ndarray, shape = (n, n)
    mean, targets, weights : numpy.ndarray, shape = (n,)
    """
    dual = np.zeros(len(mean))
    value = -np.inf
    for _ in range(STEPS):
        f = mean + covariance @ dual
        p = 1 / (1 + np.exp(-f))
        curvature = np.maximum(weights * p * (1 - p), 1e-10)
        gradient = weights * (targets - p)
        root = np.sqrt(curvature)
        system = np.eye(len(mean)) + root[:, None] * covariance * root
        b = curvature * (f - mean) + gradient
        step = b - root * np.linalg.solve(system, root * (covariance @ b)) - dual
        size = 1.0
        while size > 1e-4:  # a step too far is halved
            tried = dual + size * step
            reached = _objective(covariance, mean, targets, weights, tried)
            if reached >= value:
                break
            size /= 2
        change = float(np.abs(covariance @ (tried - dual)).max())
        dual, value = tried, reached
        if change < PRECISION:
            break
    return dual


def _objective(covariance: Floats, mean: Floats, targets: Floats, weights: Floats, dual: Floats) -> float:
    """The log posterior, but for a constant."""
    about = covariance @ dual
    f = mean + about
    return float(weights @ (targets * f - np.logaddexp(0, f)) - dual @ about / 2)


def template_of(accepted: Single, mean_piece: Single, contrast: float = OF_CLIPS.contrast) -> Floats:
    """W0 (J, D) of accepted runs (n, J, D); zeros of none."""
    if not len(accepted):
        return np.zeros(accepted.shape[1:])
    template: Floats = contrast * l2_normalise(accepted.astype(np.float64).mean(axis=0) - mean_piece)
    return template


def aligned(examples: Sequence[Single], length: int, width: int) -> Single:
    """Runs (n, J, D) of examples (t, D) with t >= J, taken where they are most like one another.

    Extents of hits are loose: the word may begin a little before or after. Every example begins in the middle, and is
    then moved to where it is most like the mean of the others, a few times over.
    """
    options = [np.lib.stride_tricks.sliding_window_view(one, length, axis=0).transpose(0, 2, 1) for one in examples]
    firsts = [(len(one) - length) // 2 for one in examples]
    for _ in range(ALIGNMENTS if len(examples) > 1 else 0):
        total = np.sum([some[first] for some, first in zip(options, firsts, strict=True)], axis=0)
        for i, some in enumerate(options):
            others = total - some[firsts[i]]
            firsts[i] = int(np.einsum("njd,jd->n", some, others).argmax())
            total = others + some[firsts[i]]
    runs = [some[first] for some, first in zip(options, firsts, strict=True)]
    return np.array(runs, np.float32).reshape(-1, length, width)


def best_run(example: Single, template: Floats) -> Single:
    """The run (J, D) of an example (t, D), t >= J, that is most like a template (J, D)."""
    options = np.lib.stride_tricks.sliding_window_view(example, len(template), axis=0).transpose(0, 2, 1)
    best = int(np.einsum("njd,jd->n", options, template).argmax()) if template.any() else len(options) // 2
    run: Single = options[best]
    return run
