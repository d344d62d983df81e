"""A trained 1x1 convolution of the last map of a frozen network of `transformers`.

In the paper the network is ResNet-50 (Nortje and Kamper 2022).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from earmark.core import hub
from earmark.features.image_encoder import FrozenMap
from earmark.models.image_encoders._frozen_map import FrozenMapEncoder
from earmark.recipe import ImageEncoderSettings


class Settings(ImageEncoderSettings):
    """A frozen network of transformers, and a trained 1x1 convolution of its last map to the model's dimension."""

    kind: Literal["pretrained"] = "pretrained"
    network: str = Field(min_length=1, description="a folder, or hub:NAME for one that may be downloaded")
    side: int | None = Field(
        None, ge=32, le=1024, description="images are scaled to such a square; else the network's own"
    )
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$", description="of the network; training writes it here")


def build(settings: Settings, dimension: int) -> FrozenMapEncoder:
    """The encoder that the settings describe.

    Raises
    ------
    EarmarkError
        If the network is missing or damaged, is not the one in the settings, or has no map; nothing is downloaded.
    """
    found = _found(settings, download=False)
    last_map = FrozenMap(found.folder, settings.side)
    return FrozenMapEncoder(last_map, last_map.channels, dimension, f"map-{found.sha256[:16]}-{last_map.side}")


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
