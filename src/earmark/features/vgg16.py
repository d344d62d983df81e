"""VGG-16 up to fc7, the image network under the paper's tagger (Simonyan and Zisserman 2015, configuration D)."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from PIL.Image import Image, Resampling
from safetensors import SafetensorError
from torch import Tensor, nn

from earmark.core.errors import EarmarkError

# Output channels of the 13 convolutions, in units of the first's; "M" halves both sides.
LAYERS = (1, 1, "M", 2, 2, "M", 4, 4, 4, "M", 8, 8, 8, "M", 8, 8, 8, "M")
SHORTER_SIDE, SIDE = 256, 224
# Of ImageNet's training pictures, by channel, as the released weights expect them.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Vgg16(nn.Module):
    """Pictures (B, 3, 224, 224), normalised, to fc7 after its ReLU: (B, `hidden`).

    Modules are called and numbered as in the weights that are passed around: ``features.0.weight``, ...,
    ``classifier.3.bias``. The last layer, the classes of ImageNet, is left out, and so is dropout.

    Parameters
    ----------
    width, hidden : int
        Channels of the first convolution, and outputs of fc6 and fc7.
    """

    def __init__(self, width: int = 64, hidden: int = 4096) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for layer in LAYERS:
            if isinstance(layer, str):
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(inputs, layer * width, 3, padding=1), nn.ReLU()]
                inputs = layer * width
        self.features = nn.Sequential(*layers)
        places = inputs * (SIDE // 32) ** 2
        self.classifier = nn.Sequential(
            nn.Linear(places, hidden), nn.ReLU(), nn.Identity(), nn.Linear(hidden, hidden), nn.ReLU()
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """Activations of fc7."""
        fc7: Tensor = self.classifier(self.features(pictures).flatten(1))
        return fc7


def prepared(pictures: Sequence[Image]) -> Tensor:
    """The middle 224 x 224 of pictures scaled to a shorter side of 256, normalised: (B, 3, 224, 224)."""
    crops = np.stack([np.asarray(_cropped(picture), dtype=np.float32) for picture in pictures])
    return ((torch.from_numpy(crops) / 255 - torch.tensor(MEAN)) / torch.tensor(STD)).permute(0, 3, 1, 2)


def _cropped(picture: Image) -> Image:
    scale = SHORTER_SIDE / min(picture.size)
    width, height = (max(SHORTER_SIDE, round(side * scale)) for side in picture.size)
    left, top = (width - SIDE) // 2, (height - SIDE) // 2
    return picture.resize((width, height), Resampling.BILINEAR).crop((left, top, left + SIDE, top + SIDE))


def read_vgg16(path: Path) -> Vgg16:
    """Load weights from a ``.safetensors`` file or one of torch's; nothing but tensors is unpickled.

    Raises
    ------
    EarmarkError
        If the file is missing, damaged, or holds something else.
    """
    if not path.is_file():
        raise EarmarkError(f"There are no weights {path}: give the file of a VGG-16, as vgg16:FILE.")
    try:
        if path.suffix == ".safetensors":
            weights = safetensors.torch.load_file(path)
        else:
            weights = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise EarmarkError(f"{path} can't be read as weights ({type(error).__name__}): copy it again.") from error
    try:
        with torch.device("meta"):  # no time for chance weights that are replaced at once
            network = Vgg16(len(weights["features.0.bias"]), len(weights["classifier.0.bias"]))
        network.load_state_dict({name: weights[name].float() for name in network.state_dict()}, assign=True)
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise EarmarkError(
            f"{path} holds no VGG-16 with features.0 to features.28 and classifier.0 and 3, without batch norm: "
            "give other weights."
        ) from error
    return network.eval().requires_grad_(False)
