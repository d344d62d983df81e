"""Anchors with positives and negatives by keyword (Nortje and Kamper 2022), for losses over pairs.

A pair is an utterance and its image. A batch is some pairs, and for its anchors which of the batch's pairs are their
positives and negatives. Drawn from the corpus, these come with each anchor (as released). Drawn from the batch, the
anchors are one another's positives and negatives, so that no utterance is encoded for one anchor alone; a pair that
finds none among the others is no anchor there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.features import FeatureExtractor
from earmark.models import SpeechModel
from earmark.recipe import Recipe, Sampled
from earmark.supervision.pair_sampling import Ints, PairSampler, labels
from earmark.training.calibration import Calibration, calibrate_images
from earmark.training.data import Batch, EpochSampler, Item, TrainingSplit, collate
from earmark.training.losses import Pairs
from earmark.training.objectives.base import SpeechObjective

DEV_SEED = 0  # of what is drawn on dev, once for all epochs


class PairIndex(NamedTuple):
    """An item of a batch: a pair, and what it is compared with in the batch if it is an anchor.

    Attributes
    ----------
    item : int
        Index of the split's item.
    positives, negatives : tuple of int
        Numbers of items in the batch; none where the pair is no anchor.
    """

    item: int
    positives: tuple[int, ...] = ()
    negatives: tuple[int, ...] = ()


class PairDataset(Dataset[Item]):
    """A split's pairs, as items of batches."""

    def __init__(self, split: TrainingSplit) -> None:
        self.split = split

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: PairIndex) -> Item:
        """``features`` and ``images`` of the pair, and its ``positives`` and ``negatives`` in the batch."""
        item = self.split[index.item]
        return {
            "features": item["features"],
            "images": item["images"],
            "positives": index.positives,
            "negatives": index.negatives,
        }


