"""Similarities of pairs towards two numbers (Nortje et al. 2024, arXiv:2409.06013)."""

from __future__ import annotations

import torch
from torch import Tensor

from earmark.recipe import RegressionLoss
from earmark.training.losses import Pairs, regression
from earmark.training.objectives._pairs import PairObjective


class Objective(PairObjective):
    """Similarities of anchors with themselves and what was drawn for them."""

    def anchor_loss(self, anchors: Pairs, positives: Pairs, negatives: Pairs) -> Tensor:
        """Mean squared distance of the similarities from what they should be."""
        settings = self.settings
        assert isinstance(settings, RegressionLoss)
        near = [anchors, *_exchanged(anchors, positives, settings.positives)]
        far = _exchanged(anchors, negatives, settings.negatives)
        right, wrong = (torch.cat([pairs.similarities(self.model) for pairs in some]) for some in (near, far))
        self.model.update_stats(torch.cat([right, wrong]))
        return regression(right, wrong, settings.right, settings.wrong)


def _exchanged(anchors: Pairs, others: Pairs, count: int) -> list[Pairs]:
    """The anchors with the speech of others, and with the images of others."""
    repeated = anchors.repeat(count)
    return [repeated.with_speech(others), repeated.with_images(others)]
