"""Gradient times input: a frame's part in the detection score (Shrikumar et al. 2016, arXiv:1605.01713).

For frames h and the detection logit y_w of keyword w, the score of frame t is ReLU[sum_k h_{t,k} dy_w/dh_{t,k}].
"""

from __future__ import annotations

import torch
from torch import Tensor

from earmark.localisation import LocalisationScores
from earmark.models import SpeechModel
from earmark.models.encoded import EncodedSpeech

COST_GROWS_WITH_QUERIES = True


def check_model(model: SpeechModel) -> str | None:
    """It needs a model for written queries."""
    return None if model.accepts == {"keyword"} else "this model is not for written queries alone"


def localise(model: SpeechModel, encoded: EncodedSpeech, queries: Tensor) -> LocalisationScores:
    """Contributions of the frames, at least 0."""
    frames, lengths = encoded.speech
    with torch.enable_grad():
        frames = frames.detach().requires_grad_()
        logits, _ = model.score((frames, lengths), queries)
        gradients = [torch.autograd.grad(logits[:, q].sum(), frames, retain_graph=True)[0] for q in range(len(queries))]
    detection = logits.detach()
    if not gradients:
        return LocalisationScores.from_frames(encoded, frames.new_zeros(len(frames), 0, frames.shape[1]), detection)
    scores = (torch.stack(gradients, dim=1) * frames.detach()[:, None]).sum(dim=3).relu()
    return LocalisationScores.from_frames(encoded, scores, detection)
