"""Masked-in as the code has it that Olaleye et al. (2022) released: a segment is moved to the front of 8 seconds.

The features of a segment stand at the beginning of 800 frames of zeros, all of which take part in pooling and
attention, instead of at their own place in the utterance (Eq. 8). The location is the middle of the segment that scores
highest. Every segment is a pass of 8 seconds through the model: this wants a GPU.
"""

from __future__ import annotations

import torch
from torch import Tensor

from earmark.core.timing import FEATURE_GRID
from earmark.localisation import LocalisationScores
from earmark.localisation.methods._segments import from_scored_segments
from earmark.models import SpeechModel
from earmark.models.encoded import EncodedSpeech
from earmark.models.keyword_models import KeywordModel

COST_GROWS_WITH_QUERIES = True
NEEDS_FEATURES = True
FRAMES = 800  # of 10 ms
AT_ONCE = 64  # segments


def check_model(model: SpeechModel) -> str | None:
    """It needs a model that pools by attention, as those have that the released code masks for."""
    return None if model.frame_scores == "attention" else "this model has no attention over time"


@torch.no_grad()
def localise(model: KeywordModel, encoded: EncodedSpeech, queries: Tensor) -> LocalisationScores:
    """Detection logits of the segments at the front of 8 seconds."""
    whole = round(FRAMES * FEATURE_GRID.stride / model.speech_encoder.feature_grid.stride)

    def score(features: Tensor, segments: Tensor) -> Tensor:
        parts = []
        for some in segments.split(AT_ONCE):
            versions = features.new_zeros(len(some), whole, features.shape[1])
            for version, (start, end) in zip(versions, some.tolist(), strict=True):
                version[: min(end - start, whole)] = features[start:end][:whole]
            lengths = torch.full((len(some),), whole, device=features.device)
            parts.append(model.score(model.encode_speech(versions, lengths), queries)[0])
        return torch.cat(parts)

    return from_scored_segments(model, encoded, queries, score)
