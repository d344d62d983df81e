"""Batches of utterances of about one length, so that little of a batch is padding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from earmark.features.padding import pad
from earmark.features.store import FeatureSet

POOL_BATCHES = 20  # batches' worth of utterances that are sorted by length together


@dataclass(frozen=True)
class Lesson(Dataset[int]):
    """A split to learn from: its features, and one row of targets an utterance."""

    features: FeatureSet
    targets: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, utterance: int) -> int:
        return utterance

    def collate(self, utterances: list[int]) -> dict[str, Tensor]:
        """Pad a batch: ``features`` (B, T, F), ``lengths`` (B,), ``targets`` (B, W)."""
        features, lengths = pad([self.features[u] for u in utterances])
        return {
            "features": features,
            "lengths": lengths,
            "targets": torch.from_numpy(self.targets[utterances]),
        }


class BucketSampler(Sampler[list[int]]):
    """Batches in an order of chance that depends on the seed and the epoch alone.

    Utterances are shuffled, cut into pools of some batches, sorted by length within a pool, cut into batches,
    and the batches shuffled: neighbours in length change from epoch to epoch.
    """

    def __init__(self, lengths: npt.NDArray[np.int64], batch_size: int, seed: int) -> None:
        self.lengths, self.batch_size, self.seed = lengths, batch_size, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of this epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        chance = np.random.default_rng((self.seed, self.epoch))
        order = chance.permutation(len(self.lengths))
        pool = self.batch_size * POOL_BATCHES
        batches = []
        for start in range(0, len(order), pool):
            members = order[start : start + pool]
            by_length = members[np.argsort(self.lengths[members], kind="stable")]
            batches += [by_length[i : i + self.batch_size] for i in range(0, len(by_length), self.batch_size)]
        for index in chance.permutation(len(batches)):
            yield [int(u) for u in batches[index]]
