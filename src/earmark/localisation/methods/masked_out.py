"""Masked-out: the keyword is where silencing a segment lowers the score most (Olaleye et al. 2022, Eq. 9).

.. math:: \\alpha_{w,t} = 1 - \\sigma(\\mathrm{DNN}(a \\odot (1 - m_t))_w)

Features in the segment are set to 0, the mean of normalised features; all others stay. Each segment is silenced in the
whole utterance, not in what earlier segments have left of it.
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
    """Detection logits of the utterances without the segments, their sign turned: 1 - sigma(x) is sigma(-x)."""
    return from_segments(model, encoded, queries, lambda features: (features, torch.zeros_like(features)), -1.0)
