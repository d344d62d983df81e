"""Learning from pairs: what belongs to an anchor by its keywords, and what does not (Nortje and Kamper 2022)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

from earmark.corpus import Corpus
from earmark.errors import EarmarkError
from earmark.features.padding import pad
from earmark.models.build import AnyModel
from earmark.models.masking import real_frames
from earmark.models.pictured import PairModel
from earmark.recipe import ContrastiveLoss, Recipe, RegressionLoss, Sampled
from earmark.supervision.sampling import Draw, PairSampler, labels
from earmark.train.batches import Lesson, Rendition, dealt, read_lesson
from earmark.train.course import Batch
from earmark.train.gallery import Gallery, read_gallery
from earmark.train.losses import Pairs, contrastive, regression
from earmark.train.prompted import write_image_threshold
from earmark.vocabulary import Vocabulary

DEV_SEED = 0  # of what is drawn on dev, once for all epochs


class Drawn(NamedTuple):
    """An anchor with what was drawn for it, and the speed at which each is heard."""

    draw: Draw
    speeds: tuple[int, ...]


class DrawSampler(Sampler[list[Drawn]]):
    """Batches of anchors with their draws; each anchor once an epoch.

    Parameters
    ----------
    pairs : PairSampler
    speeds, batch_size, seed : int
        How many speeds there are to hear an utterance at.
    """

    drop_last = False  # Accelerate asks for it when it deals the batches to several devices

    def __init__(self, pairs: PairSampler, speeds: int, batch_size: int, seed: int) -> None:
        self.pairs, self.speeds, self.batch_size, self.seed = pairs, speeds, batch_size, seed
        self.epoch = 0

    def __len__(self) -> int:
        return math.ceil(len(self.pairs.anchors) / self.batch_size)

    def __iter__(self) -> Iterator[list[Drawn]]:
        chance = np.random.default_rng((self.seed, self.epoch))
        order = chance.permutation(self.pairs.anchors)
        members = 1 + self.pairs.settings.positives + self.pairs.settings.negatives
        for start in range(0, len(order), self.batch_size):
            yield [
                Drawn(self.pairs.draw(int(anchor), chance), tuple(chance.integers(self.speeds, size=members).tolist()))
                for anchor in order[start : start + self.batch_size]
            ]


class Anchors(Dataset[Drawn]):
    """A split to draw pairs from."""

    def __init__(self, lesson: Lesson, gallery: Gallery) -> None:
        self.lesson, self.gallery = lesson, gallery

    def __len__(self) -> int:
        return len(self.lesson)

    def __getitem__(self, drawn: Drawn) -> Drawn:
        return drawn

    def collate(self, batch: list[Drawn]) -> Batch:
        """All anchors, then all positives, then all negatives: features, lengths and pictures (B (1 + p + n), ...)."""
        members = [np.array([d.draw.anchor, *d.draw.positives, *d.draw.negatives]) for d in batch]
        p = len(batch[0].draw.positives)
        renditions: list[Rendition] = []
        for part in (slice(1), slice(1, 1 + p), slice(1 + p, None)):
            for drawn, numbers in zip(batch, members, strict=True):
                renditions += zip(drawn.speeds[part], numbers[part].tolist(), strict=True)
        features, lengths = pad([self.lesson.features[speed][utterance] for speed, utterance in renditions])
        pictures = self.gallery[[utterance for _, utterance in renditions]]
        return {"features": features, "lengths": lengths, "pictures": pictures}


class PairCourse:
    """Anchors, positives and negatives."""

    def __init__(self, recipe: Recipe, corpus: Corpus, keywords: Vocabulary, model: PairModel) -> None:
        assert isinstance(recipe.loss, Sampled)
        self.settings = recipe.loss
        training = recipe.training
        anchors, pairs = self._split(recipe, corpus, keywords, model, "train", recipe.augment.speeds)
        self.dev, dev_pairs = self._split(recipe, corpus, keywords, model, "dev", [1.0])
        self.sampler = DrawSampler(pairs, len(recipe.augment.speeds), training.batch_size, training.seed)
        self.dev_batches = list(DrawSampler(dev_pairs, 1, training.batch_size, DEV_SEED))
        self.loader = DataLoader(anchors, batch_sampler=self.sampler, collate_fn=anchors.collate)

    def _split(
        self, recipe: Recipe, corpus: Corpus, keywords: Vocabulary, model: PairModel, split: str, speeds: list[float]
    ) -> tuple[Anchors, PairSampler]:
        lesson = read_lesson(recipe, corpus, split, keywords, speeds)
        gallery = read_gallery(corpus, split, model.image)
        if recipe.shuffle_pairs:
            gallery = gallery.dealt(dealt(recipe, len(gallery.of)))
        labelled = labels(lesson.targets, self.settings.top, self.settings.least)
        try:
            return Anchors(lesson, gallery), PairSampler(labelled, gallery.of.tolist(), self.settings)
        except EarmarkError as error:
            raise EarmarkError(f"The split {split} of {corpus.folder}: {error}") from None

    def output(self, model: nn.Module, features: Tensor, batch: Batch) -> Any:
        """Frames, lengths and pixels."""
        return model(features, batch["lengths"], batch["pictures"])

    def loss(self, model: AnyModel, output: Any, batch: Batch, chance: torch.Generator) -> Tensor:
        """The recipe's loss over the pairs that anchors make with what was drawn for them."""
        frames, lengths, pixels = output
        p, n = self.settings.positives, self.settings.negatives
        anchors = len(frames) // (1 + p + n)
        real = real_frames(lengths, frames.shape[1])
        own, positive, negative = (
            Pairs(*parts)
            for parts in zip(
                *(part.split([anchors, anchors * p, anchors * n]) for part in (pixels, frames, real)), strict=True
            )
        )
        assert isinstance(model, PairModel)
        if isinstance(self.settings, ContrastiveLoss):
            return contrastive(
                own.contexts(),
                (_heard(own, positive, p), _seen(own, positive, p)),
                (_heard(own, negative, n), _seen(own, negative, n)),
            )
        assert isinstance(self.settings, RegressionLoss)
        right = [own, own.times(p).with_speech(positive), own.times(p).with_pictures(positive)]
        wrong = [own.times(n).with_speech(negative), own.times(n).with_pictures(negative)]
        near, far = (torch.cat([pairs.similarities(model) for pairs in some]) for some in (right, wrong))
        return regression(near, far, self.settings.right, self.settings.wrong)

    @torch.no_grad()
    def check(self, model: AnyModel) -> float:
        """The same loss, over what was drawn on dev once for all epochs."""
        model.eval()
        losses, chance = [], torch.Generator()
        for drawn in self.dev_batches:
            batch = {name: part.to(model.device) for name, part in self.dev.collate(drawn).items()}
            output = self.output(model, batch["features"], batch)
            losses.append(float(self.loss(model, output, batch, chance)) * len(drawn))
        return sum(losses) / sum(map(len, self.dev_batches))

    def finish(self, model: AnyModel, out: Path) -> None:
        """The threshold for pictures."""
        assert isinstance(model, PairModel)
        write_image_threshold(model, self.dev.lesson, self.dev.gallery.images, out)


def _heard(own: Pairs, drawn: Pairs, times: int) -> Tensor:
    """Contexts of drawn utterances in the anchors' pictures, (B, times, D)."""
    heard, _ = own.times(times).with_speech(drawn).contexts()
    return heard.view(-1, times, heard.shape[1])


def _seen(own: Pairs, drawn: Pairs, times: int) -> Tensor:
    """Contexts of drawn pictures in the anchors' utterances, (B, times, D)."""
    _, seen = own.times(times).with_pictures(drawn).contexts()
    return seen.view(-1, times, seen.shape[1])
