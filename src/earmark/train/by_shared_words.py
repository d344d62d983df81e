"""Learning from tags what is said and what is shown, at once (:mod:`earmark.models.shared_words`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from earmark.corpus import Corpus
from earmark.models.build import AnyModel
from earmark.models.shared_words import SharedWords
from earmark.recipe import Recipe
from earmark.train.batches import Rendition, dealt
from earmark.train.by_tags import TagCourse, binary_cross_entropy
from earmark.train.course import Batch
from earmark.train.gallery import read_gallery
from earmark.train.prompted import write_image_threshold
from earmark.vocabulary import Vocabulary

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
