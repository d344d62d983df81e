"""Grad-CAM as the code has it that Olaleye et al. (2022) released, for CNN-Pool.

It departs from Eqs. 6 and 7: the derivative is that of the logit, the embeddings are those before the last ReLU, 1 is
added to their weighted sum, and the location is the last peak, with a prominence of at least 0.01, of the map that is
scaled to [0, 1] and interpolated to the features' rate:

.. math:: \\gamma_{k,w} = \\frac{1}{T} \\sum_t \\frac{\\partial \\mathrm{logit}_w}{\\partial h_{t,k}},
          \\qquad \\alpha_{w,t} = \\mathrm{ReLU}\\Big[1 + \\sum_k \\gamma_{k,w} h_{t,k}\\Big]

Without any peak the released code has no location; here it is the first frame.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from earmark.localisation import LocalisationScores
from earmark.localisation.methods._released_peaks import last_peak_alone
from earmark.models import SpeechModel
from earmark.models.encoded import EncodedSpeech
from earmark.models.keyword_models import MaxModel
from earmark.models.padding import padding_mask
from earmark.models.speech_encoders.conv import Block

NEEDS_FEATURES = True
PROMINENCE = 0.01


def check_model(model: SpeechModel) -> str | None:
    """It needs a model that pools by the maximum over time, with neither pooling nor a shortcut in its last layer."""
    last = model.speech_encoder.blocks[-1] if isinstance(model, MaxModel) else None
    fits = isinstance(last, Block) and last.pool == 1 and not last.residual
    return None if fits else "this model is not CNN-Pool, whose encoder ends in a plain convolution"


def localise(model: MaxModel, encoded: EncodedSpeech, queries: Tensor) -> LocalisationScores:
    """The map at its last peak, and 0 for all other features."""
    features, lengths = encoded.features, encoded.lengths
    assert features is not None
    assert lengths is not None
    detection = model.score(encoded.speech, queries)[0]
    maps = features.new_zeros(len(features), len(queries), features.shape[1])
    last = cast(Block, model.speech_encoder.blocks[-1])
    for b, length in enumerate(lengths.tolist()):
        with torch.no_grad():
            inputs, _ = model.speech_encoder.before_last(features[b : b + 1, :length], lengths[b : b + 1])
            embeddings = last.conv(inputs)
            if last.norm is not None:
                embeddings = last.norm(embeddings, torch.ones_like(embeddings[:, 0], dtype=torch.bool))
            embeddings = embeddings.transpose(1, 2)  # (1, T', K), before the ReLU
        weights = _gradients(model, last, embeddings, queries)
        alpha = (1 + torch.einsum("qk,tk->qt", weights, embeddings[0])).relu()
        alpha = alpha - alpha.amin(dim=1, keepdim=True)
        alpha = alpha / alpha.amax(dim=1, keepdim=True).clamp_min(torch.finfo(alpha.dtype).tiny)
        maps[b, :, :length] = _interpolated(alpha, length)
    peaks = last_peak_alone(maps, lengths, PROMINENCE)
    return _on_features(model, peaks, lengths, detection)


def _gradients(model: MaxModel, last: Block, embeddings: Tensor, queries: Tensor) -> Tensor:
    """gamma, the mean over time of the logits' slopes at the embeddings of one utterance: (Q, K)."""
    with torch.enable_grad():
        at = embeddings.detach().requires_grad_()
        frames = at.relu() if last.relu else at
        logits = model.score((frames, torch.tensor([at.shape[1]], device=at.device)), queries)[0][0]
        slopes = [torch.autograd.grad(logit, at, retain_graph=True)[0][0].mean(dim=0) for logit in logits]
    return torch.stack(slopes) if slopes else embeddings.new_zeros(0, embeddings.shape[2])


def _interpolated(alpha: Tensor, length: int) -> Tensor:
    """Maps (Q, T') at `length` points, the first and the last where they were."""
    place = torch.linspace(0, alpha.shape[1] - 1, length, device=alpha.device, dtype=torch.float64)
    low = place.floor().long().clamp(max=max(alpha.shape[1] - 2, 0))
    high = (low + 1).clamp(max=alpha.shape[1] - 1)
    share = (place - low).to(alpha.dtype)
    return alpha[:, low] * (1 - share) + alpha[:, high] * share


def _on_features(model: MaxModel, scores: Tensor, lengths: Tensor, detection: Tensor) -> LocalisationScores:
    grid = model.speech_encoder.feature_grid
    edges = torch.arange(scores.shape[2] + 1, dtype=torch.float64, device=scores.device)
    edges_s = grid.edge_s(edges)
    padded = ~padding_mask(lengths, scores.shape[2])[:, None]
    return LocalisationScores(scores.masked_fill(padded, -torch.inf), edges_s[:-1], edges_s[1:], detection, False)
