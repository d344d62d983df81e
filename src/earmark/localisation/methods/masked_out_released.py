"""Masked-out as the code has it that Olaleye et al. (2022) released: masks add up.

The features of a segment are set to 0 and never put back, so that the next segment is judged in what earlier ones have
left of the utterance: after the first segments all up to there is silent, at the end everything (not Eq. 9). Segments
come in the order of their starts, then of their lengths, and the location is the middle of the one behind which the
score is lowest. The released evaluation judges the interval, by rules that are laxer; here, as everywhere, the middle
must lie in the word.
"""

from __future__ import annotations

import torch
from torch import Tensor

from earmark.localisation import LocalisationScores
from earmark.localisation.methods._fast_masking import masked_logits
from earmark.localisation.methods._segments import from_scored_segments
from earmark.models import SpeechModel
from earmark.models.encoded import EncodedSpeech
from earmark.models.keyword_models import KeywordModel

COST_GROWS_WITH_QUERIES = True
NEEDS_FEATURES = True


def check_model(model: SpeechModel) -> str | None:
    """It needs a model that pools by attention, as those have that the released code masks for."""
    return None if model.frame_scores == "attention" else "this model has no attention over time"


@torch.no_grad()
def localise(model: KeywordModel, encoded: EncodedSpeech, queries: Tensor) -> LocalisationScores:
    """Detection logits of what is left of the utterances behind each segment, their sign turned."""

    def score(features: Tensor, segments: Tensor) -> Tensor:
        silent_to = segments[:, 1].cummax(dim=0).values
        distinct, of_segment = silent_to.unique(return_inverse=True)
        prefixes = torch.stack([torch.zeros_like(distinct), distinct], dim=1)
        return -masked_logits(model, features, torch.zeros_like(features), prefixes, queries)[of_segment]

    return from_scored_segments(model, encoded, queries, score)
