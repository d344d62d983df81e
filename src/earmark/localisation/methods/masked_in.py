"""Masked-in: the keyword is where a segment, left alone in silence, scores highest (Olaleye et al. 2022, Eq. 8).

.. math:: \\alpha_{w,t} = \\sigma(\\mathrm{DNN}(a \\odot m_t)_w)

The segment stays in its place and the utterance keeps its length; all other features are 0, the mean of normalised
features.
"""

from __future__ import annotations

import torch
from torch import Tensor

from earmark.localisation import LocalisationScores
from earmark.localisation.methods._segments import from_segments, unfit_for_masking
from earmark.models import SpeechModel
from earmark.models.encoded import EncodedSpeech
from earmark.models.keyword_models import KeywordModel

COST_GROWS_WITH_QUERIES = True
NEEDS_FEATURES = True


def check_model(model: SpeechModel) -> str | None:
    """It needs a model for written queries with one encoder."""
    return unfit_for_masking(model)


@torch.no_grad()
def localise(model: KeywordModel, encoded: EncodedSpeech, queries: Tensor) -> LocalisationScores:
    """Detection logits of the segments alone."""
    return from_segments(model, encoded, queries, lambda features: (torch.zeros_like(features), features), 1.0)
