"""The paper's tagger: a multilayer perceptron on the vectors of a frozen pretrained image network.

Its sizes and its training are those of the tagger behind Olaleye et al. (2022): four layers of 2048 with ReLU and
dropout on VGG-16's fc7, one sigmoid a word, Adam, and early stopping. It is trained by
:func:`earmark.training.taggers.train_mlp_tagger`.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from torch import nn

from earmark.supervision.backbone_tagger import BackboneTagger, BackboneTaggerSettings, read_backbone_tagger


class MlpTaggerSettings(BackboneTaggerSettings):
    """How a tagger is built and trained."""

    layers: int = Field(4, ge=1)
    hidden: int = Field(2048, ge=1)
    dropout: float = Field(0.25, ge=0, lt=1)
    epochs: int = Field(75, ge=1, description="at most")
    patience: int = Field(5, ge=1, description="epochs without a lower loss on the pictures held out, then it ends")
    held_out: float = Field(0.05, gt=0, lt=1, description="part of the pictures that is never learned from")
    batch_size: int = Field(256, ge=1)
    learning_rate: float = Field(1e-4, gt=0)
    seed: int = 0


def read_mlp_tagger(folder: Path) -> BackboneTagger:
    """Load a tagger; errors are those of :func:`~earmark.supervision.backbone_tagger.read_backbone_tagger`."""
    return read_backbone_tagger(folder, MlpTaggerSettings, mlp)


def mlp(inputs: int, settings: MlpTaggerSettings, outputs: int) -> nn.Sequential:
    """Vectors (B, `inputs`) to logits (B, `outputs`)."""
    layers: list[nn.Module] = []
    for _ in range(settings.layers):
        layers += [nn.Linear(inputs, settings.hidden), nn.ReLU(), nn.Dropout(settings.dropout)]
        inputs = settings.hidden
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))
