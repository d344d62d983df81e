"""Batches of utterances of about one length, so that little of a batch is padding.

Anchors with their positives and negatives, in groups that are learned from together.

The pictures of a split, as the image network looks at them before anything is trained.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from earmark.core.corpus import Corpus, Utterance
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.features.cache import FeatureSet, load_features
from earmark.features.image_cache import KeptVectors, kept_vectors
from earmark.models.image_encoder import ImageEncoder
from earmark.models.padding import pad
from earmark.recipe import Recipe
from earmark.supervision.pair_sampling import Ints, PairSampler
from earmark.supervision.targets import read_targets, targets_path

POOL_BATCHES = 20  # batches' worth of utterances that are sorted by length together

Variant = tuple[int, int]  # which speed, which utterance


@dataclass(frozen=True)
class TrainingSplit(Dataset[list[Variant]]):
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

    def __getitem__(self, batch: list[Variant]) -> list[Variant]:
        return batch

    def collate(self, variants: list[Variant]) -> dict[str, Tensor]:
        """Pad a batch: ``features`` (B, T, F), ``lengths`` (B,), ``targets`` (B, W)."""
        features, lengths = pad([self.features[speed][utterance] for speed, utterance in variants])
        targets = torch.from_numpy(self.targets[[utterance for _, utterance in variants]])
        return {"features": features, "lengths": lengths, "targets": targets}


class BucketSampler(Sampler[list[list[Variant]]]):
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

    def __iter__(self) -> Iterator[list[list[Variant]]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        speeds, utterances = self.lengths.shape
        order = rng.permutation(utterances)
        speed_of: npt.NDArray[np.int64] = rng.integers(speeds, size=(utterances,))
        lengths = self.lengths[speed_of, np.arange(utterances)]
        pool = self.utterances * POOL_BATCHES
        batches: list[npt.NDArray[np.int64]] = []
        for start in range(0, len(order), pool):
            members = order[start : start + pool]
            by_length = members[np.argsort(lengths[members], kind="stable")]
            batches += [by_length[i : i + self.utterances] for i in range(0, len(by_length), self.utterances)]
        for index in rng.permutation(len(batches)).tolist():
            yield [[(int(speed_of[u]), int(u)) for u in batches[index]]]


def load_split(recipe: Recipe, corpus: Corpus, split: str, keywords: Vocabulary, speeds: list[float]) -> TrainingSplit:
    """A split of a corpus, with the targets that the recipe's supervision has for it."""
    utterances = corpus.utterances(split)
    names = [utterance.id for utterance in utterances]
    if not names:
        raise EarmarkError(
            f"The split {split} of {corpus.folder} is empty: training needs utterances in train and dev."
        )
    targets = read_targets(targets_path(corpus, recipe.supervision)).matrix(names, keywords)
    if recipe.shuffle_pairs:
        targets = targets[shuffled_pairs(recipe, len(targets))]
    durations_s = np.array([utterance.duration_s for utterance in utterances])
    return TrainingSplit(
        [load_features(corpus, split, recipe.features, speed) for speed in speeds], targets, durations_s
    )


def shuffled_pairs(recipe: Recipe, utterances: int) -> npt.NDArray[np.int64]:
    """Whose picture each utterance gets in the control whose pairs are shuffled."""
    return np.random.default_rng(recipe.training.seed).permutation(utterances)


@dataclass(frozen=True)
class Group:
    """Anchors with what was drawn for them.

    Attributes
    ----------
    variants : list of (speed, utterance)
        The N utterances that are heard, each with its picture.
    anchors, positives, negatives : numpy.ndarray, shape = (B,), (B, p) and (B, n)
        Which of these they are.
    """

    variants: list[Variant]
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
        rng = np.random.default_rng((self.seed, self.epoch))
        order = rng.permutation(self.pairs.anchors)
        for start in range(0, len(order), self.anchors):
            some = order[start : start + self.anchors]
            yield [self._together(some, rng) if self.pairs.settings.draw == "batch" else self._apart(some, rng)]

    def _apart(self, anchors: Ints, rng: np.random.Generator) -> Group:
        draws = [self.pairs.draw(int(anchor), rng) for anchor in anchors]
        positives, negatives = (np.array([getattr(d, part) for d in draws]) for part in ("positives", "negatives"))
        every = np.concatenate([anchors, positives.ravel(), negatives.ravel()])
        rows = np.arange(len(every))
        first, second = len(anchors), len(anchors) + positives.size
        return Group(
            self._heard(every, rng),
            rows[:first],
            rows[first:second].reshape(positives.shape),
            rows[second:].reshape(negatives.shape),
        )

    def _together(self, anchors: Ints, rng: np.random.Generator) -> Group:
        row_of = {int(anchor): row for row, anchor in enumerate(anchors)}
        draws = [draw for anchor in anchors if (draw := self.pairs.sample_from(int(anchor), anchors, rng))]
        rows = [[row_of[int(u)] for u in (d.anchor, *d.positives, *d.negatives)] for d in draws]
        p, n = self.pairs.settings.positives, self.pairs.settings.negatives
        table = np.array(rows, dtype=np.int64).reshape(-1, 1 + p + n)
        return Group(self._heard(anchors, rng), table[:, 0], table[:, 1 : 1 + p], table[:, 1 + p :])

    def _heard(self, utterances: Ints, rng: np.random.Generator) -> list[Variant]:
        speeds = rng.integers(self.speeds, size=len(utterances))
        return list(zip(speeds.tolist(), utterances.tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Pictures of utterances.

    Attributes
    ----------
    paths : sequence of Path
        The pictures, each once.
    seen : KeptVectors
        What :meth:`earmark.models.image_encoder.ImageEncoder.prepare` makes of each.
    of : numpy.ndarray, shape = (U,), int64
        Which picture each utterance describes.
    """

    paths: Sequence[Path]
    seen: KeptVectors
    of: npt.NDArray[np.int64]

    @property
    def images(self) -> list[Path]:
        """The picture of each utterance."""
        return [self.paths[number] for number in self.of]

    def __getitem__(self, utterances: Sequence[int]) -> Tensor:
        """What is seen of the utterances' pictures, (B, ...)."""
        return torch.from_numpy(self.seen[self.of[list(utterances)]])

    def shuffled_pairs(self, order: npt.NDArray[np.int64]) -> ImageSet:
        """Each utterance with the picture of another."""
        return ImageSet(self.paths, self.seen, self.of[order])


def load_image_set(corpus: Corpus, split: str, network: ImageEncoder) -> ImageSet:
    """Look at the pictures of a split, or take what was seen before from the corpus's folder.

    Raises
    ------
    EarmarkError
        If an utterance has no picture, or one is missing or can't be read.
    """
    paths = [_picture(utterance, corpus) for utterance in corpus.utterances(split)]
    unique = {path: number for number, path in enumerate(dict.fromkeys(paths))}
    folder = corpus.folder / "features" / "pictures" / network.fingerprint
    seen = kept_vectors(list(unique), network.prepare, folder, f"Pictures of {split}")
    return ImageSet(list(unique), seen, np.array([unique[path] for path in paths]))


def _picture(utterance: Utterance, corpus: Corpus) -> Path:
    if utterance.image is None:
        raise EarmarkError(
            f"The utterance {utterance.id} of {corpus.folder} has no picture: a model that is asked with pictures "
            "learns from pairs of both; leave it out of the corpus."
        )
    return utterance.image
