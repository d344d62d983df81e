"""Image encoders: images in, a vector for each of their pixels (places of a map) out. One kind a file, found by name.

An image is encoded in two steps. `prepare` does not change in training, so its result is computed once an image and
cached; `forward` is trained.

Every file has

- a docstring with the architecture and its source;
- ``Settings``, a :class:`earmark.recipe.ImageEncoderSettings` whose ``kind`` is the file's name;
- ``build(settings, dimension) -> ImageEncoder``;
- for pretrained networks, ``resolve(settings, download)``, see :func:`resolve`.

A new kind is one new file here and nothing else. Names that begin with an underscore are passed over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import cast

from PIL.Image import Image
from torch import Tensor, nn

from earmark.core import registry
from earmark.recipe import ImageEncoderSettings


class ImageEncoder(nn.Module, ABC):
    """What all image encoders state.

    Attributes
    ----------
    dimension : int
        K, numbers a pixel.
    fingerprint : str
        Names what `prepare` computes, so that another result has another name; fit for a folder's name.
    """

    dimension: int
    fingerprint: str

    @property
    def output_norm(self) -> nn.BatchNorm2d | None:
        """The batch normalisation of the last layer, for an encoder that ends in one."""
        return None

    def transferable(self) -> list[str] | None:
        """Names of the weights that another model can start from; None if it is pretrained in a way of its own."""
        return None

    @abstractmethod
    def prepare(self, images: Sequence[Image]) -> Tensor:
        """The part that is not trained: N images to a tensor (N, ...) on the CPU that 16-bit floats hold exactly."""

    @abstractmethod
    def forward(self, prepared: Tensor) -> Tensor:
        """The trained part: the output of `prepare` to pixels' vectors (N, height, width, K)."""


def build_image_encoder(settings: ImageEncoderSettings, dimension: int) -> ImageEncoder:
    """The image encoder that `settings` describe, with fresh weights and so many numbers a pixel.

    Raises
    ------
    EarmarkError
        If a pretrained network is missing or damaged, is not the one in the settings, or has no map.
    """
    return cast(ImageEncoder, registry.module_of(registry.IMAGE_ENCODERS, settings.kind).build(settings, dimension))


def resolve(settings: ImageEncoderSettings, download: bool = False) -> ImageEncoderSettings:
    """As :func:`earmark.features.resolve`.

    Raises
    ------
    EarmarkError
        If a pretrained network is missing, can't be fetched, or is not the one in the settings.
    """
    resolve_kind = getattr(registry.module_of(registry.IMAGE_ENCODERS, settings.kind), "resolve", None)
    return resolve_kind(settings, download) if resolve_kind else settings
