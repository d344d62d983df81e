"""Sampling of positives and negatives by keyword, for contrastive training on pairs (Nortje and Kamper 2022).

A pair is a picture and its utterance. Its labels are the highest tags of the picture, as long as they are high enough.
A positive of an anchor shares one of the anchor's keywords, drawn at random, and shows another picture where there is
one. A negative has another keyword, drawn at random, and its picture is labelled with the anchor's keyword in no pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from earmark.core.errors import EarmarkError
from earmark.recipe import Sampled

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def labels(tags: npt.NDArray[np.float32], top: int | None, least: float) -> Bools:
    """Which keywords label each pair: its highest tags, as long as they are high enough.

    Tags as high as the last of the highest count, too: a transcript's words are all alike.

    Parameters
    ----------
    tags : numpy.ndarray, shape = (U, W), in [0, 1]
        NaN where unknown, which is no label.
    top : int or None
        So many of a pair's highest tags, and those as high as the last of them.
    least : float
        Tag from which a keyword is a label.

    Returns
    -------
    numpy.ndarray, shape = (U, W), bool
    """
    tags = np.nan_to_num(tags)
    is_label: Bools = tags >= least
    if top is not None:
        last = np.sort(tags, axis=1)[:, -min(top, tags.shape[1])]
        is_label &= tags >= last[:, None]
    return is_label


@dataclass(frozen=True)
class Sample:
    """What is drawn for an anchor; numbers of pairs.

    Attributes
    ----------
    anchor, keyword : int
    positives, negatives : numpy.ndarray, shape = (p,) and (n,), int64
    """

    anchor: int
    keyword: int
    positives: Ints
    negatives: Ints


class PairSampler:
    """Draws positives and negatives.

    Parameters
    ----------
    labels : numpy.ndarray, shape = (U, W), bool
    pictures : sequence of int
        Number of each pair's picture, the same where several utterances describe one.
    settings : Sampled
    unknown : numpy.ndarray, shape = (U, W), bool, optional
        Keywords that may label a pair, so that it is no negative for them.

    Raises
    ------
    EarmarkError
        If no pair has a label, or no picture is without the keyword of another.
    """

    def __init__(self, labels: Bools, pictures: Sequence[int], settings: Sampled, unknown: Bools | None = None) -> None:
        self.labels, self.settings = labels, settings
        self._may_show = labels if unknown is None else labels | unknown
        self.pictures = np.asarray(pictures)
        self.anchors = [int(u) for u in np.flatnonzero(labels.any(axis=1)) if self._keywords(int(u)).size]
        if not self.anchors:
            raise EarmarkError(
                f"No two pictures differ in their labels (tags of at least {settings.least}): "
                "lower loss.least, or tag more pictures."
            )

    @cached_property
    def _shows(self) -> Bools:
        """Which keywords label, or may label, any pair of each picture: (pictures, W)."""
        shows = np.zeros((int(self.pictures.max()) + 1, self.labels.shape[1]), dtype=bool)
        np.logical_or.at(shows, self.pictures, self._may_show)
        return shows

    @cached_property
    def _without(self) -> Bools:
        """For each keyword, which pairs' pictures are not labelled with it: (W, U)."""
        return np.ascontiguousarray(~self._shows.T[:, self.pictures])

    @cached_property
    def _others(self) -> Bools:
        """For each keyword, which other ones label any pair whose picture lacks it: (W, W)."""
        pairs = self._without.astype(np.float32) @ self.labels.astype(np.float32)  # how many there are
        others: Bools = pairs > 0
        return others

    @cached_property
    def _has_negatives(self) -> Bools:
        """For which keywords there are any: (W,)."""
        return np.asarray(self._others.any(axis=1))

    def _negatives(self, keyword: int, other: int) -> Ints:
        """The pairs of another keyword whose pictures lack this one; too many for all keywords to be kept."""
        pairs = self._with[other]
        negatives: Ints = pairs[self._without[keyword][pairs]]
        return negatives

    @cached_property
    def _with(self) -> list[Ints]:
        """The pairs of each keyword."""
        return [np.flatnonzero(column) for column in self.labels.T]

    def _keywords(self, anchor: int) -> Ints:
        """The anchor's keywords for which there are negatives."""
        return np.flatnonzero(self.labels[anchor] & self._has_negatives)

    def sample_from(self, anchor: int, members: Ints, rng: np.random.Generator) -> Sample | None:
        """As :meth:`draw`, from some pairs alone; None where no keyword of the anchor has both kinds among them.

        A positive is never the anchor itself.
        """
        labelled, shows = self.labels[members], self._shows[self.pictures[members]]
        elsewhere = self.pictures[members] != self.pictures[anchor]
        for keyword in rng.permutation(np.flatnonzero(self.labels[anchor])):
            positives = members[labelled[:, keyword] & elsewhere]
            without = ~shows[:, keyword]
            others = np.flatnonzero(labelled[without].any(axis=0))
            if positives.size and others.size:
                drawn = rng.choice(others, self.settings.negatives)
                negatives = [rng.choice(members[without & labelled[:, other]]) for other in drawn]
                positives = self._positives(positives, rng)
                return Sample(anchor, int(keyword), positives, np.array(negatives, dtype=np.int64))
        return None

    def _positives(self, pairs: Ints, rng: np.random.Generator) -> Ints:
        """Draw among pairs: each as likely, or each picture as likely and then each of its pairs."""
        if self.settings.positives_by == "pair":
            return rng.choice(pairs, self.settings.positives)
        drawn = rng.choice(np.unique(self.pictures[pairs]), self.settings.positives)
        return np.array([rng.choice(pairs[self.pictures[pairs] == picture]) for picture in drawn], dtype=np.int64)

    def draw(self, anchor: int, rng: np.random.Generator) -> Sample:
        """Draw a keyword of the anchor, and pairs with and without it; the same pair can come twice."""
        keyword = int(rng.choice(self._keywords(anchor)))
        same = self._with[keyword]
        elsewhere = same[self.pictures[same] != self.pictures[anchor]]
        positives = self._positives(elsewhere if elsewhere.size else same, rng)
        drawn = rng.choice(np.flatnonzero(self._others[keyword]), self.settings.negatives)
        negatives = [rng.choice(self._negatives(keyword, int(other))) for other in drawn]
        return Sample(anchor, keyword, positives, np.array(negatives, dtype=np.int64))
