"""The last map of a frozen image network: a vector for each place of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from math import prod
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from earmark.errors import EarmarkError
from earmark.vision.network import read_network, square_processor

MOST_JOINED = 3  # times that a transformer joins its patches, two by two
MOST_BEFORE = 16  # tokens for the whole picture; those that are known have one to five


class FrozenMap:
    """A frozen network's last map of pictures.

    Parameters
    ----------
    folder : Path
        Where the network is.
    side : int, optional
        Pictures are scaled to a square of so many pixels, whatever their shape; else of the network's own.

    Attributes
    ----------
    channels : int
        C, numbers a place.
    side : int
        Of the square that pictures are scaled to, so that every place of the map is one of the whole picture.

    Raises
    ------
    EarmarkError
        If the network is damaged, or has no map, or another one of the same picture each time.
    """

    def __init__(self, folder: Path, side: int | None = None) -> None:
        self._folder = folder
        self._prepare, self.side = square_processor(folder, side)
        network, _ = read_network(folder)
        self._network = getattr(network, "vision_model", network)
        # Transformers learned where the places of pictures of one size are: those of another size lie between them.
        resizes = "interpolate_pos_encoding" in signature(self._network.forward).parameters
        self._options = {"interpolate_pos_encoding": True} if resizes else {}
        probe = [Image.linear_gradient("L").convert("RGB")]
        first, second = self(probe), self(probe)
        if not torch.allclose(first, second, rtol=1e-3, atol=1e-3):
            raise self._without_map("what it gives is a matter of chance")
        self.channels = first.shape[1]

    @torch.no_grad()
    def __call__(self, pictures: Sequence[Image.Image]) -> Tensor:
        """N pictures to float32 (N, C, height, width) on the CPU.

        Raises
        ------
        EarmarkError
            If the network has no map of them.
        """
        try:
            inputs = self._prepare(pictures)
            hidden: Tensor = self._network(**inputs, **self._options).last_hidden_state
            if hidden.ndim == 3:
                hidden = in_a_grid(hidden, inputs["pixel_values"].shape[2:], _side_of_patch(self._network.config))
            if hidden.ndim != 4:
                raise ValueError(f"its last state has {hidden.ndim} dimensions")
        except torch.OutOfMemoryError:  # a RuntimeError, but none of the network's making
            raise
        except (AttributeError, LookupError, TypeError, ValueError, RuntimeError) as error:
            raise self._without_map(" ".join(str(error).split())[:200]) from error
        return hidden.float().cpu().contiguous()

    def _without_map(self, why: str) -> EarmarkError:
        return EarmarkError(f"The network in {self._folder} gives no map of a picture ({why}): choose another network.")


def in_a_grid(tokens: Tensor, size: Sequence[int], patch: int) -> Tensor:
    """Put a transformer's tokens back where in the picture they are from.

    Parameters
    ----------
    tokens : torch.Tensor, shape = (N, tokens, C)
        Row by row; before them may be some for the whole picture (a class token, registers).
    size : (int, int)
        Height and width of the picture in pixels.
    patch : int
        Side of the patches that the network first sees, in pixels. Some networks join them later, two by two.

    Returns
    -------
    torch.Tensor, shape = (N, C, height, width)

    Raises
    ------
    ValueError
        If there are too few tokens, or too many.
    """
    strides = [patch << joined for joined in range(1 + MOST_JOINED)]
    # What a patch more or less at the edge amounts to is for each network to say: most leave it out, some fill it up.
    grids = [tuple(length // stride for length in size) for stride in strides]
    grids += [tuple(-(-length // stride) for length in size) for stride in strides]
    height, width = max((grid for grid in grids if 0 < prod(grid) <= tokens.shape[1]), key=prod, default=(0, 0))
    before = tokens.shape[1] - height * width
    if height == 0 or before > MOST_BEFORE:
        raise ValueError(f"{tokens.shape[1]} tokens make no grid")
    grid: Tensor = tokens[:, before:].transpose(1, 2).unflatten(2, (height, width))
    return grid


def _side_of_patch(config: Any) -> int:
    patch = config.patch_size
    return patch if isinstance(patch, int) else int(patch[0])
