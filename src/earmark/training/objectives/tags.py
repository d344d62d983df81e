"""Cross-entropy of keywords against soft tags (Olaleye et al. 2022, Eq. 4); unknown tags are left out.

A model that encodes images, too, is trained by the sum of two: of keywords in the utterance and of keywords in its
image, both against the image's tags (:mod:`earmark.models.shared_keywords`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from earmark.core.corpus import Corpus
from earmark.core.vocabulary import Vocabulary
from earmark.features import FeatureExtractor
from earmark.models import SpeechModel
from earmark.models.padding import in_order
from earmark.recipe import Recipe
from earmark.training.calibration import Calibration, calibrate_images
from earmark.training.data import Batch, TrainingSplit
from earmark.training.false_alarms import operating_points
from earmark.training.objectives.base import SpeechObjective
from earmark.training.permutation import learning_test
from earmark.training.thresholds import best_threshold, estimate_prevalence, keyword_thresholds

DEV_BATCH, DEV_IMAGES = 32, 64


class Objective(SpeechObjective):
    """Binary cross-entropy, the mean over the utterances and keywords whose tags are known."""

    def __init__(
        self, recipe: Recipe, corpus: Corpus, keywords: Vocabulary, model: SpeechModel, extract: FeatureExtractor
    ) -> None:
        super().__init__(recipe, corpus, keywords, model, extract)
        if self.train.images is not None:
            self.model.fit_prior(torch.from_numpy(self.train.targets))

    def loss(self, output: Any, batch: Batch, rng: torch.Generator) -> Tensor:
        """Of the utterances' logits (B, W), and of the images' where there are images."""
        logits = output if isinstance(output, tuple) else (output,)
        losses = [known_cross_entropy(each, batch["targets"]) for each in logits]
        return sum(losses[1:], losses[0])

    def dev_loss(self) -> float:
        """Binary cross-entropy on dev."""
        of_speech = binary_cross_entropy(detection_scores(self.model, self.dev), self.dev.targets)
        if self.dev.images is None:
            return of_speech
        return of_speech + binary_cross_entropy(image_tags(self.model, self.dev), self.dev.targets)

    def calibrate(self) -> Calibration:
        """A threshold for each keyword, the best one for all, operating points, and a learning test."""
        scores = detection_scores(self.model, self.dev)
        thresholds = keyword_thresholds(scores, self.dev.targets, self.train.targets)
        prevalence = estimate_prevalence(scores, self.dev.targets, self.train.targets)
        of_keywords = Calibration(
            learning_test(scores, self.dev.targets, self.dev.pictures),
            keyword_thresholds=thresholds,
            global_threshold=best_threshold(scores, self.dev.targets),
            operating_points=operating_points(self.keywords, scores, prevalence, self.dev.durations_s, thresholds),
        )
        if self.dev.images is None:
            return of_keywords
        of_images = calibrate_images(self.model, self.dev)
        return replace(
            of_keywords,
            image_threshold=of_images.image_threshold,
            image_operating_points=of_images.image_operating_points,
        )


def known_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean binary cross-entropy of the cells whose target is known, both (B, W); 0 where none is."""
    known = ~targets.isnan()
    each = nn.functional.binary_cross_entropy_with_logits(logits, targets.nan_to_num(), reduction="none")
    return torch.where(known, each, 0).sum() / known.sum().clamp(min=1)


@torch.no_grad()
def detection_scores(model: Any, split: TrainingSplit) -> npt.NDArray[np.float64]:
    """Detection scores of all keywords in a whole split, shape = (U, W), in [0, 1]."""
    model.eval()
    queries = model.encode_queries(model.vocabulary.words)
    scores = np.empty(split.targets.shape)
    for utterances in in_order(split.lengths[0], DEV_BATCH):
        batch = split.batch(utterances)
        speech = model.encode_speech(batch["features"].to(model.device), batch["lengths"].to(model.device))
        scores[utterances] = model.score(speech, queries)[0].double().sigmoid().cpu().numpy()
    return scores


@torch.no_grad()
def image_tags(model: Any, split: TrainingSplit) -> npt.NDArray[np.float64]:
    """Probabilities of all keywords in the images of a split, shape = (U, W)."""
    assert split.images is not None
    model.eval()
    utterances = range(split.utterances)
    parts = [split.images.batch(utterances[start : start + DEV_IMAGES]) for start in utterances[::DEV_IMAGES]]
    logits = [model.image_logits(model.image_encoder(part.to(model.device)).flatten(1, 2)) for part in parts]
    tags: npt.NDArray[np.float64] = torch.cat(logits).double().sigmoid().cpu().numpy()
    return tags


def binary_cross_entropy(scores: npt.NDArray[np.float64], targets: npt.NDArray[np.float32]) -> float:
    """The mean over all cells whose target is known; NaN where a score is, or where no target is known."""
    known = ~np.isnan(targets)
    if not np.isfinite(scores).all() or not known.any():
        return float("nan")
    of_known, right = torch.from_numpy(scores[known]), torch.from_numpy(targets[known]).double()
    return float(nn.functional.binary_cross_entropy(of_known, right))
