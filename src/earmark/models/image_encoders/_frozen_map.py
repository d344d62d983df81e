"""A trained 1x1 convolution of the last map of a frozen network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PIL.Image import Image
from torch import Tensor, nn

from earmark.models.image_encoders import ImageEncoder


class FrozenMapEncoder(ImageEncoder):
    """A 1x1 convolution of the last map of a frozen network, which is no part of the weights.

    Parameters
    ----------
    last_map : callable
        N images to the map, float (N, channels, height, width), on the CPU.
    channels : int
    dimension : int
        K, numbers a pixel.
    fingerprint : str
        Names what `last_map` computes; fit for a folder's name.
    """

    def __init__(
        self, last_map: Callable[[Sequence[Image]], Tensor], channels: int, dimension: int, fingerprint: str
    ) -> None:
        super().__init__()
        # Not a module, so that it has no part in training, in its modes, or in what is saved.
        self._map = last_map
        self.dimension, self.fingerprint = dimension, fingerprint
        self.embedder = nn.Conv2d(channels, dimension, 1)

    def prepare(self, images: Sequence[Image]) -> Tensor:
        """The network's last map, (N, channels, height, width), float16."""
        return self._map(images).half()

    def forward(self, prepared: Tensor) -> Tensor:
        """Maps (N, channels, height, width) to (N, height, width, K)."""
        vectors: Tensor = self.embedder(prepared.float())
        return vectors.permute(0, 2, 3, 1)
