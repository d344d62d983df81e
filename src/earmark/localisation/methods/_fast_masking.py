"""Detection logits of many masked versions of an utterance, by the shortest way that gives the same numbers.

The straightforward way passes every version through the whole model. Here the encoder works on distinct frames alone
(:mod:`earmark.models.mosaic`), and where attention follows a linear last convolution, not even on those of that
(:mod:`earmark.localisation.methods._fast_attention`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor

from earmark.localisation.methods._fast_attention import NUMBERS_AT_ONCE, folded_logits
from earmark.localisation.methods._fast_encoder import Convolution, Mosaic, Step, lay, steps_of
from earmark.models.keyword_models import AttentionModel, KeywordModel

SEGMENTS_AT_ONCE = 2048  # whose distinct frames are kept together; bounds the memory


def masked_logits(model: KeywordModel, outside: Tensor, inside: Tensor, segments: Tensor, queries: Tensor) -> Tensor:
    """Detection logits of the versions of one utterance in which one segment each is exchanged.

    Parameters
    ----------
    model : WrittenModel
        In evaluation mode.
    outside, inside : torch.Tensor, shape = (T, F)
        A version has the features of `inside` within its segment, those of `outside` elsewhere.
    segments : torch.Tensor, shape = (S, 2)
        Each from a feature up to, but not with, another.
    queries : torch.Tensor, shape = (Q,)

    Returns
    -------
    torch.Tensor, shape = (S, Q)
    """
    steps, logits = _way(model)
    parts = [outside.new_zeros(0, len(queries))]
    for some in segments.split(SEGMENTS_AT_ONCE):
        mosaic = lay(outside, inside, some)
        for step in steps:
            mosaic = mosaic.then(step)
        parts.append(logits(mosaic, queries))
    return torch.cat(parts)


def _way(model: KeywordModel) -> tuple[list[Step], Callable[[Mosaic, Tensor], Tensor]]:
    """The steps of the encoder that must be taken, and how logits (S, Q) come from what they lead to."""
    *steps, last = steps_of(model.speech_encoder)
    if model.frame_scores == "attention" and isinstance(last, Convolution) and last.is_affine:
        return steps, lambda mosaic, queries: folded_logits(cast(AttentionModel, model), last, mosaic, queries)
    return [*steps, last], lambda mosaic, queries: _pooled(model, mosaic, queries)


def _pooled(model: KeywordModel, mosaic: Mosaic, queries: Tensor) -> Tensor:
    """The model's own scores of all frames of every version."""
    segments = torch.arange(len(mosaic.layout.own), device=queries.device)
    channels = mosaic.rows.shape[1]
    a_query = max(channels, *(parameter.shape[0] for parameter in model.parameters()))  # at most, in any model
    at_once = max(1, NUMBERS_AT_ONCE // max(mosaic.layout.frames * channels, len(queries) * a_query))
    parts = []
    for some in segments.split(at_once):
        lengths = torch.full_like(some, mosaic.layout.frames)
        parts.append(model.score((mosaic.frames_of(some), lengths), queries)[0])
    return torch.cat(parts)
