"""Image networks: pictures in, a vector for each of their places out.

What a network makes of a picture comes in two steps. `look` is the same however long the network is trained, so it is
done once a picture and kept; `forward` is trained. The small network looks at scaled pixels and trains all the rest.
Of a pretrained one (in the paper ResNet-50, Nortje and Kamper 2022) the last map is looked at, and a 1x1 convolution
of it is trained.
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


class ImageNetwork(nn.Module, ABC):
    """What all image networks are.

    Attributes
    ----------
    dimension : int
        K, numbers a pixel.
    fingerprint : str
        Another one wherever `look` would give something else; fit for a folder's name.
    """

    dimension: int
    fingerprint: str

    @abstractmethod
    def look(self, pictures: Sequence[Image]) -> Tensor:
        """What is never trained: N pictures to a tensor (N, ...) on the CPU that 16-bit floats hold exactly."""

    @abstractmethod
    def forward(self, seen: Tensor) -> Tensor:
        """What is trained: the output of `look` to pixels' vectors (N, height, width, K)."""


class SmallImageNetwork(ImageNetwork):
    """A small convolutional network, all of it trained; in training, half of the pictures are mirrored.

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

    def look(self, pictures: Sequence[Image]) -> Tensor:
        """Pictures scaled to a square, (N, 3, side, side), uint8."""
        squares = [np.asarray(picture.resize((self.side, self.side))) for picture in pictures]
        return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).contiguous()

    def forward(self, seen: Tensor) -> Tensor:
        """Pixels (N, 3, side, side) from 0 to 255, to (N, height, width, K)."""
        pixels = seen.float() / 255 - 0.5
        if self.training and self.mirror:
            mirrored = torch.rand(len(pixels)) < 0.5  # on the CPU, so that every device mirrors the same ones
            pixels = torch.where(mirrored.to(pixels.device)[:, None, None, None], pixels.flip(3), pixels)
        vectors: Tensor = self.norm(self.places(pixels))
        return vectors.permute(0, 2, 3, 1)


class PretrainedImageNetwork(ImageNetwork):
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

    def look(self, pictures: Sequence[Image]) -> Tensor:
        """The network's last map, (N, C, height, width), float16."""
        return self._map(pictures).half()

    def forward(self, seen: Tensor) -> Tensor:
        """Maps (N, C, height, width) to (N, height, width, K)."""
        vectors: Tensor = self.embedder(seen.float())
        return vectors.permute(0, 2, 3, 1)


def image_network(settings: SmallImage | PretrainedImage, dimension: int) -> ImageNetwork:
    """Build the image network that a recipe describes.

    Raises
    ------
    EarmarkError
        If a pretrained network is missing or damaged, is not the one in the settings, or has no map.
    """
    if isinstance(settings, SmallImage):
        return SmallImageNetwork(settings, dimension)
    return PretrainedImageNetwork(settings, dimension)


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
