"""A detection threshold for every keyword, chosen on dev by the training targets: no transcript is needed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earmark.models.checkpoint import DEFAULT_THRESHOLD

Floats = npt.NDArray[np.floating]


def best_thresholds(scores: Floats, targets: Floats) -> npt.NDArray[np.float64]:
    """Thresholds with the highest expected F1.

    Soft targets are taken as probabilities: of the detected utterances the sum of their targets is expected
    to be right, so the expected F1 of a threshold is twice that sum over the number of detections plus the
    sum of all targets. With targets of 0 and 1 it is F1 itself. A threshold lies halfway between two scores.

    Parameters
    ----------
    scores, targets : numpy.ndarray, shape = (U, W)
        Detection scores and targets in [0, 1].

    Returns
    -------
    numpy.ndarray, shape = (W,)
        The default threshold for a keyword that no target names.
    """
    return np.array([_best(scores[:, w], targets[:, w]) for w in range(scores.shape[1])])


def _best(scores: Floats, targets: Floats) -> float:
    if targets.sum() == 0:
        return DEFAULT_THRESHOLD
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order].astype(np.float64)
    detected = np.arange(1, len(order) + 1)
    expected_f1 = 2 * targets[order].cumsum() / (detected + targets.sum())
    ends_tie = np.append(ranked[1:] < ranked[:-1], True)
    last = int(np.argmax(np.where(ends_tie, expected_f1, -1.0)))
    below = ranked[last + 1] if last + 1 < len(ranked) else 0.0
    return float((ranked[last] + below) / 2)
