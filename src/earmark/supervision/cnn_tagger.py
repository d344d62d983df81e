"""The tagger that needs nothing but captioned pictures: a small convolutional network, trained from scratch.

It scores every place of a picture for every keyword and pools the places by log-mean-exp, so that one small thing in a
corner can be enough. It is trained by :func:`earmark.training.taggers.train_cnn_tagger`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL.Image import Image
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from earmark.core.hub import device
from earmark.core.progress import progress
from earmark.core.vocabulary import Vocabulary
from earmark.features.image_encoder import small_network
from earmark.media.images import read_image
from earmark.supervision.tagger_folder import (
    or_damaged,
    read_settings,
    read_vocabulary,
    read_weights,
    refuse_unfinished,
)

CHANNELS = (32, 48, 96, 128)
DROPOUT = 0.2


class CnnTaggerSettings(BaseModel):
    """How a tagger is built and trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    side: int = Field(96, ge=32, le=512, description="pictures are scaled to a square of this many pixels")
    mirror: bool = Field(True, description="learn from mirrored pictures too; not for writing")
    epochs: int = Field(12, ge=1)
    batch_size: int = Field(32, ge=1)
    learning_rate: float = Field(2e-3, gt=0)
    seed: int = 0
    pictures_sha256: str = Field("", description="of names and captions; training goes on with the same ones alone")


class CnnTagger(nn.Module):
    """A network of pictures (B, 3, side, side) in [0, 1] to logits (B, W)."""

    def __init__(self, settings: CnnTaggerSettings, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.settings, self.vocabulary = settings, vocabulary
        self.places = small_network(CHANNELS, DROPOUT, len(vocabulary))

    def forward(self, pictures: Tensor) -> Tensor:
        """Log-mean-exp over the places of each picture."""
        scores = self.places(pictures - 0.5).flatten(2)
        pooled: Tensor = scores.logsumexp(dim=2) - np.log(scores.shape[2])
        return pooled

    @torch.no_grad()
    def tags(self, images: Sequence[Path]) -> npt.NDArray[np.float32]:
        """Tags of pictures, shape (N, W)."""
        rows = []
        with progress("Tagging pictures", len(images)) as advance:
            for start in range(0, len(images), self.settings.batch_size):
                some = images[start : start + self.settings.batch_size]
                pixels = torch.stack([square(read_image(image), self.settings.side) for image in some])
                rows.append(self(scaled(pixels).to(device())).sigmoid().cpu().numpy())
                advance(len(some))
        return np.concatenate(rows)


def read_cnn_tagger(folder: Path) -> CnnTagger:
    """Load a tagger.

    Raises
    ------
    EarmarkError
        If it is damaged or unfinished.
    """
    refuse_unfinished(folder)
    with or_damaged(folder):
        tagger = CnnTagger(read_settings(folder, CnnTaggerSettings), read_vocabulary(folder))
        tagger.load_state_dict(read_weights(folder))
    return tagger.to(device()).eval()


def square(image: Image, side: int) -> Tensor:
    """A picture scaled to a square, (side, side, 3), uint8."""
    return torch.from_numpy(np.array(image.resize((side, side))))


def scaled(pixels: Tensor) -> Tensor:
    """(B, side, side, 3) uint8 to (B, 3, side, side) in [0, 1]."""
    return pixels.permute(0, 3, 1, 2).float() / 255
