"""Batches of utterances of about one length, so that little of a batch is padding."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from earmark.corpus import Corpus
from earmark.errors import EarmarkError
from earmark.features.padding import pad
from earmark.features.store import FeatureSet, load_features
from earmark.recipe import Recipe
from earmark.supervision.targets import read_targets, targets_path
from earmark.vocabulary import Vocabulary

POOL_BATCHES = 20  # batches' worth of utterances that are sorted by length together

Rendition = tuple[int, int]  # which speed, which utterance


@dataclass(frozen=True)
class Lesson(Dataset[list[Rendition]]):
    """A split to learn from.

    Attributes
    ----------
    features : list of FeatureSet
        Features of the U utterances, once for each speed at which they can be heard.
    targets : numpy.ndarray, shape = (U, W), float32
    durations_s : numpy.ndarray, shape = (U,)
    """

    features: list[FeatureSet]
    targets: npt.NDArray[np.float32]
    durations_s: npt.NDArray[np.float64]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Frames of each utterance at each speed, shape = (speeds, U)."""
        return np.stack([at_speed.lengths for at_speed in self.features])

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, batch: list[Rendition]) -> list[Rendition]:
        return batch

    def collate(self, renditions: list[Rendition]) -> dict[str, Tensor]:
        """Pad a batch: ``features`` (B, T, F), ``lengths`` (B,), ``targets`` (B, W)."""
        features, lengths = pad([self.features[speed][utterance] for speed, utterance in renditions])
        targets = torch.from_numpy(self.targets[[utterance for _, utterance in renditions]])
        return {"features": features, "lengths": lengths, "targets": targets}


class BucketSampler(Sampler[list[list[Rendition]]]):
    """Batches in an order of chance that depends on the seed and the epoch alone.

    Every utterance is heard once an epoch, at one of its speeds. Utterances are shuffled, cut into pools of some
    batches, sorted by length within a pool, cut into batches, and the batches shuffled: neighbours in length change
    from epoch to epoch.

    For who deals them, each batch is one item: Accelerate takes a batch with fewer items than others for the last one,
    and deals what comes after it to some of the devices alone.

    Parameters
    ----------
    lengths : numpy.ndarray, shape = (speeds, U)
        Frames of each utterance at each speed.
    batch_size, seed : int
    """

    batch_size = 1  # Accelerate asks for both when it deals the batches to several devices
    drop_last = False

    def __init__(self, lengths: npt.NDArray[np.int64], batch_size: int, seed: int) -> None:
        self.lengths, self.utterances, self.seed = lengths, batch_size, seed
        # No set_epoch: Accelerate would call it with a count of its own, which knows nothing of a resumed run.
        self.epoch = 0

    def __len__(self) -> int:
        return math.ceil(len(self.lengths[0]) / self.utterances)

    def __iter__(self) -> Iterator[list[list[Rendition]]]:
        chance = np.random.default_rng((self.seed, self.epoch))
        speeds, utterances = self.lengths.shape
        order = chance.permutation(utterances)
        speed_of: npt.NDArray[np.int64] = chance.integers(speeds, size=(utterances,))
        lengths = self.lengths[speed_of, np.arange(utterances)]
        pool = self.utterances * POOL_BATCHES
        batches: list[npt.NDArray[np.int64]] = []
        for start in range(0, len(order), pool):
            members = order[start : start + pool]
            by_length = members[np.argsort(lengths[members], kind="stable")]
            batches += [by_length[i : i + self.utterances] for i in range(0, len(by_length), self.utterances)]
        for index in chance.permutation(len(batches)).tolist():
            yield [[(int(speed_of[u]), int(u)) for u in batches[index]]]


def read_lesson(recipe: Recipe, corpus: Corpus, split: str, keywords: Vocabulary, speeds: list[float]) -> Lesson:
    """A split of a corpus, with the targets that the recipe's supervision has for it."""
    utterances = corpus.utterances(split)
    names = [utterance.id for utterance in utterances]
    if not names:
        raise EarmarkError(
            f"The split {split} of {corpus.folder} is empty: training needs utterances in train and dev."
        )
    targets = read_targets(targets_path(corpus, recipe.supervision)).matrix(names, keywords)
    if recipe.shuffle_pairs:
        targets = targets[dealt(recipe, len(targets))]
    durations_s = np.array([utterance.duration_s for utterance in utterances])
    return Lesson([load_features(corpus, split, recipe.features, speed) for speed in speeds], targets, durations_s)


def dealt(recipe: Recipe, utterances: int) -> npt.NDArray[np.int64]:
    """Whose picture each utterance gets in the control whose pairs are shuffled."""
    return np.random.default_rng(recipe.training.seed).permutation(utterances)
