"""The paper's tagger: a multilayer perceptron on the vectors of a frozen pretrained image network.

Its sizes and its training are those of the tagger behind Olaleye et al. (2022): four layers of 2048 with ReLU and
dropout on VGG-16's fc7, one sigmoid a word, Adam, and early stopping. The vectors are computed once and kept. It is
trained by :func:`earmark.training.taggers.train_mlp_tagger`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from earmark.core.errors import EarmarkError
from earmark.core.hub import device
from earmark.core.vocabulary import Vocabulary
from earmark.features.image_cache import Rows, vectors_of
from earmark.features.image_encoder import Backbone, read_backbone
from earmark.supervision.tagger_folder import (
    or_damaged,
    read_settings,
    read_vocabulary,
    read_weights,
    refuse_unfinished,
)

VECTORS = "vectors"


class MlpTaggerSettings(BaseModel):
    """How a tagger is built and trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: str = Field(description="a network as --backbone names it")
    backbone_sha256: str = Field(description="a backbone with other weights would make nonsense of the vectors")
    pictures_sha256: str = Field("", description="of names and captions; training goes on with the same ones alone")
    layers: int = Field(4, ge=1)
    hidden: int = Field(2048, ge=1)
    dropout: float = Field(0.25, ge=0, lt=1)
    epochs: int = Field(75, ge=1, description="at most")
    patience: int = Field(5, ge=1, description="epochs without a lower loss on the pictures held out, then it ends")
    held_out: float = Field(0.05, gt=0, lt=1, description="part of the pictures that is never learned from")
    batch_size: int = Field(256, ge=1)
    learning_rate: float = Field(1e-4, gt=0)
    seed: int = 0


@dataclass(frozen=True)
class MlpTagger:
    """A trained tagger; `cache` is where vectors of pictures are kept."""

    vocabulary: Vocabulary
    head: nn.Sequential
    backbone: Backbone
    cache: Path

    @torch.no_grad()
    def tags(self, images: Sequence[Path]) -> npt.NDArray[np.float32]:
        """Tags of pictures, shape (N, W)."""
        rows = torch.from_numpy(backbone_vectors(self.backbone, images, self.cache, "Tagging pictures"))
        batches = [self.head(some.float().to(device())).sigmoid().cpu() for some in rows.split(256)]
        return torch.cat(batches).numpy()


def read_mlp_tagger(folder: Path) -> MlpTagger:
    """Load a tagger and its backbone; nothing is downloaded.

    Raises
    ------
    EarmarkError
        If the tagger is damaged or unfinished, or its backbone is gone or another.
    """
    refuse_unfinished(folder)
    with or_damaged(folder):
        settings, vocabulary = read_settings(folder, MlpTaggerSettings), read_vocabulary(folder)
        weights = read_weights(folder)
        head = mlp(weights["0.weight"].shape[1], settings, len(vocabulary))
        head.load_state_dict(weights)
    try:
        backbone = read_backbone(settings.backbone)
    except EarmarkError as error:
        raise EarmarkError(f"The tagger in {folder} needs its backbone (tagger.yaml says which): {error}") from error
    if backbone.sha256 != settings.backbone_sha256:
        raise EarmarkError(
            f"The backbone {settings.backbone} is not the one that the tagger in {folder} was trained on: "
            "put the old files back, or train the tagger again."
        )
    return MlpTagger(vocabulary, head.to(device()).eval(), backbone, folder / VECTORS)


def mlp(inputs: int, settings: MlpTaggerSettings, outputs: int) -> nn.Sequential:
    """Vectors (B, `inputs`) to logits (B, `outputs`)."""
    layers: list[nn.Module] = []
    for _ in range(settings.layers):
        layers += [nn.Linear(inputs, settings.hidden), nn.ReLU(), nn.Dropout(settings.dropout)]
        inputs = settings.hidden
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


def backbone_vectors(backbone: Backbone, images: Sequence[Path], cache: Path, task: str) -> Rows:
    """The backbone's vectors of pictures, (N, D), from `cache` where they are there."""
    return vectors_of(images, backbone.vectors, cache / backbone.sha256[:16], task)
