"""Localisation scores from scores of the encoder's frames, shared by most methods."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from earmark.localisation import LocalisationScores
from earmark.models import SpeechModel
from earmark.models.base import EncodedQueries
from earmark.models.encoded import EncodedSpeech
from earmark.models.padding import padding_mask


def from_frames(encoded: EncodedSpeech, scores: Tensor, detection: Tensor, logits: bool) -> LocalisationScores:
    """Localisation scores from scores of frames, with the frames' times.

    Parameters
    ----------
    encoded : EncodedSpeech
        Whose frames were scored; its grid says where they lie.
    scores : torch.Tensor, shape = (B, Q, T')
    detection : torch.Tensor, shape = (B, Q)
    logits : bool
        Whether the scores are logits.
    """
    padded = ~padding_mask(encoded.frame_lengths, scores.shape[2])[:, None]
    centres = encoded.grid.centre_s(torch.arange(scores.shape[2], dtype=torch.float64, device=scores.device))
    half = encoded.grid.stride_s / 2
    scores = scores.masked_fill(padded, -math.inf)
    return LocalisationScores(scores, centres - half, centres + half, detection, logits)


def model_scores(
    model: SpeechModel, encoded: EncodedSpeech, queries: EncodedQueries, logits: bool
) -> LocalisationScores:
    """The localisation scores that the model itself gives with its detection scores."""
    detection, scores = model.score(encoded.speech, queries)
    assert scores is not None
    return from_frames(encoded, scores, detection, logits)
