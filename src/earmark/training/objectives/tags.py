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
from earmark.models import AnyModel
from earmark.models.checkpoint import write_one_threshold, write_thresholds
from earmark.models.operating_points import ALARMS, write_alarms
from earmark.models.padding import in_order
from earmark.models.shared_keywords import SharedWords
from earmark.recipe import Recipe
from earmark.training.data import BucketSampler, Lesson, Rendition, dealt, read_gallery, read_lesson
from earmark.training.false_alarms import alarms
from earmark.training.image_thresholds import write_image_threshold
from earmark.training.objectives._objective import Batch
from earmark.training.thresholds import best_threshold, keyword_thresholds, likely_spoken


class TagCourse:
    """Utterances and the tags of their pictures."""

    def __init__(self, recipe: Recipe, corpus: Corpus, keywords: Vocabulary) -> None:
        self.keywords = keywords
        self.lesson = read_lesson(recipe, corpus, "train", keywords, recipe.augment.speeds)
        self.dev = read_lesson(recipe, corpus, "dev", keywords, [1.0])
        training = recipe.training
        self.sampler = BucketSampler(self.lesson.lengths, training.batch_size, training.seed)
        self.loader = DataLoader(self.lesson, batch_sampler=self.sampler, collate_fn=lambda one: self.collate(*one))

    def collate(self, renditions: list[Rendition]) -> Batch:
        """As :meth:`Lesson.collate`."""
        return self.lesson.collate(renditions)

    def output(self, model: nn.Module, features: Tensor, batch: Batch) -> Any:
        """Logits (B, W)."""
        return model(features, batch["lengths"])

    def loss(self, model: AnyModel, output: Any, batch: Batch, chance: torch.Generator) -> Tensor:
        """Binary cross-entropy."""
        return nn.functional.binary_cross_entropy_with_logits(output, batch["targets"])

    def check(self, model: AnyModel) -> float:
        """Binary cross-entropy on dev."""
        return binary_cross_entropy(detection_scores(model, self.dev), self.dev.targets)

    def finish(self, model: AnyModel, out: Path) -> None:
        """A threshold for each keyword, the best one for all, and what false alarms to expect."""
        scores = detection_scores(model, self.dev)
        write_one_threshold(out, best_threshold(scores, self.dev.targets))
        thresholds = keyword_thresholds(scores, self.dev.targets, self.lesson.targets)
        write_thresholds(out, self.keywords, thresholds)
        spoken = likely_spoken(scores, self.dev.targets, self.lesson.targets)
        write_alarms(out / ALARMS, alarms(self.keywords, scores, spoken, self.dev.durations_s, thresholds))


@torch.no_grad()
def detection_scores(model: AnyModel, lesson: Lesson, batch_size: int = 32) -> npt.NDArray[np.float64]:
    """Detection scores of all keywords in a whole split, shape = (U, W), in [0, 1]."""
    model.eval()
    queries = model.encode_queries(model.vocabulary.words)
    scores = np.empty(lesson.targets.shape)
    for utterances in in_order(lesson.lengths[0], batch_size):
        batch = lesson.collate([(0, utterance) for utterance in utterances])
        speech = model.encode_speech(batch["features"].to(model.device), batch["lengths"].to(model.device))
        scores[utterances] = model.score(speech, queries)[0].double().sigmoid().cpu().numpy()
    return scores


def binary_cross_entropy(scores: npt.NDArray[np.float64], targets: npt.NDArray[np.float32]) -> float:
    """The mean over all cells; not a number where a score is none."""
    if not np.isfinite(scores).all():
        return float("nan")
    return float(nn.functional.binary_cross_entropy(torch.from_numpy(scores), torch.from_numpy(targets).double()))


AT_ONCE = 64  # pictures


class SharedWordsCourse(TagCourse):
    """Utterances, their pictures, and the tags of these."""

    def __init__(self, recipe: Recipe, corpus: Corpus, keywords: Vocabulary, model: SharedWords) -> None:
        super().__init__(recipe, corpus, keywords)
        self.gallery, self.dev_gallery = (read_gallery(corpus, split, model.image) for split in ("train", "dev"))
        if recipe.shuffle_pairs:  # tags went with the pictures
            self.gallery = self.gallery.dealt(dealt(recipe, len(self.gallery.of)))
            self.dev_gallery = self.dev_gallery.dealt(dealt(recipe, len(self.dev_gallery.of)))
        model.learn_usual(torch.from_numpy(self.lesson.targets))

    def collate(self, renditions: list[Rendition]) -> Batch:
        """As :meth:`TagCourse.collate`, with ``pictures`` (B, ...)."""
        return super().collate(renditions) | {"pictures": self.gallery[[utterance for _, utterance in renditions]]}

    def output(self, model: nn.Module, features: Tensor, batch: Batch) -> Any:
        """Logits of what is said and of what is shown, (B, W) each."""
        return model(features, batch["lengths"], batch["pictures"])

    def loss(self, model: AnyModel, output: Any, batch: Batch, chance: torch.Generator) -> Tensor:
        """Binary cross-entropy of the one and of the other."""
        said, shown = output
        return super().loss(model, said, batch, chance) + super().loss(model, shown, batch, chance)

    @torch.no_grad()
    def check(self, model: AnyModel) -> float:
        """The same on dev."""
        assert isinstance(model, SharedWords)
        said = super().check(model)
        utterances = range(len(self.dev))
        parts = [self.dev_gallery[utterances[start : start + AT_ONCE]] for start in utterances[::AT_ONCE]]
        shown = torch.cat([model.shown(model.image(part.to(model.device)).flatten(1, 2)) for part in parts])
        return said + binary_cross_entropy(shown.double().sigmoid().cpu().numpy(), self.dev.targets)

    def finish(self, model: AnyModel, out: Path) -> None:
        """Thresholds for keywords, and one for pictures."""
        assert isinstance(model, SharedWords)
        super().finish(model, out)
        write_image_threshold(model, self.dev, self.dev_gallery.images, out)
