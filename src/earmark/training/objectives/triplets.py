"""Learning from right pairs against the wrong ones of the same batch: DAVEnet (Harwath et al. 2018)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from earmark.core.corpus import Corpus
from earmark.core.vocabulary import Vocabulary
from earmark.models import AnyModel
from earmark.models.image_query_models import PairModel
from earmark.recipe import Recipe, TripletLoss
from earmark.training.data import BucketSampler, Gallery, Lesson, Rendition, dealt, read_gallery, read_lesson
from earmark.training.image_thresholds import write_image_threshold
from earmark.training.losses import triplet
from earmark.training.objectives._objective import Batch

DEV_SEED = 0  # of batches and imposters on dev, the same for all epochs


class TripletCourse:
    """Pictures and the utterances that describe them; tags choose the threshold alone."""

    def __init__(self, recipe: Recipe, corpus: Corpus, keywords: Vocabulary, model: PairModel) -> None:
        assert isinstance(recipe.loss, TripletLoss)
        self.settings = recipe.loss
        training = recipe.training
        self.lesson = read_lesson(recipe, corpus, "train", keywords, recipe.augment.speeds)
        self.dev = read_lesson(recipe, corpus, "dev", keywords, [1.0])
        self.gallery, self.dev_gallery = (read_gallery(corpus, split, model.image) for split in ("train", "dev"))
        if recipe.shuffle_pairs:
            self.gallery = self.gallery.dealt(dealt(recipe, len(self.lesson)))
            self.dev_gallery = self.dev_gallery.dealt(dealt(recipe, len(self.dev)))
        self.sampler = BucketSampler(self.lesson.lengths, training.batch_size, training.seed)
        self.loader = DataLoader(
            self.lesson,
            batch_sampler=self.sampler,
            collate_fn=lambda one: _collate(self.lesson, self.gallery, *one),
        )
        self.batch_size = training.batch_size

    def output(self, model: nn.Module, features: Tensor, batch: Batch) -> Any:
        """Frames, lengths and pixels."""
        return model(features, batch["lengths"], batch["pictures"])

    def loss(self, model: AnyModel, output: Any, batch: Batch, chance: torch.Generator) -> Tensor:
        """Triplet losses of both directions, weighted."""
        assert isinstance(model, PairModel)
        frames, lengths, pixels = output
        alike = model.similarities((frames, lengths), pixels)[0]  # utterances in rows
        model.remember(alike)
        same = batch["picture"][:, None] == batch["picture"]
        sought = triplet(alike.T, same, self.settings.margin, chance)
        shown = triplet(alike, same, self.settings.margin, chance)
        return self.settings.image_to_speech * sought + self.settings.speech_to_image * shown

    @torch.no_grad()
    def check(self, model: AnyModel) -> float:
        """The same on dev, in batches and with imposters that stay the same."""
        model.eval()
        order = np.random.default_rng(DEV_SEED).permutation(len(self.dev))
        chance = torch.Generator().manual_seed(DEV_SEED)
        losses = []
        for start in range(0, len(order), self.batch_size):
            some = [(0, int(utterance)) for utterance in order[start : start + self.batch_size]]
            batch = {k: v.to(model.device) for k, v in _collate(self.dev, self.dev_gallery, some).items()}
            output = self.output(model, batch["features"], batch)
            losses.append(float(self.loss(model, output, batch, chance)) * len(some))
        return sum(losses) / len(order)

    def finish(self, model: AnyModel, out: Path) -> None:
        """The threshold for pictures."""
        assert isinstance(model, PairModel)
        write_image_threshold(model, self.dev, self.dev_gallery.images, out)


def _collate(lesson: Lesson, gallery: Gallery, renditions: list[Rendition]) -> Batch:
    utterances = [utterance for _, utterance in renditions]
    picture = torch.from_numpy(gallery.of[utterances])
    return lesson.collate(renditions) | {"pictures": gallery[utterances], "picture": picture}
