"""Image networks of `transformers`, frozen, and what they want done to pictures first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL.Image import Image, Resampling
from torch import Tensor

from earmark import pretrained
from earmark.device import device


def image_processor(folder: Path, side: int | None = None) -> Callable[[Sequence[Image]], dict[str, Tensor]]:
    """What the network in a folder wants done to pictures first, by its own numbers.

    Parameters
    ----------
    folder : Path
    side : int, optional
        Scale pictures to a square of so many pixels, whatever their shape, instead of as the network says.

    Raises
    ------
    EarmarkError
        If the folder does not say, or is damaged.
    """
    processor = pretrained.load("AutoImageProcessor", folder, backend="pil")

    def prepare(pictures: Sequence[Image]) -> dict[str, Tensor]:
        options: dict[str, Any] = {}
        if side is not None:
            pictures = [picture.resize((side, side), Resampling.BILINEAR) for picture in pictures]
            options = {"do_resize": False, "do_center_crop": False}
        values = processor(list(pictures), return_tensors="pt", **options)
        return {name: value.to(device()) for name, value in values.items()}

    return prepare


def read_network(folder: Path) -> tuple[Any, bool]:
    """The network in a folder, frozen, and whether its pooler, too, was trained.

    Raises
    ------
    EarmarkError
        If weights are missing or don't fit; many a classifier's folder has no pooler, which is no harm.
    """
    return pretrained.load_frozen(folder, spare="pooler.")
