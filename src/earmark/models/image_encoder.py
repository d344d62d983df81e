"""Image encoders: images in, a vector for each of their pixels (places of a map) out.

An image is encoded in two steps. `prepare` does not change in training, so its result is computed once an image and
cached; `forward` is trained. The small encoder prepares scaled pixels and trains all the rest. The pretrained one (in
the paper ResNet-50, Nortje and Kamper 2022) prepares the last map of a frozen network, and trains a 1x1 convolution.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor, nn

from earmark.core import hub
from earmark.features.image_encoder import FrozenMap, small_network
from earmark.recipe import PretrainedImage, SmallImage


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


class SmallImageEncoder(ImageEncoder):
    """A small convolutional network, all of it trained; in training, half of the images are mirrored.

    Parameters
    ----------
    settings : SmallImage
    dimension : int
        K, numbers a pixel.
    """

    def __init__(self, settings: SmallImage, dimension: int) -> None:
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


class PretrainedImageEncoder(ImageEncoder):
    """A 1x1 convolution of the last map of a frozen network, which is no part of the weights.

    Parameters
    ----------
    settings : PretrainedImage
    dimension : int
        K, numbers a pixel.

    Raises
    ------
    EarmarkError
        If the network is missing or damaged, is not the one in the settings, or has no map; nothing is downloaded.
    """

    def __init__(self, settings: PretrainedImage, dimension: int) -> None:
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


def build_image_encoder(settings: SmallImage | PretrainedImage, dimension: int) -> ImageEncoder:
    """The image encoder that a recipe describes, with fresh weights.

    Raises
    ------
    EarmarkError
        If a pretrained network is missing or damaged, is not the one in the settings, or has no map.
    """
    if isinstance(settings, SmallImage):
        return SmallImageEncoder(settings, dimension)
    return PretrainedImageEncoder(settings, dimension)


def resolve(settings: SmallImage | PretrainedImage, download: bool = False) -> SmallImage | PretrainedImage:
    """As :func:`earmark.features.resolve`.

    Raises
    ------
    EarmarkError
        If a pretrained network is missing, can't be fetched, or is not the one in the settings.
    """
    if isinstance(settings, SmallImage):
        return settings
    found = _found(settings, download)
    return settings.model_copy(update={"network": found.spec, "sha256": found.sha256})


def _found(settings: PretrainedImage, download: bool) -> hub.PretrainedNetwork:
    """The very network that the settings name."""
    otherwise = (
        f"The image network {settings.network} is not the one that the model was trained on: "
        "put its old files back, or train again."
    )
    return hub.find_same(settings.network, settings.sha256, otherwise, download)
