"""Which detections of a term are right: one-to-one alignment with its occurrences, as NIST's STDEval and F4DE do it.

A detection may be aligned with an occurrence if its midpoint lies in the occurrence's extent, or at most
:data:`TOLERANCE_S` outside of it. Of all one-to-one alignments, the one is taken that aligns most detections, and among
those the one that aligns the best-scored ones. That is STDEval's choice: there a pair is worth 1, and a very small
share more the higher the score. (STDEval lets overlap in time weigh a hundredth of that: of two detections whose scores
are almost the same it may take the worse one.)

The best-scored detections come first, and one that is aligned stays so when a worse one is added. So a single alignment
holds for every threshold: which detections are right doesn't depend on how many there are below.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from earmark.evaluation.data import Bools, Floats, Ints

TOLERANCE_S = 0.5  # STDEval's option -S


def align(mid_s: Floats, score: Floats, start_s: Floats, end_s: Floats, tolerance_s: float = TOLERANCE_S) -> Ints:
    """The occurrence that each detection of one term in one recording is aligned with.

    Parameters
    ----------
    mid_s, score : numpy.ndarray, shape = (D,)
        Midpoints and scores of the detections.
    start_s, end_s : numpy.ndarray, shape = (N,)
        Extents of the occurrences.
    tolerance_s : float

    Returns
    -------
    numpy.ndarray, shape = (D,), int
        Index of the occurrence; -1 for a false alarm. Every occurrence is there once at most.
    """
    near = [np.flatnonzero(row).tolist() for row in may_align(mid_s, start_s, end_s, tolerance_s)]
    occurrence_of, detection_of = np.full(len(mid_s), -1), np.full(len(start_s), -1)
    for detection in np.argsort(-score, kind="stable").tolist():
        _place(detection, near, occurrence_of, detection_of)
    return occurrence_of


def may_align(mid_s: Floats, start_s: Floats, end_s: Floats, tolerance_s: float = TOLERANCE_S) -> Bools:
    """Whether each of (D,) midpoints lies within the tolerance of each of (N,) extents: shape = (D, N)."""
    mid_s = mid_s[:, None]
    return (start_s - tolerance_s <= mid_s) & (mid_s <= end_s + tolerance_s)


def _place(new: int, near: Sequence[list[int]], occurrence_of: Ints, detection_of: Ints) -> None:
    """Align one more detection, if need be by moving those that are aligned already along a shortest augmenting path.

    No detection loses its place; the new one gets none where no such path leads to an occurrence that is free.
    """
    reached_from: dict[int, int] = {}
    waiting = deque([new])
    while waiting:
        detection = waiting.popleft()
        for occurrence in near[detection]:
            if occurrence in reached_from:
                continue
            reached_from[occurrence] = detection
            if detection_of[occurrence] < 0:
                _shift(occurrence, reached_from, occurrence_of, detection_of)
                return
            waiting.append(int(detection_of[occurrence]))


def _shift(free: int, reached_from: Mapping[int, int], occurrence_of: Ints, detection_of: Ints) -> None:
    """Give each detection of a path the occurrence after its own, from the free one back to the new detection."""
    while free >= 0:
        detection = reached_from[free]
        left = int(occurrence_of[detection])
        occurrence_of[detection], detection_of[free] = free, detection
        free = left


def correct_detections(
    group: Ints, mid_s: Floats, score: Floats, true_group: Ints, start_s: Floats, end_s: Floats
) -> Bools:
    """Whether each of D detections is right, where they and the N occurrences are of many terms and recordings.

    Parameters
    ----------
    group, mid_s, score : numpy.ndarray, shape = (D,)
        Group of each detection (one term in one recording), its midpoint, and its score.
    true_group, start_s, end_s : numpy.ndarray, shape = (N,)
        Group and extent of each occurrence.

    Returns
    -------
    numpy.ndarray, shape = (D,), bool
    """
    correct = np.zeros(len(group), dtype=bool)
    found, spoken = np.argsort(group, kind="stable"), np.argsort(true_group, kind="stable")
    common = np.intersect1d(group, true_group)
    for rows, true_rows in zip(_runs(group, found, common), _runs(true_group, spoken, common), strict=True):
        correct[rows] = align(mid_s[rows], score[rows], start_s[true_rows], end_s[true_rows]) >= 0
    return correct


def _runs(group: Ints, order: Ints, wanted: Ints) -> list[Ints]:
    """The rows of each wanted group, given the order that sorts the groups."""
    first = np.searchsorted(group[order], wanted)
    last = np.searchsorted(group[order], wanted, "right")
    return [order[begin:end] for begin, end in zip(first, last, strict=True)]
