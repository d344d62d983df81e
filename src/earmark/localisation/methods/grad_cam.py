"""Grad-CAM: frames weighted by the gradient of the detection score (Olaleye et al. 2022, Eqs. 6 and 7).

Each dimension k of the encoder's frames h is weighed by how much keyword w's detection score would rise with it,

.. math:: \\gamma_{k,w} = \\frac{1}{T} \\sum_t \\frac{\\partial \\hat y_w}{\\partial h_{t,k}},
          \\qquad \\alpha_{w,t} = \\mathrm{ReLU}\\Big[\\sum_k \\gamma_{k,w} h_{t,k}\\Big]

over the T real frames of the utterance. Where no frame raises the score, all alpha are 0 and there is no location: the
first frame is returned instead.
"""

from __future__ import annotations

import torch
from torch import Tensor

from earmark.localisation import LocalisationScores
from earmark.models import SpeechModel
from earmark.models.base import Speech
from earmark.models.encoded import EncodedSpeech
from earmark.models.keyword_models import KeywordModel


def check_model(model: SpeechModel) -> str | None:
    """It needs a model for written queries."""
    return None if model.accepts == {"keyword"} else "this model is not for written queries alone"


def localise(model: KeywordModel, encoded: EncodedSpeech, queries: Tensor) -> LocalisationScores:
    """Weighted sums of the frames' dimensions: alpha_{w,t}, at least 0."""
    detection, importance = _importance(model, encoded.speech, queries)
    scores = torch.einsum("bqk,btk->bqt", importance, encoded.frames).relu()
    return LocalisationScores.from_frames(encoded, scores, detection, logits=False)


def _importance(model: KeywordModel, speech: Speech, queries: Tensor) -> tuple[Tensor, Tensor]:
    """Detection logits (B, Q), and gamma (B, Q, K)."""
    frames, lengths = speech
    with torch.enable_grad():
        # One shift of all frames together: its gradient is the sum of theirs over time.
        shift = torch.zeros_like(frames[:, :1], requires_grad=True)
        logits, _ = model.score((frames + shift, lengths), queries)
        slopes = [torch.autograd.grad(logits[:, q].sum(), shift, retain_graph=True)[0] for q in range(len(queries))]
    detection = logits.detach()
    if not slopes:
        return detection, frames.new_zeros(len(frames), 0, frames.shape[2])
    # The derivative of the sigmoid, written so that it does not round to 0 where the score is nearly 1.
    steepness = detection.sigmoid() * (-detection).sigmoid()
    gradient = steepness[:, :, None] * torch.cat(slopes, dim=1)
    return detection, gradient / lengths[:, None, None]
