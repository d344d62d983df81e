"""The detection threshold, chosen on dev by the training targets: no transcript is needed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earmark.models.checkpoint import DEFAULT_THRESHOLD

Floats = npt.NDArray[np.floating]


def best_threshold(scores: Floats, targets: Floats) -> float:
    """The threshold with the highest expected F1 over all utterances and keywords.

    Soft targets are taken as probabilities: of the detected cells the sum of their targets is expected to be right,
    so the expected F1 of a threshold is twice that sum over the number of detections plus the sum of all targets.
    With targets of 0 and 1 it is F1 itself. The threshold lies halfway between two scores.

    One threshold serves all keywords: a few hundred utterances with soft targets are too few to choose one for each.

    Parameters
    ----------
    scores, targets : numpy.ndarray, shape = (U, W)
        Detection scores and targets in [0, 1].

    Returns
    -------
    float
        The paper's 0.5 where no target names any keyword.
    """
    if targets.sum() == 0:
        return DEFAULT_THRESHOLD
    order = np.argsort(-scores, axis=None, kind="stable")
    ranked = scores.ravel()[order].astype(np.float64)
    detected = np.arange(1, len(order) + 1)
    expected_f1 = 2 * targets.ravel()[order].cumsum() / (detected + targets.sum())
    ends_tie = np.append(ranked[1:] < ranked[:-1], True)
    last = int(np.argmax(np.where(ends_tie, expected_f1, -1.0)))
    below = ranked[last + 1] if last + 1 < len(ranked) else 0.0
    return float((ranked[last] + below) / 2)
