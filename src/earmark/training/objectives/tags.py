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
from earmark.models.operating_points import log_odds
from earmark.models.padding import in_order
from earmark.recipe import Recipe, TagLoss
from earmark.training.calibration import Calibration, calibrate_images
from earmark.training.data import Batch, PictureSampler, TrainingSplit
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
        assert isinstance(recipe.loss, TagLoss)
        self.by_picture = recipe.loss.bag == "picture"
        if self.by_picture:
            training = recipe.training
            self.sampler = PictureSampler(self.train.lengths, self.train.pictures, training.batch_size, training.seed)
        if self.train.images is not None:
            self.model.fit_prior(torch.from_numpy(self.train.targets))

    def loss(self, output: Any, batch: Batch, rng: torch.Generator) -> Tensor:
        """Of the utterances' logits (B, W), of each member of an ensemble (M, B, W), and of the images' if any."""
        outputs = output if isinstance(output, tuple) else (output,)
        losses = [self._mean_of_members(each, batch) for each in outputs]
        return sum(losses[1:], losses[0])

    def _mean_of_members(self, logits: Tensor, batch: Batch) -> Tensor:
        targets = batch["targets"]
        members = logits if logits.dim() == 3 else logits[None]
        if self.by_picture:
            losses = [picture_cross_entropy(each, targets, batch["picture"]) for each in members]
        else:
            losses = [known_cross_entropy(each, targets) for each in members]
        return torch.stack(losses).mean()

    def dev_loss(self) -> float:
        """Binary cross-entropy on dev."""
        scores = detection_scores(self.model, self.dev)
        if self.by_picture:
            of_speech = float(
                picture_cross_entropy(
                    torch.from_numpy(log_odds(scores)),
                    torch.from_numpy(self.dev.targets).double(),
                    torch.from_numpy(self.dev.pictures),
                )
            )
        else:
            of_speech = binary_cross_entropy(scores, self.dev.targets)
        if self.dev.images is None:
            return of_speech
        return of_speech + binary_cross_entropy(image_tags(self.model, self.dev), self.dev.targets)

    def calibrate(self) -> Calibration:
        """A threshold for each keyword, the best one for all, operating points, and a learning test."""
        scores, durations_s = detection_scores(self.model, self.dev), self.dev.durations_s
        outcome = learning_test(scores, self.dev.targets, self.dev.pictures)
        dev, train = self.dev.targets, self.train.targets
        if self.by_picture:  # of which one utterance may say what another does not: no miss
            pictures = self.dev.pictures
            durations_s = np.bincount(pictures, weights=durations_s).astype(np.float64)
            scores, dev = highest_of_pictures(scores, pictures), highest_of_pictures(dev, pictures)
            train = highest_of_pictures(train, self.train.pictures)
        thresholds = keyword_thresholds(scores, dev, train)
        prevalence = estimate_prevalence(scores, dev, train)
        of_keywords = Calibration(
            outcome,
            keyword_thresholds=thresholds,
            global_threshold=best_threshold(scores, dev),
            operating_points=operating_points(self.keywords, scores, prevalence, durations_s, thresholds),
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


def picture_cross_entropy(logits: Tensor, targets: Tensor, pictures: Tensor) -> Tensor:
    """Cross-entropy of pictures' tags, each said in at least one utterance of its picture (a noisy or).

    A picture's tag is right with probability :math:`1 - \\prod_u (1 - p_u)` over its utterances, which are taken as
    independent. All utterances of a picture have its tags; they may differ only where they are unknown.

    Parameters
    ----------
    logits, targets : torch.Tensor, shape = (B, W)
        Of utterances; NaN where a target is unknown.
    pictures : torch.Tensor, shape = (B,), int64
        The number of each utterance's picture.

    Returns
    -------
    torch.Tensor
        A scalar, the mean over the utterances and keywords whose targets are known, as with a tag for each.
    """
    _, place = pictures.unique(return_inverse=True)
    count = int(place.max()) + 1
    known = ~targets.isnan()
    absent = nn.functional.logsigmoid(-logits).where(known, 0)
    of_picture = absent.new_zeros(count, logits.shape[1]).index_add(0, place, absent)
    tags = torch.zeros_like(of_picture).scatter_reduce(
        0, place[:, None].expand_as(targets), targets.nan_to_num(0), "amax"
    )
    # Only 0 is kept out, whose logarithm is infinite: under a wider clamp a word that is surely missed has no gradient.
    present = torch.log(-torch.expm1(of_picture.clamp(max=-torch.finfo(of_picture.dtype).tiny)))
    losses = -(tags * present + (1 - tags) * of_picture)
    sizes = absent.new_zeros(count, logits.shape[1]).index_add(0, place, known.to(absent.dtype))
    return (losses * (sizes > 0)).sum() / sizes.sum().clamp(min=1)


def highest_of_pictures(values: npt.NDArray[Any], pictures: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """The highest value of each picture's utterances, shape = (pictures, W), from (U, W); NaN where none is known."""
    order = np.argsort(pictures, kind="stable")
    starts = np.flatnonzero(np.diff(pictures[order], prepend=-1))
    highest: npt.NDArray[Any] = np.fmax.reduceat(values[order], starts, axis=0)
    return highest


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
