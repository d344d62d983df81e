"""Peaks of localisation scores: their extents, and non-maximum suppression of hits that overlap."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earmark.localisation import LocalisationScores

EXTENT = 0.5  # a hit reaches as far as the curve stays above this part of its peak
LONGEST_HIT_S = 1.5

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Extents:
    """The location of each of Q queries in each of B utterances, in seconds from the utterance's start.

    Attributes
    ----------
    scores : numpy.ndarray, shape = (B, Q)
        Detection scores in [0, 1].
    times_s, starts_s, ends_s : numpy.ndarray, shape = (B, Q)
        Locations, and the hits' extents around them; all inside the utterance.
    """

    scores: Floats
    times_s: Floats
    starts_s: Floats
    ends_s: Floats


def extents(located: LocalisationScores, durations_s: Floats) -> Extents:
    """Locations and extents of queries in utterances.

    The extent is the best segment itself, or the frames around the best one in which the curve stays above half of its
    peak, 1.5 s at most.

    Parameters
    ----------
    located : LocalisationScores
        Of B utterances and Q queries.
    durations_s : numpy.ndarray, shape = (B,)
        How long the utterances are.
    """
    scores = located.detection.double().sigmoid().cpu().numpy()
    bests = located.scores.argmax(dim=2).cpu().numpy()
    starts_s, ends_s = (edge.double().cpu().numpy() for edge in (located.starts_s, located.ends_s))
    if located.overlap:
        firsts = lasts = bests
    else:
        curves = located.curves().double().cpu().numpy()
        firsts, lasts = reach(curves, bests, located.times_s.double().cpu().numpy())
    longest = durations_s[:, None]
    return Extents(
        scores,
        np.clip((starts_s[bests] + ends_s[bests]) / 2, 0, longest),
        np.clip(starts_s[firsts], 0, longest),
        np.clip(ends_s[lasts], 0, longest),
    )


def reach(curves: Floats, bests: Ints, times_s: Floats) -> tuple[Ints, Ints]:
    """First and last frame around each best one between which the curve stays above a fraction of its peak.

    Parameters
    ----------
    curves : numpy.ndarray, shape = (B, Q, S)
    bests : numpy.ndarray, shape = (B, Q)
        A curve whose best is 0 has no peak, so its location means nothing: its extent is one frame.
    times_s : numpy.ndarray, shape = (S,)
        Ascending.
    """
    numbers = np.arange(len(times_s))
    peaks = np.take_along_axis(curves, bests[..., None], axis=2)
    low = (curves < EXTENT * peaks) | (peaks <= 0)
    after_low = np.where(low & (numbers < bests[..., None]), numbers + 1, 0).max(axis=2)
    firsts = np.maximum(after_low, np.searchsorted(times_s, times_s[bests] - LONGEST_HIT_S - 1e-9))
    before_low = np.where(low & (numbers > bests[..., None]), numbers - 1, len(numbers) - 1).min(axis=2)
    lasts = np.minimum(before_low, np.searchsorted(times_s, times_s[firsts] + LONGEST_HIT_S + 1e-9, side="right") - 1)
    return firsts, np.maximum(lasts, bests)


def non_max_suppression(
    scores: Floats, starts_s: Floats, ends_s: Floats, groups: Sequence[Hashable] | None = None, limit: int | None = None
) -> list[int]:
    """Greedy non-maximum suppression: of hits that overlap in time, only the best is selected.

    Parameters
    ----------
    scores, starts_s, ends_s : numpy.ndarray, shape = (n,)
    groups : sequence of length n, optional
        Only hits of one group compete, such as those of one query in one channel; all of them by default.
    limit : int, optional
        The largest number of hits selected from a group.

    Returns
    -------
    list of int
        The hits selected, the best first. Of equal scores, the earlier hit goes first.
    """
    selected: list[int] = []
    taken: defaultdict[Hashable, list[tuple[float, float]]] = defaultdict(list)
    starts, ends = starts_s.tolist(), ends_s.tolist()
    for one in np.lexsort((starts_s, -scores)).tolist():
        others = taken[groups[one] if groups is not None else None]
        if limit is not None and len(others) >= limit:
            continue
        # No two of the others overlap, so in the order of their starts they are in that of their ends, too.
        before = bisect_left(others, (ends[one],))
        if before == 0 or others[before - 1][1] <= starts[one]:
            insort(others, (starts[one], ends[one]))
            selected.append(one)
    return selected
