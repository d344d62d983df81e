"""The tagger of few captioned pictures: a linear probe, which is logistic regression on a frozen network's vectors.

A few hundred captioned pictures are enough, where the paper's perceptron needs tens of thousands. Its loss is the
binary cross-entropy, summed over the words, plus a penalty on the squared weights of standardised vectors; it has one
minimum, so that there is neither a seed nor early stopping, and no picture is held out. It is trained by
:func:`earmark.training.taggers.train_linear_tagger`.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from torch import nn

from earmark.supervision.backbone_tagger import BackboneTagger, BackboneTaggerSettings, read_backbone_tagger


class LinearTaggerSettings(BackboneTaggerSettings):
    """How a tagger is trained."""

    penalty: float = Field(0.03, gt=0, description="on the squared weights; chosen on dev (docs/tagging.md)")
    iterations: int = Field(200, ge=1, description="of L-BFGS, at most")


def linear(inputs: int, settings: LinearTaggerSettings, outputs: int) -> nn.Sequential:
    """Vectors (B, `inputs`) to logits (B, `outputs`)."""
    return nn.Sequential(nn.Linear(inputs, outputs))


def read_linear_tagger(folder: Path) -> BackboneTagger:
    """Load a tagger; errors are those of :func:`~earmark.supervision.backbone_tagger.read_backbone_tagger`."""
    return read_backbone_tagger(folder, LinearTaggerSettings, linear)
