"""What models are trained on: a split's utterances with their targets and images, and batches of them.

A dataset has one item for every utterance and speed, a dictionary of arrays without padding; :func:`collate` pads
and stacks. Which items make a batch is a batch sampler's decision, which depends on the seed and the epoch alone.
Nothing here is random but the samplers, so that items may be read by any process in any order.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from earmark.core.corpus import Corpus, Utterance
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.features import FeatureExtractor
from earmark.features.cache import FeatureSet, load_features
from earmark.features.image_cache import CachedVectors, cached_vectors
from earmark.models.image_encoders import ImageEncoder
from earmark.models.padding import pad
from earmark.recipe import Recipe
from earmark.supervision.targets import read_targets, targets_path

POOL_BATCHES = 20  # batches' worth of utterances that are sorted by length together

Item = dict[str, Any]
Batch = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """The images of a split, as :meth:`.ImageEncoder.prepare` gives them.

    Attributes
    ----------
    paths : sequence of Path
        The P different images.
    inputs : CachedVectors
        What the trained part of the image encoder is given for each of them.
    of_utterance : numpy.ndarray, shape = (U,), int64
        Which image each utterance describes.
    """

    paths: Sequence[Path]
    inputs: CachedVectors
    of_utterance: npt.NDArray[np.int64]

    @property
    def utterance_paths(self) -> list[Path]:
        """The image of each utterance."""
        return [self.paths[image] for image in self.of_utterance]

    def batch(self, utterances: Sequence[int]) -> Tensor:
        """Encoder inputs for the images of some utterances, shape = (B, ...)."""
        return torch.from_numpy(self.inputs[self.of_utterance[list(utterances)]])


@dataclass(frozen=True, eq=False)
class TrainingSplit(Dataset[Item]):
    """A split of U utterances at S speeds: item ``speed * U + utterance`` is one utterance at one speed.

    Attributes
    ----------
    features : list of FeatureSet
        Of all utterances, once for each speed.
    targets : numpy.ndarray, shape = (U, W), float32
    durations_s : numpy.ndarray, shape = (U,)
    pictures : numpy.ndarray, shape = (U,), int64
        The number of the picture that gives each utterance its targets; one of its own for an utterance without.
    images : ImageSet, optional
        Where the model encodes images.
    """

    features: list[FeatureSet]
    targets: npt.NDArray[np.float32]
    durations_s: npt.NDArray[np.float64]
    pictures: npt.NDArray[np.int64]
    images: ImageSet | None = None

    @property
    def utterances(self) -> int:
        """U, which is a part of the items."""
        return len(self.targets)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Frames of each utterance at each speed, shape = (S, U)."""
        return np.stack([at_speed.lengths for at_speed in self.features])

    def __len__(self) -> int:
        return len(self.features) * self.utterances

    def __getitem__(self, index: int) -> Item:
        """``features`` (T, F), ``targets`` (W,), ``picture``; with images, ``images`` (...) and their ``image``."""
        speed, utterance = divmod(index, self.utterances)
        item: Item = {"features": self.features[speed][utterance], "targets": self.targets[utterance]}
        item["picture"] = self.pictures[utterance]
        if self.images is not None:
            number = self.images.of_utterance[utterance]
            item |= {"images": self.images.inputs[[number]][0], "image": number}
        return item

    def batch(self, indices: Sequence[int]) -> Batch:
        """Some items, collated; an utterance's number is the index of its item at the first speed."""
        return collate([self[index] for index in indices])


def collate(items: Sequence[Item]) -> Batch:
    """Pad ``features`` to (B, T, F), with ``lengths`` (B,), and stack all else that the items have."""
    features, lengths = pad([item["features"] for item in items])
    others = [name for name in items[0] if name != "features"]
    stacked = {name: torch.from_numpy(np.stack([item[name] for item in items])) for name in others}
    return {"features": features, "lengths": lengths, **stacked}


