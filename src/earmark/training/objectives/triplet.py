"""Matching pairs against impostors of the same batch, by a margin: DAVEnet (Harwath et al. 2018)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from earmark.recipe import TripletLoss
from earmark.training.calibration import Calibration, calibrate_images
from earmark.training.data import Batch
from earmark.training.losses import triplet
from earmark.training.objectives.base import SpeechObjective

DEV_SEED = 0  # of batches and impostors on dev, the same for all epochs


class Objective(SpeechObjective):
    """Images and the utterances that describe them; tags are needed for the threshold alone."""

    def loss(self, output: Any, batch: Batch, rng: torch.Generator) -> Tensor:
        """Triplet losses of both directions, weighted."""
        settings = self.recipe.loss
        assert isinstance(settings, TripletLoss)
        frames, lengths, pixels = output
        similarities = self.model.similarities((frames, lengths), pixels)[0]  # utterances in rows
        self.model.update_stats(similarities)
        same = batch["image"][:, None] == batch["image"]
        released = settings.semi_hard == "released"
        to_speech = triplet(similarities.T, same, settings.margin, rng, released)
        to_images = triplet(similarities, same, settings.margin, rng, released)
        return settings.image_to_speech * to_speech + settings.speech_to_image * to_images

    @torch.no_grad()
    def dev_loss(self) -> float:
        """The same on dev, in batches and with impostors that stay the same."""
        self.model.eval()
        order = np.random.default_rng(DEV_SEED).permutation(self.dev.utterances)
        rng = torch.Generator().manual_seed(DEV_SEED)
        size, total = self.recipe.training.batch_size, 0.0
        for start in range(0, len(order), size):
            utterances = order[start : start + size].tolist()
            batch = self.on_device(self.dev.batch(utterances))
            total += float(self.loss(self.output(self.model, batch), batch, rng)) * len(utterances)
        return total / len(order)

    def calibrate(self) -> Calibration:
        """The threshold and operating points of image queries."""
        return calibrate_images(self.model, self.dev)
