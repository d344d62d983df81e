"""Image networks that others have trained, as backbones: pictures in, one vector a picture out.

==================  ==================================================================================
``vgg16:FILE``      VGG-16's fc7, the paper's, from a file of weights
``FOLDER``          any image network of `transformers`, saved in a folder; of CLIP-like ones, the vision tower
``hub:NAME``        the same from the Hugging Face hub: the one notation that may download something
==================  ==================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor

from earmark import pretrained
from earmark.device import device
from earmark.errors import EarmarkError
from earmark.supervision.vgg16 import Vgg16, prepared, read_vgg16

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
    vectors: Callable[[Sequence[Image]], Tensor]


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
    if spec.startswith(VGG16):
        path = Path(spec.removeprefix(VGG16)).expanduser().absolute()
        network = read_vgg16(path).to(device())
        return Backbone(f"{VGG16}{path}", pretrained.fingerprint(path), lambda some: _fc7(network, some))
    folder = pretrained.local_folder(spec, download)
    if not spec.startswith(pretrained.HUB):
        spec = str(folder.absolute())
    return Backbone(spec, pretrained.fingerprint(folder), _pooled(folder))


def image_processor(folder: Path) -> Callable[[Sequence[Image]], dict[str, Tensor]]:
    """What the network in a folder wants done to pictures first, by its own numbers.

    Raises
    ------
    EarmarkError
        If the folder does not say, or is damaged.
    """
    processor = pretrained.load("AutoImageProcessor", folder, backend="pil")

    def prepare(pictures: Sequence[Image]) -> dict[str, Tensor]:
        return {name: value.to(device()) for name, value in processor(list(pictures), return_tensors="pt").items()}

    return prepare


def read_network(folder: Path) -> tuple[Any, bool]:
    """The network in a folder, frozen, and whether its pooler, too, was trained.

    Raises
    ------
    EarmarkError
        If weights are missing or don't fit; many a classifier's folder has no pooler, which is no harm.
    """
    return pretrained.load_frozen(folder, spare="pooler.")


@torch.inference_mode()
def _fc7(network: Vgg16, pictures: Sequence[Image]) -> Tensor:
    fc7: Tensor = network(prepared(pictures).to(device()))
    return fc7.cpu()


def _pooled(folder: Path) -> Callable[[Sequence[Image]], Tensor]:
    """The network's own pooled output where that was trained, else the mean of its last hidden state."""
    prepare = image_processor(folder)
    network, pooler_is_trained = read_network(folder)
    network = getattr(network, "vision_model", network)

    @torch.inference_mode()
    def vectors(pictures: Sequence[Image]) -> Tensor:
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
