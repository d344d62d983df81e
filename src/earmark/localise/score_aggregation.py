"""Score aggregation: the frames' own scores, before they are pooled (Olaleye et al. 2022, Section III-B3)."""

from __future__ import annotations

from torch import Tensor

from earmark.localise import LocalisationScores
from earmark.localise._frames import own_scores
from earmark.models.written import FrameScoreModel, WrittenModel


def refuses(model: WrittenModel) -> str | None:
    """It needs a model whose frames are scored for every keyword."""
    return None if isinstance(model, FrameScoreModel) else "this model's frames have no scores of their own"


def localise(model: WrittenModel, features: Tensor, lengths: Tensor, queries: Tensor) -> LocalisationScores:
    """Scores of the frames: h_{w,t}, as logits."""
    return own_scores(model, features, lengths, queries, logits=True)
