"""Learning from tags: each keyword by itself, by cross-entropy against soft targets (Olaleye et al. 2022, Eq. 4).

Learning from tags what is said and what is shown, at once (:mod:`earmark.models.shared_words`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from earmark.core.corpus import Corpus
from earmark.core.vocabulary import Vocabulary
from earmark.models import SpeechModel
from earmark.models.checkpoint import write_global_threshold, write_thresholds
from earmark.models.operating_points import OPERATING_POINTS, write_operating_points
from earmark.models.padding import in_order
from earmark.models.shared_keywords import SharedKeywords
from earmark.recipe import Recipe
from earmark.training.data import BucketSampler, TrainingSplit, Variant, load_image_set, load_split, shuffled_pairs
from earmark.training.false_alarms import operating_points
from earmark.training.image_thresholds import write_image_threshold
from earmark.training.objectives._objective import Batch
from earmark.training.thresholds import best_threshold, estimate_prevalence, keyword_thresholds


class TagObjective:
    """Utterances and the tags of their pictures."""

    def __init__(self, recipe: Recipe, corpus: Corpus, keywords: Vocabulary) -> None:
        self.keywords = keywords
        self.split_data = load_split(recipe, corpus, "train", keywords, recipe.augment.speeds)
        self.dev = load_split(recipe, corpus, "dev", keywords, [1.0])
        training = recipe.training
        self.sampler = BucketSampler(self.split_data.lengths, training.batch_size, training.seed)
        self.loader = DataLoader(self.split_data, batch_sampler=self.sampler, collate_fn=lambda one: self.collate(*one))

    def collate(self, variants: list[Variant]) -> Batch:
        """As :meth:`TrainingSplit.collate`."""
        return self.split_data.collate(variants)

    def output(self, model: nn.Module, features: Tensor, batch: Batch) -> Any:
        """Logits (B, W)."""
        return model(features, batch["lengths"])

    def loss(self, model: SpeechModel, output: Any, batch: Batch, rng: torch.Generator) -> Tensor:
        """Binary cross-entropy."""
        return nn.functional.binary_cross_entropy_with_logits(output, batch["targets"])

    def check(self, model: SpeechModel) -> float:
        """Binary cross-entropy on dev."""
        return binary_cross_entropy(detection_scores(model, self.dev), self.dev.targets)

    def finish(self, model: SpeechModel, out: Path) -> None:
        """A threshold for each keyword, the best one for all, and what false alarms to expect."""
        scores = detection_scores(model, self.dev)
        write_global_threshold(out, best_threshold(scores, self.dev.targets))
        thresholds = keyword_thresholds(scores, self.dev.targets, self.split_data.targets)
        write_thresholds(out, self.keywords, thresholds)
        spoken = estimate_prevalence(scores, self.dev.targets, self.split_data.targets)
        write_operating_points(
            out / OPERATING_POINTS, operating_points(self.keywords, scores, spoken, self.dev.durations_s, thresholds)
        )


@torch.no_grad()
def detection_scores(model: SpeechModel, split_data: TrainingSplit, batch_size: int = 32) -> npt.NDArray[np.float64]:
    """Detection scores of all keywords in a whole split, shape = (U, W), in [0, 1]."""
    model.eval()
    queries = model.encode_queries(model.vocabulary.words)
    scores = np.empty(split_data.targets.shape)
    for utterances in in_order(split_data.lengths[0], batch_size):
        batch = split_data.collate([(0, utterance) for utterance in utterances])
        speech = model.encode_speech(batch["features"].to(model.device), batch["lengths"].to(model.device))
        scores[utterances] = model.score(speech, queries)[0].double().sigmoid().cpu().numpy()
    return scores


def binary_cross_entropy(scores: npt.NDArray[np.float64], targets: npt.NDArray[np.float32]) -> float:
    """The mean over all cells; not a number where a score is none."""
    if not np.isfinite(scores).all():
        return float("nan")
    return float(nn.functional.binary_cross_entropy(torch.from_numpy(scores), torch.from_numpy(targets).double()))


AT_ONCE = 64  # pictures


class SharedKeywordsObjective(TagObjective):
    """Utterances, their pictures, and the tags of these."""

    def __init__(self, recipe: Recipe, corpus: Corpus, keywords: Vocabulary, model: SharedKeywords) -> None:
        super().__init__(recipe, corpus, keywords)
        self.image_set, self.dev_gallery = (
            load_image_set(corpus, split, model.image_encoder) for split in ("train", "dev")
        )
        if recipe.shuffle_pairs:  # tags went with the pictures
            self.image_set = self.image_set.shuffled_pairs(shuffled_pairs(recipe, len(self.image_set.of)))
            self.dev_gallery = self.dev_gallery.shuffled_pairs(shuffled_pairs(recipe, len(self.dev_gallery.of)))
        model.fit_prior(torch.from_numpy(self.split_data.targets))

    def collate(self, variants: list[Variant]) -> Batch:
        """As :meth:`TagObjective.collate`, with ``pictures`` (B, ...)."""
        return super().collate(variants) | {"pictures": self.image_set[[utterance for _, utterance in variants]]}

    def output(self, model: nn.Module, features: Tensor, batch: Batch) -> Any:
        """Logits of what is said and of what is shown, (B, W) each."""
        return model(features, batch["lengths"], batch["pictures"])

    def loss(self, model: SpeechModel, output: Any, batch: Batch, rng: torch.Generator) -> Tensor:
        """Binary cross-entropy of the one and of the other."""
        said, shown = output
        return super().loss(model, said, batch, rng) + super().loss(model, shown, batch, rng)

    @torch.no_grad()
    def check(self, model: SpeechModel) -> float:
        """The same on dev."""
        assert isinstance(model, SharedKeywords)
        said = super().check(model)
        utterances = range(len(self.dev))
        parts = [self.dev_gallery[utterances[start : start + AT_ONCE]] for start in utterances[::AT_ONCE]]
        shown = torch.cat(
            [model.image_logits(model.image_encoder(part.to(model.device)).flatten(1, 2)) for part in parts]
        )
        return said + binary_cross_entropy(shown.double().sigmoid().cpu().numpy(), self.dev.targets)

    def finish(self, model: SpeechModel, out: Path) -> None:
        """Thresholds for keywords, and one for pictures."""
        assert isinstance(model, SharedKeywords)
        super().finish(model, out)
        write_image_threshold(model, self.dev, self.dev_gallery.images, out)
