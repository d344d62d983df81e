"""Whether further training made a model better: rankings and decisions of held-out places, and what is to stay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CLEARLY = 2.33  # standard deviations: by chance in one of a hundred cases

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class JudgedMeasures:
    """How a model ranks and decides judged places.

    Attributes
    ----------
    pairs : int
        Of an accepted and a rejected place of one word.
    right_pairs : float
        Those of them whose accepted place has the higher score; one of equal scores is half right.
    deviation : float
        Standard deviation of that number for a ranking at random (Mann and Whitney 1947).
    places : int
    right_places : int
        Accepted places whose score reaches the word's threshold, and rejected ones whose score does not.
    """

    pairs: int
    right_pairs: float
    deviation: float
    places: int
    right_places: int

    @property
    def is_opposite(self) -> bool:
        """Whether the ranking is worse than chance by more than chance allows."""
        return self.right_pairs < self.pairs / 2 - CLEARLY * self.deviation

    def __str__(self) -> str:
        return f"{self.right_pairs:g} of {self.pairs} pairs and {self.right_places} of {self.places} decisions right"

    def is_better_than(self, other: JudgedMeasures) -> bool:
        """Whether it ranks better, or as well and decides better."""
        return (self.right_pairs, self.right_places) > (other.right_pairs, other.right_places)


def judged_measures(scores: Floats, targets: Floats, thresholds: Floats) -> JudgedMeasures:
    """Measures of judged places.

    Parameters
    ----------
    scores, targets : numpy.ndarray, shape = (U, W)
        Targets are 1 where a word was accepted, 0 where it was rejected, else NaN.
    thresholds : numpy.ndarray, shape = (W,)
    """
    pairs, right_pairs, variance = 0, 0.0, 0.0
    for word in range(targets.shape[1]):
        accepted, rejected = (scores[targets[:, word] == verdict, word] for verdict in (1, 0))
        differences = accepted[:, None] - rejected
        pairs += differences.size
        right_pairs += float((differences > 0).sum() + (differences == 0).sum() / 2)
        variance += differences.size * (len(accepted) + len(rejected) + 1) / 12
    known = ~np.isnan(targets)
    right = (scores >= thresholds) == (targets == 1)
    return JudgedMeasures(pairs, right_pairs, variance**0.5, int(known.sum()), int(right[known].sum()))


def rank_agreement(scores: Floats, targets: Floats) -> float:
    """Share of pairs of utterances that scores of a word put into the order of its targets.

    Each pair counts as much as its targets differ, so for targets of 0 and 1 it is the area under the ROC curve. It
    is Gini's correlation on a scale from 0 to 1 (Schechtman and Yitzhaki 1987): the covariance of targets with ranks of
    scores, over that with their own ranks.

    Parameters
    ----------
    scores, targets : numpy.ndarray, shape = (U, W)
        Targets that are NaN do not count.

    Returns
    -------
    float
        Over all words; NaN where no two targets of a word differ.
    """
    reached = possible = 0.0
    for word in range(targets.shape[1]):
        known = ~np.isnan(targets[:, word])
        wanted = targets[known, word].astype(np.float64)
        reached += float(wanted @ _centred_ranks(scores[known, word]))
        possible += float(wanted @ _centred_ranks(wanted))
    return (1 + reached / possible) / 2 if possible > 0 else float("nan")


def _centred_ranks(values: Floats) -> npt.NDArray[np.float64]:
    """Ranks less their mean; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: npt.NDArray[np.float64] = (ends - (counts + 1) / 2 + 1 - (len(values) + 1) / 2)[place]
    return ranks