class PairBatchSampler(EpochSampler):
    """Batches of anchors with what is drawn for them; each pair that can be an anchor once an epoch.

    Parameters
    ----------
    pairs : PairSampler
    speeds : int
        S speeds of each utterance.
    size : int
        Anchors a batch, fewer in the last.
    seed : int
    """

    def __init__(self, pairs: PairSampler, speeds: int, size: int, seed: int) -> None:
        self.pairs, self.speeds, self.size, self.seed = pairs, speeds, size, seed

    def __len__(self) -> int:
        return math.ceil(len(self.pairs.anchors) / self.size)

    def __iter__(self) -> Iterator[list[PairIndex]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        order = rng.permutation(self.pairs.anchors)
        draw = self._from_batch if self.pairs.settings.draw == "batch" else self._from_corpus
        for start in range(0, len(order), self.size):
            yield draw(order[start : start + self.size], rng)

    def _from_corpus(self, anchors: Ints, rng: np.random.Generator) -> list[PairIndex]:
        """The anchors, then the positives of each, then the negatives of each."""
        samples = [self.pairs.draw(int(anchor), rng) for anchor in anchors]
        positives, negatives = (np.array([getattr(s, part) for s in samples]) for part in ("positives", "negatives"))
        utterances = np.concatenate([anchors, positives.ravel(), negatives.ravel()])
        rows = np.arange(len(utterances))
        first, second = len(anchors), len(anchors) + positives.size
        return self._batch(
            utterances,
            range(len(anchors)),
            rows[first:second].reshape(positives.shape),
            rows[second:].reshape(negatives.shape),
            rng,
        )

    def _from_batch(self, utterances: Ints, rng: np.random.Generator) -> list[PairIndex]:
        row_of = {int(utterance): row for row, utterance in enumerate(utterances)}
        samples = [s for u in utterances if (s := self.pairs.sample_from(int(u), utterances, rng)) is not None]
        rows = [[[row_of[int(u)] for u in drawn] for drawn in (s.positives, s.negatives)] for s in samples]
        return self._batch(
            utterances, [row_of[s.anchor] for s in samples], [r[0] for r in rows], [r[1] for r in rows], rng
        )

    def _batch(
        self, utterances: Ints, anchors: Sequence[int], positives: Any, negatives: Any, rng: np.random.Generator
    ) -> list[PairIndex]:
        """The pairs of `utterances`, each at a random speed, of which some are anchors."""
        speeds = rng.integers(self.speeds, size=len(utterances))
        items = (speeds * len(self.pairs.labels) + utterances).tolist()
        batch = [PairIndex(item) for item in items]
        for row, near, far in zip(anchors, positives, negatives, strict=True):
            batch[row] = PairIndex(items[row], tuple(map(int, near)), tuple(map(int, far)))
        return batch


def collate_pairs(items: Sequence[Item]) -> Batch:
    """As :func:`~earmark.training.data.collate`, with ``anchors`` (A,), ``positives`` (A, p), ``negatives`` (A, n)."""
    pairs = collate([{name: item[name] for name in ("features", "images")} for item in items])
    anchors = [row for row, item in enumerate(items) if item["positives"]]
    drawn = {
        name: torch.tensor([items[row][name] for row in anchors], dtype=torch.long)
        for name in ("positives", "negatives")
    }
    return {**pairs, "anchors": torch.tensor(anchors, dtype=torch.long), **drawn}


class PairObjective(SpeechObjective):
    """A loss over anchors, positives and negatives."""

    def __init__(
        self, recipe: Recipe, corpus: Corpus, keywords: Vocabulary, model: SpeechModel, extract: FeatureExtractor
    ) -> None:
        super().__init__(recipe, corpus, keywords, model, extract)
        assert isinstance(recipe.loss, Sampled)
        self.settings, training = recipe.loss, recipe.training
        self._dataset = PairDataset(self.train)
        pairs, dev_pairs = (
            self._pairs(split, f"The split {name} of {corpus.folder}")
            for name, split in (("train", self.train), ("dev", self.dev))
        )
        self.sampler = PairBatchSampler(pairs, len(self.train.features), training.batch_size, training.seed)
        dev_batches = PairBatchSampler(dev_pairs, 1, training.batch_size, DEV_SEED)
        self.dev_batches = [batch for batch in dev_batches if any(index.positives for index in batch)]
        if not self.dev_batches:
            raise EarmarkError(
                f"Among {training.batch_size} pairs of dev no one finds both a positive and a negative: "
                "raise training.batch_size, or set loss.draw to corpus."
            )

    def _pairs(self, split: TrainingSplit, name: str) -> PairSampler:
        assert split.images is not None
        labelled = labels(split.targets, self.settings.top, self.settings.least)
        try:
            pictures, unknown = split.images.of_utterance.tolist(), np.isnan(split.targets)
            return PairSampler(labelled, pictures, self.settings, unknown)
        except EarmarkError as error:
            raise EarmarkError(f"{name}: {error}") from None

    @property
    def dataset(self) -> PairDataset:
        """The pairs of train."""
        return self._dataset

    def collate(self, items: Sequence[Item]) -> Batch:
        """Pad and stack, and gather what anchors are compared with."""
        return collate_pairs(items)

    def loss(self, output: Any, batch: Batch, rng: torch.Generator) -> Tensor:
        """The loss of the batch's anchors; 0 where it has none."""
        frames, lengths, pixels = output
        if not len(batch["anchors"]):  # the gradient must reach all weights, as several devices wait for it
            none: Tensor = 0 * (frames.sum() + pixels.sum())
            return none
        pairs = Pairs(pixels, frames, self.model.frame_mask(lengths, frames.shape[1]))
        anchors, positives, negatives = (pairs.select(batch[part]) for part in ("anchors", "positives", "negatives"))
        return self.anchor_loss(anchors, positives, negatives)

    def anchor_loss(self, anchors: Pairs, positives: Pairs, negatives: Pairs) -> Tensor:
        """The loss of A anchors, of their A * p positives and their A * n negatives, in the order of the anchors."""
        raise NotImplementedError

    @torch.no_grad()
    def dev_loss(self) -> float:
        """The same loss on dev, over what was drawn there once for all epochs."""
        self.model.eval()
        total, anchors, rng = 0.0, 0, torch.Generator()
        dev = PairDataset(self.dev)
        for indices in self.dev_batches:
            batch = self.on_device(collate_pairs([dev[index] for index in indices]))
            total += float(self.loss(self.output(self.model, batch), batch, rng)) * len(batch["anchors"])
            anchors += len(batch["anchors"])
        return total / anchors

    def calibrate(self) -> Calibration:
        """The threshold and operating points of image queries."""
        return calibrate_images(self.model, self.dev)
