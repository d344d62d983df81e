"""A trained 1x1 convolution of the last map of a frozen network of `transformers`.

In the paper the network is ResNet-50 (Nortje and Kamper 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from PIL.Image import Image
from pydantic import Field
from torch import Tensor, nn

from earmark.core import hub
from earmark.features.image_encoder import FrozenMap
from earmark.models.image_encoders import ImageEncoder
from earmark.recipe import ImageEncoderSettings


class Settings(ImageEncoderSettings):
    """A frozen network of transformers, and a trained 1x1 convolution of its last map to the model's dimension."""

    kind: Literal["pretrained"] = "pretrained"
    network: str = Field(min_length=1, description="a folder, or hub:NAME for one that may be downloaded")
    side: int | None = Field(
        None, ge=32, le=1024, description="images are scaled to such a square; else the network's own"
    )
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$", description="of the network; training writes it here")


class PretrainedImageEncoder(ImageEncoder):
    """A 1x1 convolution of the last map of a frozen network, which is no part of the weights.

    Parameters
    ----------
    settings : Settings
    dimension : int
        K, numbers a pixel.

    Raises
    ------
    EarmarkError
        If the network is missing or damaged, is not the one in the settings, or has no map; nothing is downloaded.
    """

    def __init__(self, settings: Settings, dimension: int) -> None:
        super().__init__()
        found = _found(settings, download=False)
        # Not a module, so that it has no part in training, in its modes, or in what is saved.
        self._map = FrozenMap(found.folder, settings.side)
        self.dimension, self.fingerprint = dimension, f"map-{found.sha256[:16]}-{self._map.side}"
        self.embedder = nn.Conv2d(self._map.channels, dimension, 1)

    def prepare(self, images: Sequence[Image]) -> Tensor:
        """The network's last map, (N, C, height, width), float16."""
        return self._map(images).half()

    def forward(self, prepared: Tensor) -> Tensor:
        """Maps (N, C, height, width) to (N, height, width, K)."""
        vectors: Tensor = self.embedder(prepared.float())
        return vectors.permute(0, 2, 3, 1)


def build(settings: Settings, dimension: int) -> PretrainedImageEncoder:
    """The encoder that the settings describe."""
    return PretrainedImageEncoder(settings, dimension)


def resolve(settings: Settings, download: bool = False) -> Settings:
    """The same settings with the network's place and SHA-256."""
    found = _found(settings, download)
    return settings.model_copy(update={"network": found.spec, "sha256": found.sha256})


def _found(settings: Settings, download: bool) -> hub.PretrainedNetwork:
    """The very network that the settings name."""
    otherwise = (
        f"The image network {settings.network} is not the one that the model was trained on: "
        "put its old files back, or train again."
    )
    return hub.find_same(settings.network, settings.sha256, otherwise, download)
