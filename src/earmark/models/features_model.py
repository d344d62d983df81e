"""A model of features alone: nothing is trained, and the frames are the features as they come out of the extractor.

It indexes recordings for spoken queries (:mod:`earmark.archive.search_by_clip`) and knows no keywords and no images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from earmark.core.errors import EarmarkError
from earmark.core.timing import FrameGrid
from earmark.core.types import Query, QueryKind
from earmark.core.vocabulary import Vocabulary
from earmark.models.base import EncodedQueries, FrameScores, Speech, SpeechModel
from earmark.models.speech_encoders import SpeechEncoder

NO_QUERIES = (
    "This archive was indexed with features alone, by which it finds spoken examples: search it with --clip, or index "
    "it with a trained model to search for words and pictures."
)


class FeaturesAsFrames(SpeechEncoder):
    """A speech encoder that changes nothing.

    Parameters
    ----------
    features : int
        Numbers a frame.
    feature_grid : FrameGrid
    """

    def __init__(self, features: int, feature_grid: FrameGrid) -> None:
        super().__init__()
        self.dimension, self.feature_grid, self.grid = features, feature_grid, feature_grid

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, T, F) and lengths (B,), as they are."""
        return features, lengths


class FeaturesModel(SpeechModel):
    """A model that encodes speech and accepts no query.

    Parameters
    ----------
    features : int
    feature_grid : FrameGrid
    """

    accepts: frozenset[QueryKind] = frozenset()
    objectives: frozenset[str] = frozenset()
    frame_scores: FrameScores | None = None

    def __init__(self, features: int, feature_grid: FrameGrid) -> None:
        super().__init__(Vocabulary.empty(), FeaturesAsFrames(features, feature_grid))

    @property
    def device(self) -> torch.device:
        """The processor: there is nothing to compute."""
        return torch.device("cpu")

    def encode_queries(self, queries: Sequence[Query]) -> EncodedQueries:
        """Refuse every query."""
        raise EarmarkError(NO_QUERIES)

    def score(self, speech: Speech, queries: Any) -> tuple[Tensor, Tensor | None]:
        """Refuse every query."""
        raise EarmarkError(NO_QUERIES)
