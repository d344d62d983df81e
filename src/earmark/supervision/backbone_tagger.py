"""Taggers on the vectors of a frozen pretrained image network: a head with one sigmoid a word.

The vectors are computed once and kept. The heads are in :mod:`earmark.supervision.mlp_tagger` and
:mod:`earmark.supervision.linear_tagger`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

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


class BackboneTaggerSettings(BaseModel):
    """What all taggers on a backbone say of themselves."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: str = Field(description="a network as --backbone names it")
    backbone_sha256: str = Field(description="a backbone with other weights would make nonsense of the vectors")
    pictures_sha256: str = Field("", description="of names and captions; training goes on with the same ones alone")


Settings = TypeVar("Settings", bound=BackboneTaggerSettings)


@dataclass(frozen=True)
class BackboneTagger:
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


def read_backbone_tagger(
    folder: Path, kind: type[Settings], build: Callable[[int, Settings, int], nn.Sequential]
) -> BackboneTagger:
    """Load a tagger and its backbone; nothing is downloaded.

    Parameters
    ----------
    folder : Path
    kind : type
        Of its settings.
    build : callable
        A head from the dimension of the vectors, the settings and the number of words.

    Raises
    ------
    EarmarkError
        If the tagger is damaged or unfinished, or its backbone is gone or another.
    """
    refuse_unfinished(folder)
    with or_damaged(folder):
        settings, vocabulary = read_settings(folder, kind), read_vocabulary(folder)
        weights = read_weights(folder)
        head = build(weights["0.weight"].shape[1], settings, len(vocabulary))
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
    return BackboneTagger(vocabulary, head.to(device()).eval(), backbone, folder / VECTORS)


def backbone_vectors(backbone: Backbone, images: Sequence[Path], cache: Path, task: str) -> Rows:
    """The backbone's vectors of pictures, (N, D), from `cache` where they are there."""
    return vectors_of(images, backbone.vectors, cache / backbone.sha256[:16], task)
