"""A small convolutional network over scaled images, all of it trained: it needs no download."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from PIL.Image import Image
from pydantic import Field
from torch import Tensor, nn

from earmark.features.image_encoder import small_network
from earmark.models.image_encoders import ImageEncoder
from earmark.recipe import ImageEncoderSettings
from earmark.recipe.schema import Width


class Settings(ImageEncoderSettings):
    """A small convolutional network, trained with the rest: it needs no download."""

    kind: Literal["small"] = "small"
    side: int = Field(96, ge=32, le=512, description="images are scaled to a square of this many pixels")
    channels: list[Width] = Field([32, 48, 96, 128], min_length=2, description="of each layer; all but the last halve")
    dropout: float = Field(0.2, ge=0, lt=1)
    mirror: bool = Field(True, description="learn from mirrored images too; not for writing")


class SmallImageEncoder(ImageEncoder):
    """A small convolutional network, all of it trained; in training, half of the images are mirrored.

    Parameters
    ----------
    settings : Settings
    dimension : int
        K, numbers a pixel.
    """

    def __init__(self, settings: Settings, dimension: int) -> None:
        super().__init__()
        self.dimension, self.fingerprint = dimension, f"pixels-{settings.side}"
        self.side, self.mirror = settings.side, settings.mirror
        self.places = small_network(settings.channels, settings.dropout, dimension)
        self.norm = nn.BatchNorm2d(dimension)

    @property
    def output_norm(self) -> nn.BatchNorm2d:
        """That of the output."""
        return self.norm

    def transferable(self) -> list[str]:
        """All weights but those of the last convolution and its norm, which map to a space of each model's own."""
        last = (f"places.{len(self.places) - 1}.", "norm.")
        return [name for name in self.state_dict() if not name.startswith(last)]

    def prepare(self, images: Sequence[Image]) -> Tensor:
        """Images scaled to a square, (N, 3, side, side), uint8."""
        squares = [np.asarray(image.resize((self.side, self.side))) for image in images]
        return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).contiguous()

    def forward(self, prepared: Tensor) -> Tensor:
        """Pixels (N, 3, side, side) from 0 to 255, to (N, height, width, K)."""
        pixels = prepared.float() / 255 - 0.5
        if self.training and self.mirror:
            mirrored = torch.rand(len(pixels)) < 0.5  # on the CPU, so that every device mirrors the same ones
            pixels = torch.where(mirrored.to(pixels.device)[:, None, None, None], pixels.flip(3), pixels)
        vectors: Tensor = self.norm(self.places(pixels))
        return vectors.permute(0, 2, 3, 1)


def build(settings: Settings, dimension: int) -> SmallImageEncoder:
    """The encoder that the settings describe."""
    return SmallImageEncoder(settings, dimension)
