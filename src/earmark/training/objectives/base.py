"""What all objectives of speech models have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from earmark.core.corpus import Corpus
from earmark.core.vocabulary import Vocabulary
from earmark.features import FeatureExtractor
from earmark.features.augment import spec_augment
from earmark.models import SpeechModel
from earmark.models.image_query_models import accepts_images
from earmark.recipe import Recipe
from earmark.training.calibration import Calibration
from earmark.training.data import Batch, BucketSampler, EpochSampler, collate, load_split


class SpeechObjective(ABC):
    """A loss of a speech model over batches of utterances; here of all utterances, each once an epoch.

    Attributes
    ----------
    model : SpeechModel
    train, dev : TrainingSplit
        With images where the model encodes images.
    """

    def __init__(
        self, recipe: Recipe, corpus: Corpus, keywords: Vocabulary, model: SpeechModel, extract: FeatureExtractor
    ) -> None:
        self.recipe, self.keywords = recipe, keywords
        self.model: Any = model
        images = model.image_encoder if accepts_images(model) else None
        self.train = load_split(recipe, corpus, "train", keywords, extract, recipe.augment.speeds, images)
        self.dev = load_split(recipe, corpus, "dev", keywords, extract, image_encoder=images)
        self.sampler: EpochSampler = BucketSampler(self.train.lengths, recipe.training.batch_size, recipe.training.seed)

    @property
    def dataset(self) -> Dataset[Any]:
        """The utterances of train."""
        return self.train

    def collate(self, items: Sequence[Any]) -> Batch:
        """Pad and stack."""
        return collate(items)

    def training_losses(self, forward: nn.Module, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The loss of a batch whose features are augmented."""
        features = spec_augment(batch["features"], batch["lengths"], self.recipe.augment, rng)
        return {"loss": self.loss(self.output(forward, batch | {"features": features}), batch, rng)}

    def output(self, forward: nn.Module, batch: Batch) -> Any:
        """What the network makes of a batch."""
        images = (batch["images"],) if "images" in batch else ()
        return forward(batch["features"], batch["lengths"], *images)

    @abstractmethod
    def loss(self, output: Any, batch: Batch, rng: torch.Generator) -> Tensor:
        """The loss of a batch, a scalar, from what the network has made of it."""

    @abstractmethod
    def dev_loss(self) -> float:
        """The same kind of loss on dev, without augmentation; NaN where the model gives no number."""

    @abstractmethod
    def calibrate(self) -> Calibration:
        """Thresholds and operating points of the trained model."""

    def on_device(self, batch: Batch) -> Batch:
        """A batch of dev where the model is."""
        return {name: value.to(self.model.device) for name, value in batch.items()}
