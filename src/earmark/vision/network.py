"""Image networks of `transformers`, frozen, and what they want done to pictures first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL.Image import Image, Resampling
from torch import Tensor

from earmark import pretrained
from earmark.device import device
from earmark.errors import EarmarkError

Prepare = Callable[[Sequence[Image]], dict[str, Tensor]]
SIDES = ("height", "shortest_edge", "longest_edge")  # as processors name them
LARGEST = 2048  # px; a larger square is a number of another meaning


def image_processor(folder: Path) -> Prepare:
    """What the network in a folder wants done to pictures first, as it says; some want their edges cut off.

    Raises
    ------
    EarmarkError
        If the folder does not say, or is damaged.
    """
    return _preparation(_processor(folder))


def square_processor(folder: Path, side: int | None = None) -> tuple[Prepare, int]:
    """The same by its own numbers, but of whole pictures scaled to a square, whatever their shape: nothing is cut off.

    Parameters
    ----------
    folder : Path
    side : int, optional
        Of the square, in pixels; else the network's own.

    Returns
    -------
    (callable, int)
        The preparation, and the square's side.

    Raises
    ------
    EarmarkError
        If the folder does not say, or is damaged.
    """
    processor = _processor(folder)
    length = side or _own_side(processor, folder)
    prepare = _preparation(processor, do_resize=False, do_center_crop=False)

    def of_squares(pictures: Sequence[Image]) -> dict[str, Tensor]:
        return prepare([picture.resize((length, length), Resampling.BILINEAR) for picture in pictures])

    return of_squares, length


def _processor(folder: Path) -> Any:
    return pretrained.load("AutoImageProcessor", folder, backend="pil")


def _preparation(processor: Any, **options: bool) -> Prepare:
    def prepare(pictures: Sequence[Image]) -> dict[str, Tensor]:
        values = processor(list(pictures), return_tensors="pt", **options)
        return {name: value.to(device()) for name, value in values.items()}

    return prepare


def _own_side(processor: Any, folder: Path) -> int:
    """How high the pictures are that a network is given: what is cut out of them, or what they are scaled to."""
    cut = getattr(processor, "crop_size", None) if getattr(processor, "do_center_crop", None) else None
    said = [dict(size).get(name) for size in (cut, getattr(processor, "size", None)) if size for name in SIDES]
    side = next((length for length in said if length), None)
    if side is None or side > LARGEST:  # some say how many pixels there are in all
        raise EarmarkError(f"The network in {folder} does not say how large its pictures are: set model.image.side.")
    return int(side)


def read_network(folder: Path) -> tuple[Any, bool]:
    """The network in a folder, frozen, and whether its pooler, too, was trained.

    Raises
    ------
    EarmarkError
        If weights are missing or don't fit; many a classifier's folder has no pooler, which is no harm.
    """
    return pretrained.load_frozen(folder, spare="pooler.")
