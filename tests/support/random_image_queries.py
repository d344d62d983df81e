"""Small models that are asked with pictures, with chance weights, and pictures to ask them with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from earmark.core.types import ImageQuery, Prompt
from earmark.core.vocabulary import Vocabulary
from earmark.models import build
from earmark.models.image_encoders.small import Settings as SmallImage
from earmark.models.image_query_models import ImageQueryModel
from earmark.models.speech_encoders.conv import MaskedBatchNorm
from earmark.models.speech_encoders.conv import Settings as ConvSpeech
from earmark.recipe import ConvLayer, ImageQueryModelSettings, Keywords, LocalisingAttention, Matchmap, MatchmapMaximum

FEATURES = 5
WORDS = Vocabulary(["dog", "ọmọ", "red house"])
DIMENSION = 4
SIMILARITIES = {
    "misa": Matchmap(kind="matchmap", pool="misa"),
    "sisa": Matchmap(kind="matchmap", pool="sisa"),
    "sima": Matchmap(kind="matchmap", pool="sima"),
    "max": MatchmapMaximum(kind="max"),
    "localising-attention": LocalisingAttention(kind="localising-attention"),
    "keywords": Keywords(kind="keywords", r=1.5),
}
PAIR_KINDS = tuple(kind for kind in SIMILARITIES if kind != "keywords")


def settings_of(kind: str, stride: int = 1) -> ImageQueryModelSettings:
    """A recipe's model with one convolution over speech and two over pictures."""
    return ImageQueryModelSettings(
        speech=ConvSpeech(kind="conv", layers=[ConvLayer(channels=6, kernel=5, stride=stride, norm=True)]),
        image=SmallImage(kind="small", side=32, channels=[4, 4]),
        dimension=DIMENSION,
        similarity=SIMILARITIES[kind],
    )


def fresh(kind: str, stride: int = 1, seed: int = 0) -> Any:
    """A model in evaluation mode whose batch norms have seen something."""
    torch.manual_seed(seed)
    model = build(settings_of(kind, stride), FEATURES, WORDS)
    assert isinstance(model, ImageQueryModel)
    for part in model.modules():
        if isinstance(part, (MaskedBatchNorm, nn.BatchNorm2d)):
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.5, 2)
            nn.init.normal_(part.bias)
    return model.eval()


def subjects(*counts: int, seed: int = 0) -> list[Tensor]:
    """What a model could have seen: for each query its pictures' pixels, (n, 2, 3, D), in double precision."""
    rng = torch.Generator().manual_seed(seed)
    return [torch.randn(count, 2, 3, DIMENSION, generator=rng, dtype=torch.float64) for count in counts]


def speech(lengths: Sequence[int], seed: int = 0) -> tuple[Tensor, Tensor]:
    """What a model could have heard: frames (B, T, D), zero where padded, in double precision."""
    rng = torch.Generator().manual_seed(seed + 1)
    frames = torch.randn(len(lengths), max(lengths) + 2, DIMENSION, generator=rng, dtype=torch.float64)
    for row, length in zip(frames, lengths, strict=True):
        row[length:] = 0
    return frames, torch.tensor(lengths)


def pictures(folder: Path, count: int) -> list[Path]:
    """Files of pictures, each with another pattern."""
    rng = np.random.default_rng(0)
    paths = [folder / f"picture {number}.png" for number in range(count)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(path)
    return paths


def query(name: str, *paths: Path) -> ImageQuery:
    return ImageQuery(name, tuple(Prompt(path) for path in paths))
