"""The grid of masked segments and their scores, for masked-in and masked-out (Olaleye et al. 2022, III-B2)."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from earmark.core.timing import FEATURE_GRID, FrameGrid
from earmark.localisation import LocalisationScores
from earmark.localisation.methods._fast_masking import masked_logits
from earmark.models import SpeechModel
from earmark.models.encoded import EncodedSpeech
from earmark.models.keyword_models import KeywordModel
from earmark.models.speech_encoders.conv import ConvEncoder

# In features of 10 ms. The paper says 200 to 600 ms, "overlapping by 30 ms"; its code makes that the step from one
# start to the next and from one length to the next, so that the longest has 59.
SIZES = SHORTEST, LONGEST, STEP = 20, 60, 3


def segments_of(features: int, shortest: int = SHORTEST, longest: int = LONGEST, step: int = STEP) -> Tensor:
    """All segments of an utterance: every `step` features one of every length from `shortest` on.

    Parameters
    ----------
    features : int
        T. An utterance shorter than `shortest` is one segment.
    shortest, longest, step : int
        In features.

    Returns
    -------
    torch.Tensor, shape = (S, 2)
        First feature and one past the last; in the order of their starts, then of their lengths.
    """
    if features < shortest:
        return torch.tensor([[0, features]])
    starts = torch.arange(0, features - shortest + 1, step)
    lengths = torch.arange(shortest, longest + 1, step)
    ends = starts[:, None] + lengths
    segments = torch.stack([starts[:, None].expand_as(ends), ends], dim=2).flatten(0, 1)
    return segments[segments[:, 1] <= features]


def sizes_on(grid: FrameGrid) -> tuple[int, int, int]:
    """The shortest and the longest segment and the step, in the features of `grid` that last about as long."""
    shortest, longest, step = (max(1, round(size * FEATURE_GRID.stride / grid.stride)) for size in SIZES)
    return shortest, longest, step


Versions = Callable[[Tensor], tuple[Tensor, Tensor]]
Score = Callable[[Tensor, Tensor], Tensor]  # features (T, F) and segments (S, 2) of an utterance -> logits (S, Q)


def unfit_for_masking(model: SpeechModel) -> str | None:
    """Why a model's input can't be masked segment by segment; None if it can."""
    if model.accepts != {"keyword"}:
        return "this model is not for written queries alone"
    if not isinstance(model.speech_encoder, ConvEncoder):
        return "this model has several members: train it with model.members=1"
    return None


def from_segments(
    model: KeywordModel, encoded: EncodedSpeech, queries: Tensor, versions: Versions, sign: float
) -> LocalisationScores:
    """Localisation scores of segments: the logits of a batch's masked versions times `sign`.

    Parameters
    ----------
    versions : callable
        From an utterance's features (T, F) to the features outside and those inside of a segment, each (T, F).
    """

    def score(features: Tensor, segments: Tensor) -> Tensor:
        return sign * masked_logits(model, *versions(features), segments, queries)

    return from_scored_segments(model, encoded, queries, score)


def from_scored_segments(
    model: KeywordModel, encoded: EncodedSpeech, queries: Tensor, score: Score
) -> LocalisationScores:
    """Localisation scores of segments from logits of the segments of each utterance."""
    features, lengths = encoded.features, encoded.lengths
    assert features is not None
    assert lengths is not None
    detection = model.score(encoded.speech, queries)[0]
    # One number a segment, since distinct numbers are found much sooner than distinct pairs.
    past_end = features.shape[1] + 1
    grid = model.speech_encoder.feature_grid
    each = [segments_of(length, *sizes_on(grid)).to(features.device) for length in lengths.tolist()]
    keys = [segments[:, 0] * past_end + segments[:, 1] for segments in each]
    every = torch.cat([lengths.new_zeros(0), *keys]).unique()
    scores = features.new_full((len(lengths), len(queries), len(every)), -math.inf)
    for row, utterance, length, segments, key in zip(scores, features, lengths.tolist(), each, keys, strict=True):
        row[:, torch.searchsorted(every, key)] = score(utterance[:length], segments).T
    starts_s, ends_s = (grid.edge_s(edge.double()) for edge in (every // past_end, every % past_end))
    return LocalisationScores(scores, starts_s, ends_s, detection, logits=True)
