"""Detection logits of many masked versions of an utterance, by the cheapest computation that gives the same numbers.

The obvious way passes every version through the whole model. Here the encoder computes distinct frames only
(:mod:`earmark.localisation.methods._fast_encoder`), and where attention follows an affine last
convolution, that one is not computed frame by frame
(:mod:`earmark.localisation.methods._fast_attention`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor

from earmark.localisation.methods._fast_attention import NUMBERS_AT_ONCE, folded_logits
from earmark.localisation.methods._fast_encoder import Convolution, SharedFrames, Step, shared_features, steps_of
from earmark.models.keyword_models import AttentionModel, KeywordModel
from earmark.models.speech_encoders.conv import ConvEncoder

SEGMENTS_AT_ONCE = 2048  # whose distinct frames are in memory together


def masked_logits(model: KeywordModel, outside: Tensor, inside: Tensor, segments: Tensor, queries: Tensor) -> Tensor:
    """Detection logits of the versions of one utterance in which one segment each is replaced.

    Parameters
    ----------
    model : KeywordModel
        In evaluation mode.
    outside, inside : torch.Tensor, shape = (T, F)
        A version has the features of `inside` within its segment, those of `outside` elsewhere.
    segments : torch.Tensor, shape = (S, 2)
        Each from its first feature to one past its last.
    queries : torch.Tensor, shape = (Q,)

    Returns
    -------
    torch.Tensor, shape = (S, Q)
    """
    steps, logits = _split_model(model)
    parts = [outside.new_zeros(0, len(queries))]
    for some in segments.split(SEGMENTS_AT_ONCE):
        shared = shared_features(outside, inside, some)
        for step in steps:
            shared = shared.apply(step)
        parts.append(logits(shared, queries))
    return torch.cat(parts)


def _split_model(model: KeywordModel) -> tuple[list[Step], Callable[[SharedFrames, Tensor], Tensor]]:
    """The steps of the encoder that must be computed, and the function from their output to logits (S, Q)."""
    *steps, last = steps_of(cast(ConvEncoder, model.speech_encoder))
    if model.frame_scores == "attention" and isinstance(last, Convolution) and last.is_affine:
        return steps, lambda shared, queries: folded_logits(cast(AttentionModel, model), last, shared, queries)
    return [*steps, last], lambda shared, queries: _pooled(model, shared, queries)


def _pooled(model: KeywordModel, shared: SharedFrames, queries: Tensor) -> Tensor:
    """The model's own scores of all frames of every version."""
    segments = torch.arange(len(shared.index.own_counts), device=queries.device)
    channels = shared.rows.shape[1]
    numbers_per_query = max(
        channels, *(parameter.shape[0] for parameter in model.parameters())
    )  # at most, in any model
    at_once = max(1, NUMBERS_AT_ONCE // max(shared.index.frames * channels, len(queries) * numbers_per_query))
    parts = []
    for some in segments.split(at_once):
        lengths = torch.full_like(some, shared.index.frames)
        parts.append(model.score((shared.frames_of(some), lengths), queries)[0])
    return torch.cat(parts)
