"""Anchors with their positives and negatives, in groups that are learned from together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Sampler

from earmark.supervision.sampling import Ints, PairSampler
from earmark.train.batches import Rendition


@dataclass(frozen=True)
class Group:
    """Anchors with what was drawn for them.

    Attributes
    ----------
    renditions : list of (speed, utterance)
        The N utterances that are heard, each with its picture.
    anchors, positives, negatives : numpy.ndarray, shape = (B,), (B, p) and (B, n)
        Which of these they are.
    """

    renditions: list[Rendition]
    anchors: Ints
    positives: Ints
    negatives: Ints


class GroupSampler(Sampler[list[Group]]):
    """Groups of anchors and their draws; each anchor once an epoch.

    Drawn from the corpus, every anchor brings its positives and negatives along (as released). Drawn from the batch,
    anchors are one another's positives and negatives, so that no utterance is encoded for one anchor alone; an anchor
    that finds none among the others is no anchor there.

    Parameters
    ----------
    pairs : PairSampler
    speeds, batch_size, seed : int
        How many speeds there are to hear an utterance at; anchors a group.
    """

    batch_size = 1  # Accelerate asks for both when it deals the groups to several devices
    drop_last = False

    def __init__(self, pairs: PairSampler, speeds: int, batch_size: int, seed: int) -> None:
        self.pairs, self.speeds, self.anchors, self.seed = pairs, speeds, batch_size, seed
        self.epoch = 0

    def __len__(self) -> int:
        return math.ceil(len(self.pairs.anchors) / self.anchors)

    def __iter__(self) -> Iterator[list[Group]]:
        chance = np.random.default_rng((self.seed, self.epoch))
        order = chance.permutation(self.pairs.anchors)
        for start in range(0, len(order), self.anchors):
            some = order[start : start + self.anchors]
            yield [self._together(some, chance) if self.pairs.settings.draw == "batch" else self._apart(some, chance)]

    def _apart(self, anchors: Ints, chance: np.random.Generator) -> Group:
        draws = [self.pairs.draw(int(anchor), chance) for anchor in anchors]
        positives, negatives = (np.array([getattr(d, part) for d in draws]) for part in ("positives", "negatives"))
        every = np.concatenate([anchors, positives.ravel(), negatives.ravel()])
        rows = np.arange(len(every))
        first, second = len(anchors), len(anchors) + positives.size
        return Group(
            self._heard(every, chance),
            rows[:first],
            rows[first:second].reshape(positives.shape),
            rows[second:].reshape(negatives.shape),
        )

    def _together(self, anchors: Ints, chance: np.random.Generator) -> Group:
        row_of = {int(anchor): row for row, anchor in enumerate(anchors)}
        draws = [draw for anchor in anchors if (draw := self.pairs.draw_among(int(anchor), anchors, chance))]
        rows = [[row_of[int(u)] for u in (d.anchor, *d.positives, *d.negatives)] for d in draws]
        p, n = self.pairs.settings.positives, self.pairs.settings.negatives
        table = np.array(rows, dtype=np.int64).reshape(-1, 1 + p + n)
        return Group(self._heard(anchors, chance), table[:, 0], table[:, 1 : 1 + p], table[:, 1 + p :])

    def _heard(self, utterances: Ints, chance: np.random.Generator) -> list[Rendition]:
        speeds = chance.integers(self.speeds, size=len(utterances))
        return list(zip(speeds.tolist(), utterances.tolist(), strict=True))
