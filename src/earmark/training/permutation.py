"""A permutation test of whether a model has learned anything: no transcript is needed.

If detection scores have nothing to do with the tags, those of dev fit the tags of their own pictures no better than
those of other pictures. So the tags are shuffled among the pictures again and again, and it is counted how often the
scores fit the shuffled tags as well (Fisher 1935; Phipson and Smyth 2010, "Permutation p-values should never be zero").

How well they fit is the sum of products of tags and log odds, which is all of the binary cross-entropy that shuffling
can change. Both are centred by keyword and by picture first: that some keywords are common, and that more is detected
in long utterances, whose pictures may show more, is no knowledge of words.

Pictures are shuffled and not utterances, as utterances of one picture share its tags: a picture counts once, with the
mean of its utterances. The weights are those of the epoch with the lowest loss on dev (or of the last epoch, see
:mod:`earmark.training.epoch_choice`), which favours the true order a little; hence a small p-value is needed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earmark.models.learning_test import LearningTest
from earmark.models.operating_points import log_odds

SHUFFLES = 999
TOLERANCE = 1e-9  # relative; sums of the same numbers in another order count as equal
SEED = 0

Floats = npt.NDArray[np.floating]


def learning_test(scores: Floats, targets: Floats, pictures: npt.NDArray[np.int64]) -> LearningTest:
    """Whether scores fit the tags of their own pictures better than those of others.

    Parameters
    ----------
    scores, targets : numpy.ndarray, shape = (U, W)
        Detection scores and tags of dev, in [0, 1]; NaN where unknown.
    pictures : numpy.ndarray, shape = (U,)
        The number of each utterance's picture, of P.
    """
    logits = _centred(_mean_by_picture(log_odds(scores), pictures))
    tags = _centred(_mean_by_picture(targets, pictures))
    rng = np.random.default_rng(SEED)
    least = float(np.vdot(logits, tags)) - TOLERANCE * float(np.linalg.norm(logits) * np.linalg.norm(tags))
    as_good = sum(float(np.vdot(logits, tags[rng.permutation(len(tags))])) >= least for _ in range(SHUFFLES))
    return LearningTest((1 + as_good) / (1 + SHUFFLES), SHUFFLES, len(tags))


def _mean_by_picture(values: Floats, pictures: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The mean over each picture's utterances of what is known, (P, W); NaN where nothing is."""
    known = ~np.isnan(values)
    sums, counts = np.zeros((2, int(pictures.max()) + 1, values.shape[1]))
    np.add.at(sums, pictures, np.where(known, values, 0))
    np.add.at(counts, pictures, known)
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


def _centred(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What is left of (P, W) without the means of columns and, if there are several columns, of rows; 0 for NaN."""
    known = np.ma.masked_invalid(values)
    known = known - known.mean(axis=0)
    if values.shape[1] > 1:
        known = known - known.mean(axis=1, keepdims=True)
    centred: npt.NDArray[np.float64] = known.filled(0)
    return centred
