"""What the methods share whose pieces of speech are the encoder's own frames."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from earmark.localisation import LocalisationScores
from earmark.models import AnyModel
from earmark.models.padding import padding_mask


def from_frames(
    model: AnyModel, scores: Tensor, lengths: Tensor, detection: Tensor, logits: bool
) -> LocalisationScores:
    """Scores (B, Q, T') of the encoder's frames, of which (B,) are real, laid out in time."""
    padded = ~padding_mask(lengths, scores.shape[2])[:, None]
    centres = model.grid.centre_s(torch.arange(scores.shape[2], dtype=torch.float64, device=scores.device))
    half = model.grid.stride_s / 2
    scores = scores.masked_fill(padded, -math.inf)
    return LocalisationScores(scores, centres - half, centres + half, detection, logits)


def model_scores(model: AnyModel, features: Tensor, lengths: Tensor, queries: Any, logits: bool) -> LocalisationScores:
    """The localisation scores that the model itself gives with its detection scores."""
    frames, lengths = model.encode_speech(features, lengths)
    detection, scores = model.score((frames, lengths), queries)
    assert scores is not None
    return from_frames(model, scores, lengths, detection, logits)
