"""Learning from pairs: what belongs to an anchor by its keywords, and what does not (Nortje and Kamper 2022)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

from earmark.corpus import Corpus
from earmark.errors import EarmarkError
from earmark.features.padding import pad
from earmark.models.build import AnyModel
from earmark.models.pictured import PairModel
from earmark.recipe import ContrastiveLoss, Recipe, RegressionLoss, Sampled
from earmark.supervision.sampling import Ints, PairSampler, labels
from earmark.train.batches import Lesson, Rendition, dealt, read_lesson
from earmark.train.course import Batch
from earmark.train.gallery import Gallery, read_gallery
from earmark.train.losses import Pairs, contrastive, regression
from earmark.train.prompted import write_image_threshold
from earmark.vocabulary import Vocabulary

DEV_SEED = 0  # of what is drawn on dev, once for all epochs


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


class Anchors(Dataset[Group]):
    """A split to draw pairs from."""

    def __init__(self, lesson: Lesson, gallery: Gallery) -> None:
        self.lesson, self.gallery = lesson, gallery

    def __len__(self) -> int:
        return len(self.lesson)

    def __getitem__(self, group: Group) -> Group:
        return group

    def collate(self, batch: list[Group]) -> Batch:
        """What is heard and seen, (N, ...), and which of it are anchors, positives and negatives."""
        (group,) = batch
        features, lengths = pad([self.lesson.features[speed][utterance] for speed, utterance in group.renditions])
        drawn = {name: torch.from_numpy(getattr(group, name)) for name in ("anchors", "positives", "negatives")}
        pictures = self.gallery[[utterance for _, utterance in group.renditions]]
        return {"features": features, "lengths": lengths, "pictures": pictures, **drawn}


class PairCourse:
    """Anchors, positives and negatives."""

    def __init__(self, recipe: Recipe, corpus: Corpus, keywords: Vocabulary, model: PairModel) -> None:
        assert isinstance(recipe.loss, Sampled)
        self.settings = recipe.loss
        training = recipe.training
        anchors, pairs = self._split(recipe, corpus, keywords, model, "train", recipe.augment.speeds)
        self.dev, dev_pairs = self._split(recipe, corpus, keywords, model, "dev", [1.0])
        self.sampler = GroupSampler(pairs, len(recipe.augment.speeds), training.batch_size, training.seed)
        self.dev_batches = list(GroupSampler(dev_pairs, 1, training.batch_size, DEV_SEED))
        if not any(len(group.anchors) for (group,) in self.dev_batches):
            raise EarmarkError(
                f"Among {training.batch_size} pairs of dev no one finds both a positive and a negative: "
                "raise training.batch_size, or set loss.draw to corpus."
            )
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
        if not len(batch["anchors"]):  # nobody in a small batch found what an anchor needs
            loss: Tensor = 0 * (frames.sum() + pixels.sum())
            return loss
        assert isinstance(model, PairModel)
        every = Pairs(pixels, frames, model.compared(lengths, frames.shape[1]))
        own, positive, negative = (every.chosen(batch[part]) for part in ("anchors", "positives", "negatives"))
        p, n = self.settings.positives, self.settings.negatives
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
        model.remember(torch.cat([near, far]))
        return regression(near, far, self.settings.right, self.settings.wrong)

    @torch.no_grad()
    def check(self, model: AnyModel) -> float:
        """The same loss, over what was drawn on dev once for all epochs."""
        model.eval()
        losses, chance = [], torch.Generator()
        for drawn in self.dev_batches:
            batch = {name: part.to(model.device) for name, part in self.dev.collate(drawn).items()}
            output = self.output(model, batch["features"], batch)
            losses.append(float(self.loss(model, output, batch, chance)) * len(batch["anchors"]))
        return sum(losses) / sum(len(group.anchors) for (group,) in self.dev_batches)

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
