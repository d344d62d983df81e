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
from earmark.models import SpeechModel
from earmark.models.image_query_models import PairModel
from earmark.recipe import Recipe, TripletLoss
from earmark.training.data import (
    BucketSampler,
    ImageSet,
    TrainingSplit,
    Variant,
    load_image_set,
    load_split,
    shuffled_pairs,
)
from earmark.training.image_thresholds import write_image_threshold
from earmark.training.losses import triplet
from earmark.training.objectives._objective import Batch

DEV_SEED = 0  # of batches and imposters on dev, the same for all epochs


class TripletObjective:
    """Pictures and the utterances that describe them; tags choose the threshold alone."""

    def __init__(self, recipe: Recipe, corpus: Corpus, keywords: Vocabulary, model: PairModel) -> None:
        assert isinstance(recipe.loss, TripletLoss)
        self.settings = recipe.loss
        training = recipe.training
        self.split_data = load_split(recipe, corpus, "train", keywords, recipe.augment.speeds)
        self.dev = load_split(recipe, corpus, "dev", keywords, [1.0])
        self.image_set, self.dev_gallery = (
            load_image_set(corpus, split, model.image_encoder) for split in ("train", "dev")
        )
        if recipe.shuffle_pairs:
            self.image_set = self.image_set.shuffled_pairs(shuffled_pairs(recipe, len(self.split_data)))
            self.dev_gallery = self.dev_gallery.shuffled_pairs(shuffled_pairs(recipe, len(self.dev)))
        self.sampler = BucketSampler(self.split_data.lengths, training.batch_size, training.seed)
        self.loader = DataLoader(
            self.split_data,
            batch_sampler=self.sampler,
            collate_fn=lambda one: _collate(self.split_data, self.image_set, *one),
        )
        self.batch_size = training.batch_size

    def output(self, model: nn.Module, features: Tensor, batch: Batch) -> Any:
        """Frames, lengths and pixels."""
        return model(features, batch["lengths"], batch["pictures"])

    def loss(self, model: SpeechModel, output: Any, batch: Batch, rng: torch.Generator) -> Tensor:
        """Triplet losses of both directions, weighted."""
        assert isinstance(model, PairModel)
        frames, lengths, pixels = output
        alike = model.similarities((frames, lengths), pixels)[0]  # utterances in rows
        model.update_stats(alike)
        same = batch["picture"][:, None] == batch["picture"]
        sought = triplet(alike.T, same, self.settings.margin, rng)
        shown = triplet(alike, same, self.settings.margin, rng)
        return self.settings.image_to_speech * sought + self.settings.speech_to_image * shown

    @torch.no_grad()
    def check(self, model: SpeechModel) -> float:
        """The same on dev, in batches and with imposters that stay the same."""
        model.eval()
        order = np.random.default_rng(DEV_SEED).permutation(len(self.dev))
        rng = torch.Generator().manual_seed(DEV_SEED)
        losses = []
        for start in range(0, len(order), self.batch_size):
            some = [(0, int(utterance)) for utterance in order[start : start + self.batch_size]]
            batch = {k: v.to(model.device) for k, v in _collate(self.dev, self.dev_gallery, some).items()}
            output = self.output(model, batch["features"], batch)
            losses.append(float(self.loss(model, output, batch, rng)) * len(some))
        return sum(losses) / len(order)

    def finish(self, model: SpeechModel, out: Path) -> None:
        """The threshold for pictures."""
        assert isinstance(model, PairModel)
        write_image_threshold(model, self.dev, self.dev_gallery.images, out)


def _collate(split_data: TrainingSplit, image_set: ImageSet, variants: list[Variant]) -> Batch:
    utterances = [utterance for _, utterance in variants]
    picture = torch.from_numpy(image_set.of[utterances])
    return split_data.collate(variants) | {"pictures": image_set[utterances], "picture": picture}