class EpochSampler(Sampler[list[Any]]):
    """Batches of item indices in an order that depends on the seed and the epoch alone.

    It has no `batch_size`, which would let Accelerate take a batch with fewer items for the last one: without it,
    whole batches go round the devices, and the first ones come again where some device would have none.
    """

    epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass."""
        self.epoch = epoch


class BucketSampler(EpochSampler):
    """Batches of utterances of about one length, so that little of a batch is padding.

    Every utterance comes once an epoch, at one of its speeds. Utterances are shuffled, cut into pools of some
    batches, sorted by length within a pool, cut into batches, and the batches shuffled: which utterances share a
    batch changes from epoch to epoch.

    Parameters
    ----------
    lengths : numpy.ndarray, shape = (S, U)
        Frames of each utterance at each speed.
    size : int
        Utterances a batch, fewer in the last of each pool.
    seed : int
    """

    def __init__(self, lengths: npt.NDArray[np.int64], size: int, seed: int) -> None:
        self.lengths, self.size, self.seed = lengths, size, seed

    def __len__(self) -> int:
        return math.ceil(len(self.lengths[0]) / self.size)

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        speeds, utterances = self.lengths.shape
        order = rng.permutation(utterances)
        speed_of: npt.NDArray[np.int64] = rng.integers(speeds, size=(utterances,))
        lengths = self.lengths[speed_of, np.arange(utterances)]
        pool = self.size * POOL_BATCHES
        batches: list[npt.NDArray[np.int64]] = []
        for start in range(0, utterances, pool):
            members = order[start : start + pool]
            by_length = members[np.argsort(lengths[members], kind="stable")]
            batches += [by_length[i : i + self.size] for i in range(0, len(by_length), self.size)]
        for number in rng.permutation(len(batches)).tolist():
            yield (speed_of[batches[number]] * utterances + batches[number]).tolist()


class PictureSampler(EpochSampler):
    """Batches of pictures with all their utterances, each at one of its speeds.

    Parameters
    ----------
    lengths : numpy.ndarray, shape = (S, U)
        Frames of each utterance at each speed.
    pictures : numpy.ndarray, shape = (U,)
        The number of each utterance's picture.
    size : int
        Utterances from which on a batch is full.
    seed : int
    """

    def __init__(self, lengths: npt.NDArray[np.int64], pictures: npt.NDArray[np.int64], size: int, seed: int) -> None:
        self.speeds, self.size, self.seed = len(lengths), size, seed
        by_picture = np.argsort(pictures, kind="stable")
        self.members = np.split(by_picture, np.flatnonzero(np.diff(pictures[by_picture])) + 1)
        self.longest = np.array([lengths[0, members].max() for members in self.members])
        self.utterances = lengths.shape[1]

    def __len__(self) -> int:
        return len(self._batches())

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng((self.seed, self.epoch, 1))
        for batch in self._batches():
            yield (rng.integers(self.speeds, size=len(batch)) * self.utterances + batch).tolist()

    def _batches(self) -> list[npt.NDArray[np.int64]]:
        """The utterances of each batch of this epoch: pictures whose longest utterances are about as long."""
        rng = np.random.default_rng((self.seed, self.epoch))
        order = rng.permutation(len(self.members))
        pool = self.size * POOL_BATCHES
        batches: list[npt.NDArray[np.int64]] = []
        for start in range(0, len(order), pool):
            chosen = order[start : start + pool]
            batch: list[npt.NDArray[np.int64]] = []
            for picture in chosen[np.argsort(self.longest[chosen], kind="stable")]:
                batch.append(self.members[picture])
                if sum(map(len, batch)) >= self.size:
                    batches.append(np.concatenate(batch))
                    batch = []
            if batch:
                batches.append(np.concatenate(batch))
        return [batches[number] for number in rng.permutation(len(batches))]


class ShuffledSampler(EpochSampler):
    """All of `count` items once an epoch, shuffled, in batches of `size`."""

    def __init__(self, count: int, size: int, seed: int) -> None:
        self.count, self.size, self.seed = count, size, seed

    def __len__(self) -> int:
        return math.ceil(self.count / self.size)

    def __iter__(self) -> Iterator[list[int]]:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.count).tolist()
        yield from (order[start : start + self.size] for start in range(0, self.count, self.size))


def load_split(
    recipe: Recipe,
    corpus: Corpus,
    split: str,
    keywords: Vocabulary,
    extract: FeatureExtractor,
    speeds: Sequence[float] = (1.0,),
    image_encoder: ImageEncoder | None = None,
) -> TrainingSplit:
    """Features, targets and images of a split of a corpus, from its caches where they are there.

    Parameters
    ----------
    recipe : Recipe
        Its supervision names the targets. With `shuffle_pairs`, every utterance has another one's targets and image.
    corpus : Corpus
    split : str
    keywords : Vocabulary
        W keywords.
    extract : FeatureExtractor
        Built from the recipe's features.
    speeds : sequence of float
        S speeds.
    image_encoder : ImageEncoder, optional
        Of a model that encodes images.

    Raises
    ------
    EarmarkError
        If the split is empty, an audio file, an image or targets are missing, or one of them can't be read.
    """
    utterances = corpus.utterances(split)
    if not utterances:
        raise EarmarkError(
            f"The split {split} of {corpus.folder} is empty: training needs utterances in train and dev."
        )
    targets = read_targets(targets_path(corpus, recipe.supervision), keywords).matrix(
        [u.id for u in utterances], keywords
    )
    pictures = _numbered([u.image or u.id for u in utterances])
    images = load_images(corpus, split, image_encoder) if image_encoder is not None else None
    if recipe.shuffle_pairs:
        order = shuffled_pairs(recipe, len(targets))
        targets, pictures = targets[order], pictures[order]
        images = images and replace(images, of_utterance=images.of_utterance[order])
    features = [load_features(corpus, split, recipe.features, speed, extract) for speed in speeds]
    return TrainingSplit(features, targets, np.array([u.duration_s for u in utterances]), pictures, images)


def shuffled_pairs(recipe: Recipe, utterances: int) -> npt.NDArray[np.int64]:
    """Whose image and targets each utterance gets in the control experiment with shuffled pairs."""
    return np.random.default_rng(recipe.training.seed).permutation(utterances)


def load_images(corpus: Corpus, split: str, encoder: ImageEncoder) -> ImageSet:
    """The images of a split, encoded by the frozen part of an image encoder, or from the cache in the corpus's folder.

    Raises
    ------
    EarmarkError
        If an utterance has no image, or one is missing or can't be read.
    """
    paths = [_image(utterance, corpus) for utterance in corpus.utterances(split)]
    different = list(dict.fromkeys(paths))
    folder = corpus.folder / "features" / "pictures" / encoder.fingerprint
    inputs = cached_vectors(different, encoder.prepare, folder, f"Pictures of {split}")
    return ImageSet(different, inputs, _numbered(paths))


def _numbered(things: Sequence[Hashable]) -> npt.NDArray[np.int64]:
    """The number of each, counted by first occurrence: equal ones share it."""
    number_of = {thing: number for number, thing in enumerate(dict.fromkeys(things))}
    return np.array([number_of[thing] for thing in things], dtype=np.int64)


def _image(utterance: Utterance, corpus: Corpus) -> Path:
    if utterance.image is None:
        raise EarmarkError(
            f"The utterance {utterance.id} of {corpus.folder} has no picture: a model for image queries learns from "
            "pairs of both; leave it out of the corpus."
        )
    return utterance.image
