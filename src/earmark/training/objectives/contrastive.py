"""Cosines of contexts towards 1 and -1 (Nortje and Kamper 2022)."""

from __future__ import annotations

from torch import Tensor

from earmark.training.losses import Pairs, contrastive
from earmark.training.objectives._pairs import PairObjective


class Objective(PairObjective):
    """Contexts of anchors in what was drawn for them, and of that in the anchors."""

    def anchor_loss(self, anchors: Pairs, positives: Pairs, negatives: Pairs) -> Tensor:
        """Mean squared distance of the cosines from what they should be."""
        return contrastive(
            anchors.contexts(),
            _contexts(anchors, positives, self.settings.positives),
            _contexts(anchors, negatives, self.settings.negatives),
        )


def _contexts(anchors: Pairs, others: Pairs, count: int) -> tuple[Tensor, Tensor]:
    """Audio contexts of others' speech in the anchors' images, image contexts of others' images in their speech.

    Two tensors of shape (A, count, D).
    """
    repeated = anchors.repeat(count)
    audio = repeated.with_speech(others).audio_contexts()
    image = repeated.with_images(others).image_contexts()
    return audio.unflatten(0, (-1, count)), image.unflatten(0, (-1, count))
